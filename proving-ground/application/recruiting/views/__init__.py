"""Views of the recruiting side, one module per endpoint."""
