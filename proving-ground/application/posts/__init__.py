"""A community: posts, their authors, likes and comments."""
