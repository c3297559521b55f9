-- Posts and orders: the schema that the size model was made with, beside TPC-H. `:rows` posts and as many orders.
select setseed(0.42);
create table posts (id bigint not null, user_id integer not null, title text not null, slug text not null,
    status smallint not null, published boolean not null, created_at timestamptz not null, updated_at timestamptz,
    views integer not null, score numeric(8,2), category_id integer, token uuid not null, language varchar(5) not null);
insert into posts
select i, (random() * :rows / 20)::integer, 'Post ' || repeat('x', (random() * 40)::integer),
    'post-' || i || '-' || substr(md5(i::text), 1, 4 + (random() * 12)::integer),
    (array[1, 1, 1, 1, 1, 1, 2, 2, 2, 3])[1 + floor(random() * 10)::integer], random() < 0.6,
    timestamptz '2020-01-01' + i * interval '17 seconds',
    case when random() < 0.5 then timestamptz '2020-01-01' + i * interval '17 seconds' + random() * interval '30 days' end,
    floor(exp(random() * 12))::integer, case when random() < 0.8 then (random() * 1000)::numeric(8,2) end,
    case when random() < 0.7 then (random() * random() * 300)::integer end, md5('token' || i)::uuid,
    (array['en', 'en', 'en', 'de', 'fr', 'pt_BR', 'es', 'zh_TW'])[1 + floor(random() * 8)::integer]
from generate_series(1, :rows) i;
create table orders (id bigint not null, customer_id integer not null, status text not null, total numeric(12,2) not null,
    created_at timestamptz not null, paid_on date, country character(2) not null, email text not null,
    warehouse_id integer not null, region_id integer not null, quantity smallint not null, weight double precision);
insert into orders
select i, (random() * :rows / 10)::integer, (array['paid', 'paid', 'paid', 'shipped', 'shipped', 'pending', 'cancelled'])[1 + floor(random() * 7)::integer],
    (random() * random() * 5000)::numeric(12,2), timestamptz '2023-01-01' + (random() * 1000) * interval '1 day',
    case when random() < 0.9 then date '2023-01-01' + (random() * 1000)::integer end,
    (array['US', 'DE', 'FR', 'BR', 'IN', 'JP'])[1 + floor(random() * 6)::integer],
    'user' || (random() * :rows / 10)::integer || '@' || (array['example.com', 'mail.example.org', 'x.io'])[1 + floor(random() * 3)::integer],
    w, w / 10, (1 + random() * 9)::smallint, random() * 30
from generate_series(1, :rows) i, lateral (select (random() * 200)::integer + 0 * i as w) warehouse;
vacuum analyze posts;
vacuum analyze orders;
