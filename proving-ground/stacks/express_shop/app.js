// The shop with Express and node-postgres: one endpoint per way of being slow, and healthy ones beside them.
"use strict";

const DataLoader = require("dataloader");
const express = require("express");
const { Pool } = require("pg");

const OUTSIDE = process.env.OUTSIDE_URL;
const PAGE_ROWS = 50;
const ORDERS = "SELECT id, reference, customer_id FROM orders ORDER BY placed_at DESC, id DESC LIMIT $1";

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const app = express();
app.use(express.json());

app.get("/healthz", (request, response) => response.json({ ok: true }));

app.get("/orders", async (request, response) => {
  const orders = await rows(ORDERS, [40]);
  for (const order of orders) {
    [order.customer] = await rows("SELECT name FROM customers WHERE id = $1", [order.customer_id]);
  }
  response.json(orders);
});

app.get("/orders/parallel", async (request, response) => {
  const orders = await rows(ORDERS, [300]);
  await Promise.all(
    orders.map(async (order) => {
      order.items = await rows("SELECT * FROM items WHERE order_id = $1", [order.id]);
    }),
  );
  response.json(orders);
});

app.get("/orders/lines", async (request, response) => {
  const orders = await rows(ORDERS, [15]);
  for (const order of orders) {
    order.items = await rows("SELECT id, product_id, quantity FROM items WHERE order_id = $1 ORDER BY id", [order.id]);
    for (const item of order.items) {
      [item.product] = await rows("SELECT sku, title FROM products WHERE id = $1", [item.product_id]);
    }
  }
  response.json(orders);
});

app.get("/orders/lines/eager", async (request, response) => {
  const orders = await rows(ORDERS, [15]);
  const items = await rows(
    `SELECT items.id, items.order_id, items.quantity, products.title
       FROM items JOIN products ON products.id = items.product_id
      WHERE items.order_id = ANY($1)`,
    [orders.map((order) => order.id)],
  );
  for (const order of orders) {
    order.items = items.filter((item) => item.order_id === order.id);
  }
  response.json(orders);
});

app.get("/orders/batched", async (request, response) => {
  const customers = new DataLoader(byIds("SELECT id, name FROM customers WHERE id IN "), { maxBatchSize: 10 });
  const orders = await rows(ORDERS, [60]);
  await Promise.all(
    orders.map(async (order) => {
      order.customer = await customers.load(order.customer_id);
    }),
  );
  response.json(orders);
});

app.get("/orders/:id", async (request, response) => {
  const [order] = await rows(
    "SELECT o.id, o.reference, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = $1",
    [request.params.id],
  );
  if (!order) return response.sendStatus(404);
  order.items = await rows("SELECT product_id, quantity FROM items WHERE order_id = $1", [order.id]);
  response.json(order);
});

app.get("/orders/:id/invoice", async (request, response) => {
  const items = await rows(
    "SELECT i.quantity, p.price_cents FROM items i JOIN products p ON p.id = i.product_id WHERE i.order_id = $1",
    [request.params.id],
  );
  let cents = 0;
  for (const item of items) {
    for (const price of [item.price_cents, 490]) {
      cents += price * item.quantity * (await taxPermille());
    }
  }
  response.json({ cents: Math.round(cents / 1000) });
});

app.get("/orders/:id/parcel", async (request, response) => {
  const sent = await fetchJson(`/desk/orders/${request.params.id}`);
  const where = await fetchJson(`/courier/parcels/${sent.parcel}`);
  response.json(await fetchJson(`/depots/${where.depot}`));
});

app.get("/quote", async (request, response) => {
  const country = request.query.country ?? "DE";
  const tax = await fetchJson(`/tax/rates?country=${country}`);
  const shipping = await fetchJson(`/shipping/prices?country=${country}`);
  const loyalty = await fetchJson(`/loyalty/programme?country=${country}`);
  response.json({ cents: tax.amount + shipping.amount - loyalty.amount });
});

app.get("/quote/together", async (request, response) => {
  const country = request.query.country ?? "DE";
  const paths = ["/tax/rates", "/shipping/prices", "/loyalty/programme"];
  const answers = await Promise.all(paths.map((path) => fetchJson(`${path}?country=${country}`)));
  response.json({ cents: answers.reduce((sum, answer) => sum + answer.amount, 0) });
});

app.get("/stock", async (request, response) => {
  const levels = {};
  for (let n = 1; n <= 20; n += 1) {
    const sku = `SKU-${String(n).padStart(4, "0")}`;
    levels[sku] = (await fetchJson(`/stock/${sku}`)).amount;
  }
  response.json(levels);
});

app.get("/events", async (request, response) => {
  const page = Number(request.query.page ?? 1);
  const [{ count }] = await rows("SELECT count(*) FROM events");
  const events = await rows(
    "SELECT id, kind, message FROM events ORDER BY happened_at DESC, id DESC LIMIT $1 OFFSET $2",
    [PAGE_ROWS, (page - 1) * PAGE_ROWS],
  );
  response.json({ count, events });
});

app.get("/events/search", async (request, response) => {
  response.json(
    await rows("SELECT kind, count(*) FROM events WHERE message ILIKE $1 GROUP BY kind", [`%${request.query.q}%`]),
  );
});

app.post("/orders", async (request, response) => {
  const client = await pool.connect();
  let id;
  try {
    await client.query("BEGIN");
    const placed = await client.query(
      "INSERT INTO orders (customer_id, reference, status, placed_at) VALUES ($1, $2, 'new', now()) RETURNING id",
      [request.body.customer, `NEW-${request.body.customer}`],
    );
    id = placed.rows[0].id;
    await client.query("INSERT INTO items (order_id, product_id, quantity) VALUES ($1, $2, 1)", [id, 7]);
    await client.query("COMMIT");
  } finally {
    client.release();
  }
  await post("/partner/hooks/orders", { order: id });
  await post("/mail/v1/messages", { order: id });
  response.status(201).json({ id });
});

app.post("/contacts/import", async (request, response) => {
  for (const email of request.body.emails) {
    await pool.query("INSERT INTO contacts (email, name) VALUES ($1, $2)", [email, email.split("@")[0]]);
  }
  response.status(201).json({ imported: request.body.emails.length });
});

app.post("/contacts/import/bulk", async (request, response) => {
  const { emails } = request.body;
  await pool.query("INSERT INTO contacts (email, name) SELECT * FROM unnest($1::text[], $2::text[])", [
    emails,
    emails.map((email) => email.split("@")[0]),
  ]);
  response.status(201).json({ imported: emails.length });
});

/** Rows of one statement, on any connection of the pool. */
async function rows(text, values) {
  return (await pool.query(text, values)).rows;
}

/** A loader of rows by id, in the order of the ids. */
function byIds(select) {
  return async (ids) => {
    const found = await rows(`${select}(${ids.map((_, at) => `$${at + 1}`).join(", ")})`, ids);
    return ids.map((id) => found.find((row) => row.id === id));
  };
}

/** The rate that holds today. */
async function taxPermille() {
  const [{ rate }] = await rows("SELECT avg(rate_permille) AS rate FROM tax_rules WHERE valid");
  return Number(rate);
}

/** One read of the outside world. */
async function fetchJson(path) {
  const answer = await fetch(`${OUTSIDE}${path}`);
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

/** One message to the outside world. */
async function post(path, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${OUTSIDE}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  await answer.arrayBuffer();
}

app.listen(Number(process.env.PORT), "127.0.0.1");
