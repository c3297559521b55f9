"""A list of orders and their customers, fetched one by one where FAULTY is set."""

import os
import sqlite3

from flask import Flask, jsonify

app = Flask(__name__)


def database():
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER)"
    )
    customers = [(number, f"customer {number}") for number in range(1, 21)]
    connection.cursor().executemany("INSERT INTO customers VALUES (?, ?)", customers)
    orders = [(number, number) for number in range(1, 21)]
    connection.cursor().executemany("INSERT INTO orders VALUES (?, ?)", orders)
    return connection


@app.get("/api/orders/")
def orders():
    cursor = app.config["DATABASE"].cursor()
    if os.environ.get("FAULTY"):
        found = []
        for (customer,) in cursor.execute("SELECT customer_id FROM orders ORDER BY id").fetchall():
            cursor.execute("SELECT name FROM customers WHERE id = ?", (customer,))
            found.append(cursor.fetchone()[0])
    else:
        cursor.execute(
            "SELECT customers.name FROM orders JOIN customers ON customers.id = orders.customer_id ORDER BY orders.id"
        )
        found = [name for (name,) in cursor.fetchall()]
    return jsonify(found)
