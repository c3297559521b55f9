"""Routes; where an endpoint has two versions, the environment chooses one when the process starts."""

from pathlib import Path

import rest_framework
from django.db import connection
from django.http import JsonResponse
from django.urls import include, path
from django.views.static import serve


def health(_request):
    """Whether the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("healthz", health),
    # Files of the browsable API, by Django itself, as small teams have it: Last-Modified, and nothing else.
    path("static/<path:path>", serve, {"document_root": Path(rest_framework.__file__).parent / "static"}),
    path("", include("orders.urls")),
    path("", include("recruiting.urls")),
    path("", include("posts.urls")),
    path("", include("articles.urls")),
]
