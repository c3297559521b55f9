"""GET /api/trending/: the posts that were liked most in the last week."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import Count
from django.db.models.functions import Now
from rest_framework.response import Response
from rest_framework.views import APIView

from ..models import Like, Post

TOP = 10
WINDOW = timedelta(days=7)
CACHE_SECONDS = 60


def compute_trending() -> list[dict]:
    """The top posts of the window, by likes; two queries, of which the first reads all likes."""
    likes = (
        Like.objects.filter(created_at__gte=Now() - WINDOW)
        .values("post_id")
        .annotate(likes=Count("id"))
        .order_by("-likes", "post_id")[:TOP]
    )
    counts = {row["post_id"]: row["likes"] for row in likes}
    posts = Post.objects.filter(pk__in=counts).values("id", "title")
    ranked = sorted(posts, key=lambda post: (-counts[post["id"]], post["id"]))
    return [{**post, "likes": counts[post["id"]]} for post in ranked]


class Trending(APIView):
    """Computes the list for each request."""

    def get(self, _request):
        """The list."""
        return Response(compute_trending())


class TrendingCached(APIView):
    """Computes the list once a minute."""

    def get(self, _request):
        """The list."""
        return Response(cache.get_or_set("trending", compute_trending, CACHE_SECONDS))
