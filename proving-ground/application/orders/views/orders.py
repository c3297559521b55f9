"""GET /api/orders/: the latest orders, of everybody or of one customer; and one order by its id."""

from rest_framework.generics import ListAPIView, RetrieveAPIView

from ..models import Order
from ..serializers import OrderSerializer

PAGE_SIZE = 50


class OrderList(ListAPIView):
    """Fetches the customer and the items of each order, and the product of each item, one by one."""

    serializer_class = OrderSerializer

    def orders(self):
        """All orders that may be listed."""
        return Order.objects.all()

    def get_queryset(self):
        """One page of orders, newest first."""
        orders = self.orders().order_by("-id")
        customer = self.request.query_params.get("customer")
        if customer and customer.isdigit():
            orders = orders.filter(customer_id=int(customer))
        return orders[:PAGE_SIZE]


class OrderListEager(OrderList):
    """Three queries: orders with their customers, items, products."""

    def orders(self):
        """All orders, with all that the serializer touches."""
        return Order.objects.select_related("customer").prefetch_related("items__product")


class OrderDetail(RetrieveAPIView):
    """One order: three queries, nothing wrong with it."""

    serializer_class = OrderSerializer
    queryset = Order.objects.select_related("customer").prefetch_related("items__product")
