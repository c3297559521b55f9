-- Events of devices: the schema that the size model is judged on; nothing in the model was changed after seeing it.
select setseed(0.17);
create type kind as enum ('click', 'view', 'purchase', 'refund', 'error');
create table devices (id uuid not null, serial varchar(20) not null, model text not null, city text not null, country text not null,
    installed date not null, firmware text, address inet, mac macaddr not null, latitude real, owner_id bigint, retired boolean);
insert into devices
select md5('device' || i)::uuid, upper(substr(md5(i::text), 1, 12)), 'model-' || (i % 37), 'city-' || c, 'country-' || c / 25,
    date '2018-01-01' + (i / 200), case when random() < 0.95 then '1.' || (random() * 9)::integer || '.' || (random() * 30)::integer end,
    ('10.' || i / 65536 || '.' || (i / 256) % 256 || '.' || i % 256)::inet,
    ('08:00:2b:' || lpad(to_hex(i / 65536), 2, '0') || ':' || lpad(to_hex((i / 256) % 256), 2, '0') || ':' || lpad(to_hex(i % 256), 2, '0'))::macaddr,
    (random() * 180 - 90)::real, case when random() < 0.4 then (random() * 50000)::bigint end, case when random() < 0.02 then true end
from generate_series(1, :rows / 4) i, lateral (select floor(random() * 500)::integer + 0 * i as c) place;
create table events (id bigint not null, device_id uuid not null, happened timestamptz not null, minute timestamp not null, kind kind not null,
    severity smallint not null, amount numeric(10,4), url text not null, session char(32) not null, payload jsonb not null,
    day date not null, user_id integer, processed_at timestamptz, clock time not null, tags text[] not null);
insert into events
select i, md5('device' || (1 + floor(random() * :rows / 4))::integer)::uuid, timestamptz '2024-01-01' + i * interval '3 seconds' + random() * interval '2 seconds',
    date_trunc('minute', timestamp '2024-01-01' + i * interval '3 seconds'),
    (array['click', 'click', 'click', 'view', 'view', 'view', 'view', 'purchase', 'refund', 'error'])[1 + floor(random() * 10)::integer]::kind,
    floor(random() * random() * 8)::smallint, case when random() < 0.1 then (random() * 300)::numeric(10,4) end,
    'https://www.example.com/' || (array['shop', 'blog', 'help/articles', 'account/settings'])[1 + floor(random() * 4)::integer] || '/' || (random() * 3000)::integer,
    md5((i / 12)::text), jsonb_build_object('type', 't' || i % 11, 'value', (random() * 100)::integer),
    date '2024-01-01' + (i / 28800), case when random() < 0.6 then floor(exp(random() * 10))::integer end,
    case when random() < 0.97 then timestamptz '2024-01-01' + i * interval '3 seconds' + interval '1 minute' end,
    (time '00:00' + random() * interval '24 hours')::time(0), array['tag' || i % 7, 'tag' || i % 50]
from generate_series(1, :rows) i;
vacuum analyze devices;
vacuum analyze events;
