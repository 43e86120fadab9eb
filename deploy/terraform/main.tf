# Three machines for three nodes: Tokyo, Singapore and Seoul, in networks that reach each other privately. No secret is here or in the
# state: those come with `arbot cluster launch`. NATS and PostgreSQL are not made here; docs/deploy.md says where to put them.

locals {
  # Must not overlap: the networks are peered.
  networks = {
    tokyo     = "10.81.0.0/16"
    singapore = "10.82.0.0/16"
    seoul     = "10.83.0.0/16"
  }

  common = {
    name             = var.name
    cluster_cidrs    = values(local.networks)
    ssh_cidrs        = var.ssh_cidrs
    ssh_public_key   = var.ssh_public_key
    node_version     = var.node_version
    node_sha256      = var.node_sha256
    instance_type    = var.instance_type
    volume_gigabytes = var.volume_gigabytes
  }
}

module "tokyo" {
  source    = "./modules/region"
  providers = { aws = aws.tokyo }

  region_name = "tokyo"
  vpc_cidr    = local.networks.tokyo
  common      = local.common
}

module "singapore" {
  source    = "./modules/region"
  providers = { aws = aws.singapore }

  region_name = "singapore"
  vpc_cidr    = local.networks.singapore
  common      = local.common
}

module "seoul" {
  source    = "./modules/region"
  providers = { aws = aws.seoul }

  region_name = "seoul"
  vpc_cidr    = local.networks.seoul
  common      = local.common
}
