"""GET /api/products/<pk>/ and the facets of the shop's front page."""

from django.core.cache import cache
from django.db.models import Count, F, Sum
from django.db.models.functions import Upper
from rest_framework.generics import RetrieveAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from ..models import OrderItem, Product
from ..serializers import ProductSerializer

FACETS_SECONDS = 300


class ProductDetail(RetrieveAPIView):
    """One product by its id: one query, nothing wrong with it."""

    serializer_class = ProductSerializer
    queryset = Product.objects.all()


def count_facets(lang: str) -> list[dict]:
    """What was sold of each category; an aggregate over all lines."""
    rows = OrderItem.objects.values(category=Upper("product__category")).annotate(
        lines=Count("id"),
        customers=Count("order__customer_id", distinct=True),
        sold_cents=Sum(F("quantity") * F("unit_price_cents")),
    )
    return [{**row, "lang": lang} for row in rows.order_by("category")]


class Facets(APIView):
    """Caches the default language only; every other one is computed anew each time."""

    def get(self, request):
        """Categories with what was sold of them."""
        lang = request.query_params.get("lang", "en")
        if lang != "en":
            return Response(count_facets(lang))
        facets = cache.get("facets")
        if facets is None:
            facets = count_facets(lang)
            cache.set("facets", facets, FACETS_SECONDS)
        return Response(facets)


class FacetsCached(APIView):
    """Caches once for all languages: the figures are the same."""

    def get(self, request):
        """Categories with what was sold of them."""
        lang = request.query_params.get("lang", "en")
        facets = cache.get("facets")
        if facets is None:
            facets = count_facets(lang)
            cache.set("facets", facets, FACETS_SECONDS)
        return Response([{**facet, "lang": lang} for facet in facets])
