output "machines" {
  description = "Public address for ssh, private address for NATS and PostgreSQL, by region."
  value = {
    tokyo     = module.tokyo.machine
    singapore = module.singapore.machine
    seoul     = module.seoul.machine
  }
}
