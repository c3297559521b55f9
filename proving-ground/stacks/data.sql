-- A shop, equal from load to load: 2,000 customers, 20,000 orders with 60,000 lines, 500 products, 400,000 events.

CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, email text NOT NULL, country text NOT NULL);
CREATE TABLE products (id serial PRIMARY KEY, sku text NOT NULL, title text NOT NULL, price_cents integer NOT NULL);
CREATE TABLE orders (
    id serial PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers,
    reference text NOT NULL,
    status text NOT NULL,
    placed_at timestamptz NOT NULL
);
CREATE TABLE items (
    id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders,
    product_id integer NOT NULL REFERENCES products,
    quantity integer NOT NULL
);
CREATE TABLE events (
    id serial PRIMARY KEY,
    kind text NOT NULL,
    message text NOT NULL,
    happened_at timestamptz NOT NULL
);
CREATE TABLE tax_rules (id serial PRIMARY KEY, country text NOT NULL, rate_permille integer NOT NULL, valid boolean NOT NULL);
CREATE TABLE contacts (id serial PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL);

INSERT INTO customers (name, email, country)
SELECT 'Customer ' || n, 'customer' || n || '@example.com', (ARRAY['DE', 'FR', 'NL', 'PL'])[1 + n % 4]
FROM generate_series(1, 2000) AS n;

INSERT INTO products (sku, title, price_cents)
SELECT 'SKU-' || lpad(n::text, 4, '0'), 'Product ' || n, 100 + n * 37 % 9000
FROM generate_series(1, 500) AS n;

INSERT INTO orders (customer_id, reference, status, placed_at)
SELECT 1 + n * 7919 % 2000, 'ORD-' || n, (ARRAY['new', 'paid', 'sent', 'done'])[1 + n % 4],
       timestamptz '2026-01-01' + n * interval '7 minutes'
FROM generate_series(1, 20000) AS n;

INSERT INTO items (order_id, product_id, quantity)
SELECT 1 + n % 20000, 1 + (n::bigint * 48271 + n / 20000) % 500, 1 + n % 5
FROM generate_series(0, 59999) AS n;

INSERT INTO events (kind, message, happened_at)
SELECT (ARRAY['view', 'search', 'basket', 'order', 'login'])[1 + n % 5],
       'event ' || md5(n::text) || ' of customer ' || n % 2000,
       timestamptz '2026-01-01' + n * interval '20 seconds'
FROM generate_series(1, 400000) AS n;

INSERT INTO tax_rules (country, rate_permille, valid)
SELECT (ARRAY['DE', 'FR', 'NL', 'PL'])[1 + n % 4], 50 + n % 160, n % 10 <> 0
FROM generate_series(1, 3000) AS n;

CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (placed_at DESC, id DESC);
CREATE INDEX ON items (order_id);
CREATE INDEX ON events (happened_at DESC, id DESC);
ANALYZE;
