"""Sessions of the search are limited in time when they begin, since a pooler in between would not pass start-up options."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

LIMIT_STATEMENT = "SET statement_timeout = '5s'"


def limit_session(connection, **_given):
    """Sets the limit on new connections of the alias `search`."""
    if connection.alias == "search":
        with connection.cursor() as cursor:
            cursor.execute(LIMIT_STATEMENT)


class OrdersConfig(AppConfig):
    """The shop."""

    name = "orders"

    def ready(self):
        """Listens to new connections."""
        connection_created.connect(limit_session)
