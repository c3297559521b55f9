-- The data of the proving ground. Each section fills one table; `data/load.py` runs the sections of the two
-- lanes side by side and replaces the sizes in {braces}. Numbers that look random are hashes of the row's
-- number, so that two loads give the same rows.

-- section: customers, lane 1
INSERT INTO customers (id, name, email, tier, country, created_at)
SELECT i, 'Customer ' || i, 'customer' || i || '@example.com',
       (ARRAY['standard', 'standard', 'silver', 'gold'])[1 + i % 4],
       (ARRAY['DE', 'FR', 'PL', 'ES', 'NL'])[1 + i % 5],
       date_trunc('day', now()) - interval '2 years' + i * interval '1 minute'
FROM generate_series(1, {customers}) i;

-- section: products, lane 1
INSERT INTO products (id, sku, name, description, category, price_cents)
SELECT i, 'SKU-' || lpad(i::text, 6, '0'), 'Product ' || i,
       repeat('A sentence about product ' || i || '. ', 12),
       (ARRAY['books', 'garden', 'kitchen', 'music', 'office', 'outdoor', 'sports', 'tools', 'toys', 'travel'])[1 + i % 10],
       (99 + 20000 * chance(i, 1))::int
FROM generate_series(1, {products}) i;

-- section: shop_settings, lane 1
INSERT INTO shop_settings (id, currency, vat_percent, invoice_note) VALUES (1, 'EUR', 19, 'Thank you.');

-- section: orders, lane 1
-- A few customers have hundreds of orders, most have a handful.
INSERT INTO orders (id, customer_id, status, reference, created_at)
SELECT i, 1 + floor({customers} * power(chance(i, 2), 2.5))::int,
       (ARRAY['paid', 'paid', 'shipped', 'shipped', 'shipped', 'returned', 'open'])[1 + i % 7],
       'R' || lpad((i * 7919 % 1000000)::text, 6, '0'),
       date_trunc('day', now()) - ({orders} - i) * interval '5 minutes'
FROM generate_series(1, {orders}) i;

-- section: order_items, lane 1
-- 3 to 9 items an order, 283 in any 50 orders that follow each other.
INSERT INTO order_items (id, order_id, product_id, quantity, unit_price_cents)
SELECT row_number() OVER (ORDER BY i, n), i, 1 + floor({products} * chance(i * 16 + n, 3))::int,
       1 + (i + n) % 3, (99 + 20000 * chance(i * 16 + n, 4))::int
FROM generate_series(1, {orders}) i
CROSS JOIN LATERAL generate_series(
    1, (ARRAY[3, 5, 9, 4, 6, 7, 3, 8, 5, 6])[1 + i % 10] + (i % 50 IN (0, 7, 33))::int
) n;

-- section: companies, lane 1
INSERT INTO companies (id, name) SELECT i, 'Company ' || i FROM generate_series(1, 100) i;

-- section: jobs, lane 1
INSERT INTO jobs (id, company_id, title, location, is_open)
SELECT i, 1 + i * 7 % 100, 'Job ' || i, (ARRAY['Berlin', 'Paris', 'Gdansk', 'remote'])[1 + i % 4], i % 5 <> 0
FROM generate_series(1, 1000) i;

-- section: skills, lane 1
INSERT INTO skills (id, name) SELECT i, 'Skill ' || i FROM generate_series(1, 40) i;

-- section: jobs_skills, lane 1
INSERT INTO jobs_skills (job_id, skill_id)
SELECT job, 1 + (job * 11 + n * 7) % 40 FROM generate_series(1, 1000) job CROSS JOIN generate_series(1, 4) n;

-- section: application_statuses, lane 1
INSERT INTO application_statuses (id, label)
SELECT i, (ARRAY['new', 'screening', 'interview', 'offer', 'hired', 'rejected'])[i] FROM generate_series(1, 6) i;

-- section: candidates, lane 1
INSERT INTO candidates (id, name, email)
SELECT i, 'Candidate ' || i, 'candidate' || i || '@example.com' FROM generate_series(1, {candidates}) i;

-- section: applications, lane 1
INSERT INTO applications (id, candidate_id, job_id, status_id, created_at)
SELECT i, 1 + floor({candidates} * chance(i, 5))::int, 1 + floor(1000 * chance(i, 6))::int,
       1 + floor(6 * chance(i, 7))::int, date_trunc('day', now()) - ({candidates} - i) * interval '7 minutes'
FROM generate_series(1, {candidates}) i;

-- section: application_notes, lane 1
INSERT INTO application_notes (id, application_id, text, created_at)
SELECT i, 1 + floor({candidates} * chance(i, 8))::int, repeat('Note ' || i || '. ', 8), date_trunc('day', now())
FROM generate_series(1, {candidates} * 3) i;

-- section: interviews, lane 1
INSERT INTO interviews (id, application_id, scheduled_at)
SELECT i, 1 + floor({candidates} * chance(i, 9))::int, date_trunc('day', now()) - chance(i, 10) * interval '200 days'
FROM generate_series(1, {candidates} * 2) i;

-- section: ats_applicants, lane 1
INSERT INTO ats_applicants (id, external_id, source, stage, email, updated_at)
SELECT i, 'ats-' || md5(i::text), (ARRAY['north', 'south', 'west'])[1 + i % 3],
       (ARRAY['applied', 'screening', 'interview', 'offer'])[1 + i % 4],
       'applicant' || i || '@example.com', date_trunc('day', now())
FROM generate_series(1, {applicants}) i;

-- section: authors, lane 2
INSERT INTO authors (id, name, handle, bio)
SELECT i, 'Author ' || i, 'author' || i, repeat('Writes about subject ' || i % 50 || '. ', 10)
FROM generate_series(1, 5000) i;

-- section: posts, lane 2
INSERT INTO posts (id, author_id, title, published_at)
SELECT i, 1 + floor(5000 * chance(i, 11))::int, 'Post number ' || i || ' on subject ' || i % 97,
       date_trunc('day', now()) - ({posts} - i) * interval '20 seconds'
FROM generate_series(1, {posts}) i;

-- section: likes, lane 2
INSERT INTO likes (id, post_id, created_at)
SELECT i, 1 + floor({posts} * (1 - power(chance(i, 12), 6)))::int,
       date_trunc('day', now()) - ({likes} - i) * (interval '10 days' / {likes})
FROM generate_series(1, {likes}) i;

-- section: comments, lane 2
INSERT INTO comments (id, post_id, author_id, text, created_at)
SELECT i, 1 + floor({posts} * chance(i, 13))::int, 1 + floor(5000 * chance(i, 14))::int,
       repeat('Comment ' || i || '. ', 5), date_trunc('day', now()) - chance(i, 15) * interval '300 days'
FROM generate_series(1, {comments}) i;

-- section: articles, lane 2
INSERT INTO articles (id, title, slug, excerpt, word_count, body_html, author_name, language, section, seo_title,
                      seo_description, hero_image_url, hero_image_alt, canonical_url, newsletter_teaser,
                      editor_notes, legal_notes, revision, published_at, updated_at)
SELECT i, 'Article ' || i, 'article-' || i, left(text.words, 280), 5600,
       '<article><p>' || text.html || '</p></article>', 'Author ' || i % 40, 'en',
       (ARRAY['culture', 'science', 'politics'])[1 + i % 3], 'Article ' || i, left(text.words, 160),
       'https://images.example.com/' || i || '.jpg', 'A picture', 'https://example.com/article-' || i,
       left(text.words, 400), repeat('An editor thinks of this. ', 20), repeat('All rights reserved. ', 20),
       1 + i % 9, date_trunc('day', now()) - i * interval '5 hours', date_trunc('day', now()) - i * interval '4 hours'
FROM generate_series(1, {articles}) i
CROSS JOIN LATERAL (
    SELECT string_agg(word, ' ' ORDER BY n) AS words,
           string_agg(CASE WHEN n % 25 = 0 THEN '</p><p>' || word WHEN n % 10 = 0 THEN '<em>' || word || '</em>'
                      ELSE word END, ' ' ORDER BY n) AS html
    FROM (SELECT n, substr(md5((i * 10000 + n)::text), 1, 7) AS word FROM generate_series(1, 5600) n) words
) text;
