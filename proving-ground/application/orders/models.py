"""Tables of the shop."""

from django.db import models


class Customer(models.Model):
    """Who buys."""

    name = models.CharField(max_length=120)
    email = models.EmailField(unique=True)
    tier = models.CharField(max_length=20, default="standard")
    country = models.CharField(max_length=2, default="DE")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "customers"


class Product(models.Model):
    """What is sold."""

    sku = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=160)
    description = models.TextField()
    category = models.CharField(max_length=60)
    price_cents = models.IntegerField()

    class Meta:
        db_table = "products"


class Order(models.Model):
    """One purchase."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(max_length=20)
    reference = models.CharField(max_length=40)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "orders"
        indexes = [models.Index(fields=["reference"], name="orders_reference")]


class OrderItem(models.Model):
    """A line of an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.IntegerField()
    unit_price_cents = models.IntegerField()

    class Meta:
        db_table = "order_items"


class ShopSettings(models.Model):
    """The one row of settings that the back office edits."""

    currency = models.CharField(max_length=3, default="EUR")
    vat_percent = models.IntegerField(default=19)
    invoice_note = models.TextField(blank=True)

    class Meta:
        db_table = "shop_settings"
