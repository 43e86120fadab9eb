variable "name" {
  description = "Begins the name of everything that is made; the name of the cluster in cluster.config.ts."
  type        = string
  default     = "arbot"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}$", var.name))
    error_message = "The name must be lower-case letters, digits and hyphens."
  }
}

variable "ssh_cidrs" {
  description = "Networks from which SSH is let in, such as [\"203.0.113.7/32\"]. Nothing else is open to the Internet."
  type        = list(string)

  validation {
    condition = length(var.ssh_cidrs) > 0 && alltrue([
      for cidr in var.ssh_cidrs : can(cidrhost(cidr, 0)) && tonumber(split("/", cidr)[1]) >= 16
    ])
    error_message = "Name at least one network, and none larger than a /16."
  }
}

variable "ssh_public_key" {
  description = "Public key of whoever launches, as in ~/.ssh/id_ed25519.pub."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256) ", var.ssh_public_key))
    error_message = "This is not the public key of an SSH key pair."
  }
}

variable "node_version" {
  description = "Of Node.js, 20.19 or newer."
  type        = string
  default     = "20.19.5"

  validation {
    condition     = can(regex("^(20\\.(19|[2-9][0-9])|2[2-9]\\.[0-9]+)\\.[0-9]+$", var.node_version))
    error_message = "Node.js 20.19 or newer is needed."
  }
}

variable "node_sha256" {
  description = "SHA-256 of node-v<node_version>-linux-x64.tar.xz, from SHASUMS256.txt beside it. What does not match is not installed."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.node_sha256))
    error_message = "A SHA-256 is 64 hexadecimal digits."
  }
}

variable "instance_type" {
  description = "Two cores and 4 GB carry a node of a few exchanges; docs/performance.md has figures."
  type        = string
  default     = "c7i.large"
}

variable "volume_gigabytes" {
  type    = number
  default = 40
}
