"""GET /api/orders/search/?reference=: orders by their reference, on connections meant for a replica."""

import psycopg
from django.db import connections
from rest_framework.response import Response
from rest_framework.views import APIView

from ..apps import LIMIT_STATEMENT
from ..models import Order

COUNT_BY_STATUS = (
    "SELECT status, count(*) FROM orders WHERE reference LIKE %s GROUP BY status ORDER BY status"
)


class Search(APIView):
    """Opens two connections in each request: Django's, which is closed at its end, and its own."""

    def get(self, request):
        """Matching orders and how many there are of each status."""
        reference = request.query_params.get("reference", "")
        found = Order.objects.using("search").filter(reference=reference)
        orders = list(found.values("id", "reference", "status"))
        given = connections["search"].get_connection_params()
        with psycopg.connect(
            host=given["host"], port=given["port"], user=given["user"], dbname=given["dbname"]
        ) as connection:
            connection.execute(LIMIT_STATEMENT)
            rows = connection.execute(COUNT_BY_STATUS, [reference]).fetchall()
        return Response({"orders": orders, "statuses": dict(rows)})


class SearchOnKeptConnection(APIView):
    """Runs both queries on the connection that Django keeps."""

    def get(self, request):
        """Matching orders and how many there are of each status."""
        reference = request.query_params.get("reference", "")
        found = Order.objects.using("search").filter(reference=reference)
        orders = list(found.values("id", "reference", "status"))
        with connections["search"].cursor() as cursor:
            cursor.execute(COUNT_BY_STATUS, [reference])
            rows = cursor.fetchall()
        return Response({"orders": orders, "statuses": dict(rows)})
