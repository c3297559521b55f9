"""How orders look in JSON."""

from rest_framework import serializers

from .models import Customer, Order, OrderItem, Product


class CustomerSerializer(serializers.ModelSerializer):
    """A customer, short."""

    class Meta:
        model = Customer
        fields = ["id", "name", "tier"]


class ProductSerializer(serializers.ModelSerializer):
    """A product, short."""

    class Meta:
        model = Product
        fields = ["id", "sku", "name", "price_cents"]


class OrderItemSerializer(serializers.ModelSerializer):
    """A line with its product."""

    product = ProductSerializer()

    class Meta:
        model = OrderItem
        fields = ["id", "quantity", "unit_price_cents", "product"]


class OrderSerializer(serializers.ModelSerializer):
    """An order with its customer and lines."""

    customer = CustomerSerializer()
    items = OrderItemSerializer(many=True)

    class Meta:
        model = Order
        fields = ["id", "reference", "status", "created_at", "customer", "items"]
