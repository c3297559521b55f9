"""Tables of the community."""

from django.db import models


class Author(models.Model):
    """Who writes."""

    name = models.CharField(max_length=120)
    handle = models.CharField(max_length=60, unique=True)
    bio = models.TextField()

    class Meta:
        db_table = "authors"


class Post(models.Model):
    """A short text."""

    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="posts")
    title = models.CharField(max_length=200)
    published_at = models.DateTimeField()

    class Meta:
        db_table = "posts"
        indexes = [models.Index(fields=["-published_at", "-id"], name="posts_published_at")]


class Like(models.Model):
    """Somebody likes a post."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="likes")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "likes"


class Comment(models.Model):
    """Somebody answers a post."""

    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "comments"
