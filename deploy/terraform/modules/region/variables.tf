variable "region_name" {
  description = "As in cluster.config.ts: tokyo, singapore or seoul."
  type        = string
}

variable "vpc_cidr" {
  type = string
}

variable "common" {
  description = "What all regions have alike."
  type = object({
    name             = string
    cluster_cidrs    = list(string)
    ssh_cidrs        = list(string)
    ssh_public_key   = string
    node_version     = string
    node_sha256      = string
    instance_type    = string
    volume_gigabytes = number
  })
}
