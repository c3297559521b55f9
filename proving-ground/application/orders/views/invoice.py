"""GET /api/orders/<pk>/invoice/: the lines of an order with prices and tax."""

from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from ..models import Customer, Order, ShopSettings

DISCOUNT_PERCENT = {"standard": 0, "silver": 3, "gold": 7}


def line_total(item, customer, settings) -> dict:
    """What one line costs."""
    net = item.quantity * item.unit_price_cents * (100 - DISCOUNT_PERCENT[customer.tier]) // 100
    tax = net * settings.vat_percent // 100
    return {
        "product": item.product.name,
        "quantity": item.quantity,
        "net_cents": net,
        "tax_cents": tax,
        "currency": settings.currency,
    }


class Invoice(APIView):
    """Loads the settings and the customer again for each line."""

    def get(self, _request, pk):
        """The invoice."""
        order = get_object_or_404(Order, pk=pk)
        lines = [
            line_total(item, Customer.objects.get(pk=order.customer_id), ShopSettings.objects.first())
            for item in order.items.select_related("product")
        ]
        return Response({"order": order.reference, "lines": lines})


class InvoiceLoadedOnce(APIView):
    """Loads each once."""

    def get(self, _request, pk):
        """The invoice."""
        order = get_object_or_404(Order.objects.select_related("customer"), pk=pk)
        settings = ShopSettings.objects.first()
        lines = [
            line_total(item, order.customer, settings)
            for item in order.items.select_related("product")
        ]
        return Response({"order": order.reference, "lines": lines})
