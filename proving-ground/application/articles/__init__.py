"""Long articles, and the report that is made of the shop."""
