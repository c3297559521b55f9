"""The shop with FastAPI and SQLAlchemy: one endpoint per way of being slow, and healthy ones beside them."""

import asyncio
import os
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import requests
from fastapi import Body, Depends, FastAPI, HTTPException
from sqlalchemy import create_engine, func, insert, select
from sqlalchemy.orm import Session, joinedload, selectinload, sessionmaker

from models import Contact, Customer, Event, Item, Order, TaxRule

OUTSIDE = os.environ["OUTSIDE_URL"]
PAGE_ROWS = 50

engine = create_engine(os.environ["DATABASE_URL"], pool_size=10)
make_session = sessionmaker(engine)
http = requests.Session()


@asynccontextmanager
async def lifespan(app: FastAPI):
    """One client for all requests, as httpx advises."""
    async with httpx.AsyncClient(base_url=OUTSIDE, timeout=10) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


def get_session():
    """A session per request."""
    with make_session() as session:
        yield session


Db = Annotated[Session, Depends(get_session)]


@app.get("/healthz")
def healthz():
    return {"ok": True}


@app.get("/orders")
def orders(db: Db, page: int = 1):
    rows = db.scalars(latest(40).offset((page - 1) * 40)).all()
    return [{"reference": order.reference, "customer": order.customer.name} for order in rows]


@app.get("/orders/lines")
def orders_lines(db: Db):
    return [with_lines(order) for order in db.scalars(latest(15)).all()]


@app.get("/orders/lines/eager")
def orders_lines_eager(db: Db):
    eager = latest(15).options(
        joinedload(Order.customer),
        selectinload(Order.items).joinedload(Item.product),
    )
    return [with_lines(order) for order in db.scalars(eager).all()]


@app.get("/orders/batched")
def orders_batched(db: Db):
    found = db.execute(select(Order.id, Order.reference, Order.customer_id).order_by(Order.id.desc()).limit(60)).all()
    names = {}
    keys = sorted({order.customer_id for order in found})
    for start in range(0, len(keys), 10):
        chunk = keys[start : start + 10]
        names |= dict(db.execute(select(Customer.id, Customer.name).where(Customer.id.in_(chunk))).tuples().all())
    counts = select(Item.order_id, func.count()).where(Item.order_id.in_([order.id for order in found]))
    lines = dict(db.execute(counts.group_by(Item.order_id)).tuples().all())
    return [
        {"reference": order.reference, "customer": names[order.customer_id], "lines": lines.get(order.id, 0)}
        for order in found
    ]


@app.get("/orders/{order_id}")
def order_detail(order_id: int, db: Db):
    order = db.get(Order, order_id, options=[joinedload(Order.customer)])
    if order is None:
        raise HTTPException(404)
    return with_lines(order, lines=False)


@app.get("/orders/{order_id}/invoice")
def invoice(order_id: int, db: Db):
    order = db.get(Order, order_id, options=[joinedload(Order.items).joinedload(Item.product)])
    if order is None:
        raise HTTPException(404)
    total = 0
    for item in order.items:
        for cents in (item.product.price_cents, 490):
            total += cents * item.quantity * tax_permille(db) // 1000
    return {"reference": order.reference, "tax_cents": total}


@app.get("/quote")
def quote(country: str = "DE"):
    tax = fetch(f"/tax/rates?country={country}")
    shipping = fetch(f"/shipping/prices?country={country}")
    loyalty = fetch(f"/loyalty/programme?country={country}")
    return {"cents": tax["amount"] + shipping["amount"] - loyalty["amount"]}


@app.get("/quote/together")
async def quote_together(country: str = "DE"):
    client = app.state.client
    answers = await asyncio.gather(
        client.get("/tax/rates", params={"country": country}),
        client.get("/shipping/prices", params={"country": country}),
        client.get("/loyalty/programme", params={"country": country}),
    )
    return {"cents": sum(answer.json()["amount"] for answer in answers)}


@app.get("/orders/{order_id}/parcel")
def parcel(order_id: int):
    sent = fetch(f"/desk/orders/{order_id}")
    where = fetch(f"/courier/parcels/{sent['parcel']}")
    return {"depot": fetch(f"/depots/{where['depot']}")}


@app.get("/stock")
async def stock():
    skus = [f"SKU-{n:04}" for n in range(1, 21)]
    levels = {}
    for sku in skus:
        answer = await app.state.client.get(f"/stock/{sku}")
        levels[sku] = answer.json()["amount"]
    return levels


@app.get("/events")
def events(db: Db, page: int = 1):
    total = db.scalar(select(func.count()).select_from(Event))
    newest = select(Event).order_by(Event.happened_at.desc(), Event.id.desc())
    rows = db.scalars(newest.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS)).all()
    return {"total": total, "events": [{"id": row.id, "kind": row.kind, "message": row.message} for row in rows]}


@app.get("/events/search")
def events_search(db: Db, q: str):
    rows = db.execute(
        select(Event.kind, func.count()).where(Event.message.ilike(f"%{q}%")).group_by(Event.kind)
    ).all()
    return {kind: count for kind, count in rows}


@app.post("/orders", status_code=201)
def place(db: Db, customer: Annotated[int, Body(embed=True)]):
    buyer = db.get(Customer, customer)
    order = Order(customer_id=buyer.id, reference=f"NEW-{customer}", status="new", placed_at=func.now())
    db.add(order)
    db.flush()
    db.add(Item(order_id=order.id, product_id=1 + customer % 500, quantity=1))
    db.commit()
    requests.post(f"{OUTSIDE}/partner/hooks/orders", json={"order": order.id}, timeout=10).raise_for_status()
    requests.post(f"{OUTSIDE}/mail/v1/messages", json={"to": buyer.email}, timeout=10).raise_for_status()
    return {"id": order.id}


@app.post("/contacts/import", status_code=201)
def import_contacts(db: Db, emails: Annotated[list[str], Body(embed=True)]):
    for email in emails:
        db.add(Contact(email=email, name=email.partition("@")[0]))
        db.flush()
    db.commit()
    return {"imported": len(emails)}


@app.post("/contacts/import/bulk", status_code=201)
def import_contacts_bulk(db: Db, emails: Annotated[list[str], Body(embed=True)]):
    db.execute(insert(Contact), [{"email": email, "name": email.partition("@")[0]} for email in emails])
    db.commit()
    return {"imported": len(emails)}


def latest(limit: int):
    """The newest orders."""
    return select(Order).order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit)


def with_lines(order: Order, lines: bool = True) -> dict:
    """What the list shows of an order."""
    shown = {"reference": order.reference, "customer": order.customer.name}
    if lines:
        shown["lines"] = [{"product": item.product.title, "quantity": item.quantity} for item in order.items]
    return shown


def tax_permille(db: Session) -> int:
    """The rate that holds today."""
    rule = select(func.avg(TaxRule.rate_permille)).where(TaxRule.valid)
    return int(db.scalar(rule) or 0)


def fetch(path: str) -> dict:
    """One read of the outside world."""
    answer = http.get(f"{OUTSIDE}{path}", timeout=10)
    answer.raise_for_status()
    return answer.json()
