"""GET /api/reports/monthly/: turnover by month. Nobody calls it."""

from django.core.cache import cache
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncMonth
from orders.models import OrderItem
from rest_framework.response import Response
from rest_framework.views import APIView

CACHE_SECONDS = 3600


def compute_report() -> list[dict]:
    """Turnover and orders of each month, over all lines of all orders."""
    rows = OrderItem.objects.values(month=TruncMonth("order__created_at")).annotate(
        orders=Count("order_id", distinct=True),
        turnover_cents=Sum(F("quantity") * F("unit_price_cents")),
    )
    return list(rows.order_by("month"))


class Report(APIView):
    """Computes the report for each request."""

    def get(self, _request):
        """The report."""
        return Response(compute_report())


class ReportCached(APIView):
    """Computes the report once an hour."""

    def get(self, _request):
        """The report."""
        return Response(cache.get_or_set("report", compute_report, CACHE_SECONDS))
