// The shop with Express and Prisma: one endpoint per way of being slow, and healthy ones beside them.
"use strict";

const { PrismaPg } = require("@prisma/adapter-pg");
const { PrismaClient } = require("@prisma/client");
const express = require("express");

const OUTSIDE = process.env.OUTSIDE_URL;
const PAGE_ROWS = 50;
const LATEST = { orderBy: [{ placed_at: "desc" }, { id: "desc" }] };

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
const app = express();
app.use(express.json());

app.get("/healthz", (request, response) => response.json({ ok: true }));

app.get("/orders", async (request, response) => {
  const orders = await prisma.order.findMany({ ...LATEST, take: 40 });
  for (const order of orders) {
    order.customer = await prisma.customer.findUnique({ where: { id: order.customer_id } });
  }
  response.json(orders);
});

app.get("/orders/lines", async (request, response) => {
  const orders = await prisma.order.findMany({ ...LATEST, take: 15 });
  for (const order of orders) {
    order.items = await prisma.item.findMany({ where: { order_id: order.id } });
    for (const item of order.items) {
      item.product = await prisma.product.findUnique({ where: { id: item.product_id } });
    }
  }
  response.json(orders);
});

app.get("/orders/lines/eager", async (request, response) => {
  response.json(
    await prisma.order.findMany({
      ...LATEST,
      take: 15,
      include: { customer: true, items: { include: { product: true } } },
    }),
  );
});

app.get("/orders/batched", async (request, response) => {
  const orders = await prisma.order.findMany({ ...LATEST, take: 60 });
  const wanted = orders.map((order) => prisma.customer.findUnique({ where: { id: order.customer_id } }));
  const customers = await Promise.all(wanted);
  response.json(orders.map((order, at) => ({ ...order, customer: customers[at] })));
});

app.get("/orders/:id", async (request, response) => {
  const where = { id: Number(request.params.id) };
  const order = await prisma.order.findUnique({ where, include: { customer: true, items: true } });
  if (!order) return response.sendStatus(404);
  response.json(order);
});

app.get("/orders/:id/invoice", async (request, response) => {
  const where = { order_id: Number(request.params.id) };
  const items = await prisma.item.findMany({ where, include: { product: true } });
  let cents = 0;
  for (const item of items) {
    for (const price of [item.product.price_cents, 490]) {
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

app.get("/events", async (request, response) => {
  const page = Number(request.query.page ?? 1);
  const total = await prisma.event.count();
  const events = await prisma.event.findMany({
    orderBy: [{ happened_at: "desc" }, { id: "desc" }],
    take: PAGE_ROWS,
    skip: (page - 1) * PAGE_ROWS,
  });
  response.json({ total, events });
});

app.get("/events/search", async (request, response) => {
  const where = { message: { contains: String(request.query.q), mode: "insensitive" } };
  response.json(await prisma.event.groupBy({ by: ["kind"], where, _count: true }));
});

app.post("/orders", async (request, response) => {
  const order = await prisma.order.create({
    data: {
      customer_id: request.body.customer,
      reference: `NEW-${request.body.customer}`,
      status: "new",
      placed_at: new Date(),
      items: { create: [{ product_id: 7, quantity: 1 }] },
    },
  });
  await post("/partner/hooks/orders", { order: order.id });
  await post("/mail/v1/messages", { order: order.id });
  response.status(201).json({ id: order.id });
});

app.post("/contacts/import", async (request, response) => {
  for (const email of request.body.emails) {
    await prisma.contact.create({ data: { email, name: email.split("@")[0] } });
  }
  response.status(201).json({ imported: request.body.emails.length });
});

app.post("/contacts/import/bulk", async (request, response) => {
  const data = request.body.emails.map((email) => ({ email, name: email.split("@")[0] }));
  response.status(201).json(await prisma.contact.createMany({ data }));
});

/** The rate that holds today. */
async function taxPermille() {
  const found = await prisma.taxRule.aggregate({ where: { valid: true }, _avg: { rate_permille: true } });
  return found._avg.rate_permille;
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
