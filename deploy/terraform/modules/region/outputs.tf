output "machine" {
  value = {
    address         = aws_instance.node.public_ip
    private_address = aws_instance.node.private_ip
  }
}

output "vpc_id" {
  value = aws_vpc.this.id
}

output "route_table_id" {
  value = aws_route_table.this.id
}
