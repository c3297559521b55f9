"""Routes of the community."""

from backend.mode import choose
from django.urls import path

from .views import posts, trending

urlpatterns = [
    path(
        "api/posts/",
        choose("posts", faulty=posts.PostList, fixed=posts.PostListEager).as_view(),
    ),
    path(
        "api/posts/archive/",
        choose("archive", faulty=posts.Archive, fixed=posts.ArchiveByCursor).as_view(),
    ),
    path(
        "api/trending/",
        choose("trending", faulty=trending.Trending, fixed=trending.TrendingCached).as_view(),
    ),
]
