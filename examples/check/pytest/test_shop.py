"""The tests of any project: they know nothing of spans."""

import pytest

from shop import app, database


@pytest.fixture
def client():
    app.config["DATABASE"] = database()
    return app.test_client()


def test_orders_name_their_customers(client):
    answer = client.get("/api/orders/")
    assert answer.status_code == 200
    assert answer.get_json()[:2] == ["customer 1", "customer 2"]
