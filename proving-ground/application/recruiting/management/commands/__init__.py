"""Commands of the recruiting side."""
