# Each pair of networks is peered, so that nodes, NATS and PostgreSQL talk over private addresses only.

resource "aws_vpc_peering_connection" "tokyo_singapore" {
  provider    = aws.tokyo
  vpc_id      = module.tokyo.vpc_id
  peer_vpc_id = module.singapore.vpc_id
  peer_region = "ap-southeast-1"
  tags        = { Name = "${var.name}-tokyo-singapore" }
}

resource "aws_vpc_peering_connection_accepter" "tokyo_singapore" {
  provider                  = aws.singapore
  vpc_peering_connection_id = aws_vpc_peering_connection.tokyo_singapore.id
  auto_accept               = true
}

resource "aws_vpc_peering_connection" "tokyo_seoul" {
  provider    = aws.tokyo
  vpc_id      = module.tokyo.vpc_id
  peer_vpc_id = module.seoul.vpc_id
  peer_region = "ap-northeast-2"
  tags        = { Name = "${var.name}-tokyo-seoul" }
}

resource "aws_vpc_peering_connection_accepter" "tokyo_seoul" {
  provider                  = aws.seoul
  vpc_peering_connection_id = aws_vpc_peering_connection.tokyo_seoul.id
  auto_accept               = true
}

resource "aws_vpc_peering_connection" "singapore_seoul" {
  provider    = aws.singapore
  vpc_id      = module.singapore.vpc_id
  peer_vpc_id = module.seoul.vpc_id
  peer_region = "ap-northeast-2"
  tags        = { Name = "${var.name}-singapore-seoul" }
}

resource "aws_vpc_peering_connection_accepter" "singapore_seoul" {
  provider                  = aws.seoul
  vpc_peering_connection_id = aws_vpc_peering_connection.singapore_seoul.id
  auto_accept               = true
}

# A route is made once its peering is accepted.
resource "aws_route" "tokyo_to_singapore" {
  provider                  = aws.tokyo
  route_table_id            = module.tokyo.route_table_id
  destination_cidr_block    = local.networks.singapore
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.tokyo_singapore.id
}

resource "aws_route" "singapore_to_tokyo" {
  provider                  = aws.singapore
  route_table_id            = module.singapore.route_table_id
  destination_cidr_block    = local.networks.tokyo
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.tokyo_singapore.id
}

resource "aws_route" "tokyo_to_seoul" {
  provider                  = aws.tokyo
  route_table_id            = module.tokyo.route_table_id
  destination_cidr_block    = local.networks.seoul
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.tokyo_seoul.id
}

resource "aws_route" "seoul_to_tokyo" {
  provider                  = aws.seoul
  route_table_id            = module.seoul.route_table_id
  destination_cidr_block    = local.networks.tokyo
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.tokyo_seoul.id
}

resource "aws_route" "singapore_to_seoul" {
  provider                  = aws.singapore
  route_table_id            = module.singapore.route_table_id
  destination_cidr_block    = local.networks.seoul
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.singapore_seoul.id
}

resource "aws_route" "seoul_to_singapore" {
  provider                  = aws.seoul
  route_table_id            = module.seoul.route_table_id
  destination_cidr_block    = local.networks.singapore
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.singapore_seoul.id
}
