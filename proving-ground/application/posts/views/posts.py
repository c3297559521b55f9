"""GET /api/posts/: the latest posts; GET /api/posts/archive/: all of them, by pages."""

from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination, PageNumberPagination

from ..models import Post

LATEST_POSTS = 100


class PostSerializer(serializers.ModelSerializer):
    """A post with the name of its author."""

    author = serializers.CharField(source="author.name")

    class Meta:
        model = Post
        fields = ["id", "title", "author", "published_at"]


class PostList(ListAPIView):
    """Fetches the author of each post by itself."""

    serializer_class = PostSerializer

    def get_queryset(self):
        """The latest posts."""
        return Post.objects.order_by("-published_at", "-id")[:LATEST_POSTS]


class PostListEager(PostList):
    """Joins the authors."""

    def get_queryset(self):
        """The latest posts with their authors."""
        return super().get_queryset().select_related("author")


class ArchivePages(PageNumberPagination):
    """Pages by number, with the count of all posts."""

    page_size = 20


class Archive(ListAPIView):
    """Counts all posts and skips those of earlier pages, each time."""

    serializer_class = PostSerializer
    pagination_class = ArchivePages
    queryset = Post.objects.select_related("author").order_by("-published_at", "-id")


class ArchiveCursor(CursorPagination):
    """Goes on after the last post seen."""

    page_size = 20
    ordering = ("-published_at", "-id")


class ArchiveByCursor(Archive):
    """Neither counts nor skips."""

    pagination_class = ArchiveCursor
