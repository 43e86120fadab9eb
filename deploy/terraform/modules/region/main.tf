# One machine in a network of its own. From the Internet nothing is let in but SSH from the networks that were named.

locals {
  name = "${var.common.name}-${var.region_name}"
}

data "aws_availability_zones" "here" {
  state = "available"
}

# Debian's own images.
data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"]

  filter {
    name   = "name"
    values = ["debian-12-amd64-*"]
  }

  filter {
    name   = "virtualization-type"
    values = ["hvm"]
  }
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.name }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = local.name }
}

resource "aws_subnet" "this" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(var.vpc_cidr, 8, 1)
  availability_zone = data.aws_availability_zones.here.names[0]
  tags              = { Name = local.name }
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = local.name }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.this.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "this" {
  subnet_id      = aws_subnet.this.id
  route_table_id = aws_route_table.this.id
}

resource "aws_security_group" "node" {
  name        = "${local.name}-node"
  description = "SSH from named networks, bus and database from the cluster, everything out"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${local.name}-node" }
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each          = toset(var.common.ssh_cidrs)
  security_group_id = aws_security_group.node.id
  description       = "SSH"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

# NATS, its routes and PostgreSQL, where one of the machines carries them. The page of a node stays on its loopback.
resource "aws_vpc_security_group_ingress_rule" "cluster" {
  for_each = {
    for pair in setproduct(var.common.cluster_cidrs, [4222, 6222, 5432]) : "${pair[0]} ${pair[1]}" => pair
  }
  security_group_id = aws_security_group.node.id
  description       = "Between nodes"
  cidr_ipv4         = each.value[0]
  ip_protocol       = "tcp"
  from_port         = each.value[1]
  to_port           = each.value[1]
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.node.id
  description       = "Exchanges, other nodes, packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_key_pair" "launch" {
  key_name   = local.name
  public_key = var.common.ssh_public_key
}

resource "aws_placement_group" "this" {
  name     = local.name
  strategy = "cluster"
}

resource "aws_instance" "node" {
  ami                         = data.aws_ami.debian.id
  instance_type               = var.common.instance_type
  subnet_id                   = aws_subnet.this.id
  vpc_security_group_ids      = [aws_security_group.node.id]
  key_name                    = aws_key_pair.launch.key_name
  placement_group             = aws_placement_group.this.name
  associate_public_ip_address = true
  user_data_replace_on_change = false

  user_data = templatefile("${path.module}/cloud-init.yaml.tftpl", {
    node_version = var.common.node_version
    node_sha256  = var.common.node_sha256
  })

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.common.volume_gigabytes
    encrypted   = true
  }

  lifecycle {
    # A newer image must not replace a machine that trades.
    ignore_changes = [ami, user_data]
  }

  tags = { Name = local.name }
}
