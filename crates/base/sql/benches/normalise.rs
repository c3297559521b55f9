//! What one statement costs: the lexer alone on the hot path, and with the look-ups of [`sql::Statements`].

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sql::{Normalised, Statements, describe, normalise, normalise_into};
use std::hint::black_box;

/// What Django, Rails, Hibernate, Prisma, Sequelize, GORM, EF Core and people send.
const STATEMENTS: &[&str] = &[
    r#"SELECT "orders_order"."id", "orders_order"."customer_id", "orders_order"."status", "orders_order"."created_at", "orders_order"."total_cents", "orders_order"."currency", "orders_order"."notes", "orders_order"."shipping_address" FROM "orders_order" WHERE "orders_order"."customer_id" = 4711 ORDER BY "orders_order"."created_at" DESC LIMIT 21"#,
    r#"SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login", "auth_user"."is_superuser", "auth_user"."username", "auth_user"."first_name", "auth_user"."last_name", "auth_user"."email", "auth_user"."is_staff", "auth_user"."is_active", "auth_user"."date_joined" FROM "auth_user" WHERE "auth_user"."id" = %s LIMIT 21"#,
    r#"SELECT "catalog_product"."id", "catalog_product"."name", "catalog_product"."sku", "catalog_product"."price_cents", "catalog_product"."category_id" FROM "catalog_product" INNER JOIN "orders_item" ON ("catalog_product"."id" = "orders_item"."product_id") WHERE "orders_item"."order_id" IN (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"#,
    r#"SELECT COUNT(*) AS "__count" FROM "recruiting_application" WHERE ("recruiting_application"."status" = %s AND "recruiting_application"."job_id" = %s)"#,
    r#"INSERT INTO "django_session" ("session_key", "session_data", "expire_date") VALUES ('h3k2j4h5k2j3h4', 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9', '2024-05-01T10:00:00+00:00'::timestamptz)"#,
    r#"UPDATE "inventory_stock" SET "quantity" = ("inventory_stock"."quantity" - 1), "updated_at" = '2024-05-01T10:00:00.123456+00:00'::timestamptz WHERE "inventory_stock"."product_id" = 815"#,
    r#"SELECT "users".* FROM "users" INNER JOIN "memberships" ON "users"."id" = "memberships"."user_id" WHERE "memberships"."team_id" = $1 AND "users"."deleted_at" IS NULL ORDER BY "users"."name" ASC LIMIT $2 /*application='Shop',controller='teams',action='show'*/"#,
    r#"SELECT "posts"."id", "posts"."title", "posts"."body", "posts"."author_id", "posts"."created_at", "posts"."updated_at" FROM "posts" WHERE "posts"."author_id" IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) AND "posts"."published" = TRUE ORDER BY "posts"."created_at" DESC"#,
    "select order0_.id as id1_0_, order0_.customer_id as customer2_0_, order0_.created as created3_0_, order0_.status as status4_0_, items1_.id as id1_1_1_, items1_.product_id as product2_1_1_ from orders order0_ left outer join items items1_ on order0_.id=items1_.order_id where order0_.id=?",
    r#"SELECT "public"."User"."id", "public"."User"."email", "public"."User"."name", "public"."User"."createdAt" FROM "public"."User" WHERE ("public"."User"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3"#,
    r#"SELECT "public"."Post"."id", "public"."Post"."title", "public"."Post"."content", "public"."Post"."authorId" FROM "public"."Post" WHERE "public"."Post"."authorId" IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) OFFSET $11"#,
    r#"SELECT "Order"."id", "Order"."total", "Order"."createdAt", "Customer"."id" AS "Customer.id", "Customer"."name" AS "Customer.name" FROM "Orders" AS "Order" LEFT OUTER JOIN "Customers" AS "Customer" ON "Order"."customerId" = "Customer"."id" WHERE "Order"."status" = 'open' LIMIT 50"#,
    "SELECT * FROM `orders` WHERE `orders`.`customer_id` = 42 AND `orders`.`deleted_at` IS NULL ORDER BY `orders`.`id` LIMIT 1",
    "SELECT `t0`.`id`, `t0`.`first_name`, `t0`.`last_name`, `t0`.`email`, `t0`.`phone`, `t0`.`created_at` FROM `customers` AS `t0` WHERE `t0`.`email` LIKE '%@example.com' AND `t0`.`country` IN ('DE', 'AT', 'CH') ORDER BY `t0`.`created_at` DESC LIMIT 100000, 20",
    "SELECT [o].[Id], [o].[CustomerId], [o].[OrderDate], [o].[Total], [c].[Id], [c].[Name] FROM [Orders] AS [o] INNER JOIN [Customers] AS [c] ON [o].[CustomerId] = [c].[Id] WHERE [o].[Status] = @__status_0 ORDER BY [o].[OrderDate] DESC OFFSET @__p_1 ROWS FETCH NEXT @__p_2 ROWS ONLY",
    "SELECT date_trunc('day', created_at) AS day, count(*) AS orders, sum(total_cents) / 100.0 AS revenue, avg(total_cents) FILTER (WHERE status = 'paid') FROM orders WHERE created_at >= now() - interval '30 days' AND status <> 'cancelled' GROUP BY 1 ORDER BY 1 DESC",
    "WITH recent AS (SELECT id, customer_id FROM orders WHERE created_at > '2024-01-01'), totals AS (SELECT customer_id, sum(amount) AS total FROM payments GROUP BY customer_id) SELECT c.name, t.total FROM customers c JOIN totals t ON t.customer_id = c.id WHERE EXISTS (SELECT 1 FROM recent r WHERE r.customer_id = c.id) AND t.total > 1000.50",
    "INSERT INTO events (id, kind, payload, created_at) VALUES (1, 'click', '{\"x\": 10, \"y\": 20, \"page\": \"/home\"}', '2024-05-01 10:00:00'), (2, 'view', '{\"page\": \"/cart\"}', '2024-05-01 10:00:01'), (3, 'click', '{\"x\": 30, \"y\": 5, \"page\": \"/buy\"}', '2024-05-01 10:00:02')",
    "SELECT p.id, p.title, p.slug, left(p.body, 200) AS excerpt, a.name, (SELECT count(*) FROM comments c WHERE c.post_id = p.id) AS comments FROM posts p LEFT JOIN authors a ON a.id = p.author_id WHERE p.tags && ARRAY['rust', 'sql']::text[] AND p.data->>'lang' = 'en' ORDER BY p.created DESC LIMIT 20 OFFSET 400",
    "DELETE FROM sessions WHERE expires_at < '2024-05-01T10:00:00Z' AND user_id NOT IN (SELECT id FROM users WHERE keep_sessions)",
    "SELECT products.id AS products_id, products.name AS products_name, products.price AS products_price, products.category_id AS products_category_id FROM products WHERE products.category_id = %(category_id_1)s AND products.price BETWEEN %(price_1)s AND %(price_2)s ORDER BY products.price LIMIT %(param_1)s",
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attrelid = '\"orders\"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
];

fn normalising(bench: &mut Criterion) {
    let bytes: usize = STATEMENTS.iter().map(|text| text.len()).sum();
    let mut group = bench.benchmark_group("sql");
    group.throughput(Throughput::Elements(STATEMENTS.len() as u64));
    let mean = bytes / STATEMENTS.len();
    let mut out = Normalised::default();
    group.bench_function(format!("normalise, {mean} bytes on average"), |bencher| {
        bencher.iter(|| {
            for text in STATEMENTS {
                normalise_into(black_box(text), &mut out);
                black_box(&out);
            }
        });
    });
    let mut statements = Statements::default();
    group.bench_function("read, known shapes", |bencher| {
        bencher.iter(|| {
            for text in STATEMENTS {
                black_box(statements.read(black_box(text)));
            }
        });
    });
    let normalised: Vec<Normalised> = STATEMENTS.iter().map(|text| normalise(text)).collect();
    group.bench_function("describe, once per shape", |bencher| {
        bencher.iter(|| {
            for one in &normalised {
                black_box(describe(black_box(one)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, normalising);
criterion_main!(benches);
