"""Orders, customers, products, and what the shop asks other services."""
