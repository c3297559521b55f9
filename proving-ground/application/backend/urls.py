"""Routes; where an endpoint has two versions, the environment chooses one when the process starts."""

from django.db import connection
from django.http import JsonResponse
from django.urls import include, path


def health(_request):
    """Whether the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("healthz", health),
    path("", include("orders.urls")),
    path("", include("recruiting.urls")),
    path("", include("posts.urls")),
    path("", include("articles.urls")),
]
