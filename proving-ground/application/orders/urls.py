"""Routes of the shop."""

from backend.mode import choose
from django.urls import path

from .views import invoice, orders, outside, products, search

urlpatterns = [
    path(
        "api/orders/",
        choose("orders", faulty=orders.OrderList, fixed=orders.OrderListEager).as_view(),
    ),
    path(
        "api/orders/search/",
        choose("orders-search", faulty=search.Search, fixed=search.SearchOnKeptConnection).as_view(),
    ),
    path("api/orders/<int:pk>/", orders.OrderDetail.as_view()),
    path(
        "api/orders/<int:pk>/invoice/",
        choose("invoice", faulty=invoice.Invoice, fixed=invoice.InvoiceLoadedOnce).as_view(),
    ),
    path(
        "api/orders/<int:pk>/tracking/",
        choose("tracking", faulty=outside.Tracking, fixed=outside.TrackingOnce).as_view(),
    ),
    path("api/products/<int:pk>/", products.ProductDetail.as_view()),
    path(
        "api/products/facets/",
        choose("facets", faulty=products.Facets, fixed=products.FacetsCached).as_view(),
    ),
    path(
        "api/stock/",
        choose("stock", faulty=outside.Stock, fixed=outside.StockInOneCall).as_view(),
    ),
    path(
        "api/checkout/quote/",
        choose("checkout-quote", faulty=outside.Quote, fixed=outside.QuoteTogether).as_view(),
    ),
    path(
        "api/customers/<int:pk>/overview/",
        choose(
            "customers-overview",
            faulty=outside.CustomerOverview,
            fixed=outside.CustomerOverviewInOneCall,
        ).as_view(),
    ),
]
