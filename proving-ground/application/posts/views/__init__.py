"""Views of the community, one module per endpoint."""
