"""Views of the magazine, one module per endpoint."""
