"""Views that ask other services: stock, quotes, parcel tracking, the customer's record in the CRM."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from backend import outside
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from ..models import Customer, Order, Product

logger = logging.getLogger(__name__)
STOCK_PAGE_SIZE = 30
TRACKING_TRIES_MAX = 8
_quotes = ThreadPoolExecutor(max_workers=12, thread_name_prefix="quote")


class Stock(APIView):
    """Asks the stock service once for each product."""

    def get(self, request):
        """The products of a category with what is in stock."""
        products = self.products(request)
        return Response(
            [{**product, **outside.get(f"/stock/{product['sku']}")} for product in products]
        )

    def products(self, request):
        """One page of products."""
        category = request.query_params.get("category", "books")
        products = Product.objects.filter(category=category).order_by("id")
        return list(products.values("id", "sku", "name")[:STOCK_PAGE_SIZE])


class StockInOneCall(Stock):
    """Asks once for all products."""

    def get(self, request):
        """The products of a category with what is in stock."""
        products = self.products(request)
        levels = outside.get("/stock", skus=",".join(product["sku"] for product in products))
        return Response([{**product, **levels[product["sku"]]} for product in products])


class Quote(APIView):
    """Asks three services that know nothing of each other, one after the other."""

    def get(self, request):
        """Tax, shipping and loyalty points for a country."""
        country = request.query_params.get("country", "DE")
        tax = outside.get("/tax/rates", country=country)
        shipping = outside.get("/shipping/rates", country=country)
        loyalty = outside.get("/loyalty/points", country=country)
        return Response({**tax, **shipping, **loyalty})


class QuoteTogether(APIView):
    """Asks them at the same time."""

    def get(self, request):
        """Tax, shipping and loyalty points for a country."""
        country = request.query_params.get("country", "DE")
        paths = ("/tax/rates", "/shipping/rates", "/loyalty/points")
        asked = [_quotes.submit(outside.get, path, country=country) for path in paths]
        answer = {}
        for one in asked:
            answer.update(one.result())
        return Response(answer)


class Tracking(APIView):
    """Tries again at once, and again, when the courier's service fails."""

    def get(self, _request, pk):
        """Where the parcel is."""
        order = get_object_or_404(Order, pk=pk)
        for _ in range(TRACKING_TRIES_MAX):
            try:
                return Response(outside.get(f"/courier/parcels/{order.pk}"))
            except requests.RequestException as error:
                logger.info("courier failed: %s", error)
        return Response({"parcel": order.pk, "state": "unknown"}, status=502)


class TrackingOnce(APIView):
    """Asks once, and for a while not at all after a failure."""

    REST_SECONDS = 5
    rests_until = 0.0

    def get(self, _request, pk):
        """Where the parcel is, or that it is not known at the moment."""
        order = get_object_or_404(Order, pk=pk)
        cls = type(self)
        if time.monotonic() >= cls.rests_until:
            try:
                return Response(outside.get(f"/courier/parcels/{order.pk}"))
            except requests.RequestException as error:
                cls.rests_until = time.monotonic() + cls.REST_SECONDS
                logger.info("courier failed, rests for %s s: %s", cls.REST_SECONDS, error)
        return Response({"parcel": order.pk, "state": "unknown"})


class CustomerOverview(APIView):
    """Talks to the CRM in many small calls."""

    def get(self, _request, pk):
        """The customer with the CRM's record."""
        customer = get_object_or_404(Customer, pk=pk)
        base = f"/crm/customers/{customer.pk}"
        record = outside.get(base)
        record["consents"] = outside.get(f"{base}/consents")
        record["segments"] = outside.get(f"{base}/segments")
        record["addresses"] = [outside.get(f"{base}/addresses/{one}") for one in record["address_ids"]]
        record["contacts"] = [outside.get(f"{base}/contacts/{one}") for one in record["contact_ids"]]
        record["tickets"] = [outside.get(f"/crm/tickets/{one}") for one in record["ticket_ids"]]
        return Response({"name": customer.name, "crm": record})


class CustomerOverviewInOneCall(APIView):
    """Asks the CRM for all that is needed at once."""

    def get(self, _request, pk):
        """The customer with the CRM's record."""
        customer = get_object_or_404(Customer, pk=pk)
        record = outside.get(f"/crm/customers/{customer.pk}", include="all")
        return Response({"name": customer.name, "crm": record})
