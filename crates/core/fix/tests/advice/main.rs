//! What is advised, for the same loop in each framework, and for each fault.

mod databases;

use find::{Board, Levels, RequestView, Seen, Settings, Targets};
use model::{Finding, Framework, Stack};
use testkit::Script;

const ORDERS: &str = "
request GET /api/orders/
  sql 4ms SELECT id, customer_id, placed_at FROM orders ORDER BY id DESC LIMIT 50
  repeat 50
    sql 2ms SELECT id, name FROM customers WHERE id = ?
    sql 2ms SELECT id, order_id, product_id FROM order_items WHERE order_id = ?
    repeat 4
      sql 2ms SELECT id, title FROM products WHERE id = ?
    sql 1ms SELECT count(*) FROM notes WHERE order_id = ?
";

fn findings(script: &str, frameworks: &[Framework]) -> Vec<Finding> {
    let script = Script::read(script);
    let stack = Stack { language: None, frameworks: frameworks.iter().copied().collect() };
    let mut board = Board::new(None);
    for trace in &script.traces {
        for entry in &trace.entries {
            let view = RequestView::new(trace, *entry);
            board.count(&view);
            for sighting in find::sightings(&view, &Settings::default()) {
                let seen = Seen {
                    statements: view.statement_count(),
                    awaited: view.is_awaited(),
                    stack: Some(&stack),
                };
                board.add(sighting, seen);
            }
        }
    }
    board.outcome(&Targets::default(), &Levels::default()).findings
}

/// The one finding of a script.
fn only(script: &str, framework: &[Framework]) -> Finding {
    let mut found = findings(script, framework);
    assert_eq!(found.len(), 1, "one finding, not {found:?}");
    found.remove(0)
}

fn code(finding: &Finding) -> String {
    let advice = fix::advise(finding);
    let snippet = advice.first().and_then(|advice| advice.snippet.as_ref());
    snippet.map(|snippet| snippet.code.clone()).unwrap_or_default()
}

fn check_case(script: &str, framework: &[Framework], expected: &str) {
    assert_eq!(code(&only(script, framework)), expected.trim_matches('\n'));
}

fn check(framework: &[Framework], expected: &str) {
    check_case(ORDERS, framework, expected);
}

#[test]
fn django_joins_prefetches_and_annotates() {
    check(
        &[Framework::Django, Framework::Psycopg],
        r#"
Order.objects
    .select_related("customer")
    .prefetch_related("orderitem_set__product")
    .annotate(note_count=Count("note"))
# `…_set` is Django's default; use the related_name if the field has one
"#,
    );
}

#[test]
fn sqlalchemy_loads_along_the_path() {
    check(
        &[Framework::SqlAlchemy, Framework::Psycopg],
        "
select(
    Order,
    select(func.count()).where(Note.order_id == Order.id).scalar_subquery(),
).options(
    joinedload(Order.customer),
    selectinload(Order.order_items).joinedload(OrderItem.product),
)
",
    );
}

#[test]
fn rails_includes() {
    check(
        &[Framework::Rails, Framework::ActiveRecord],
        "
Order.includes(:customer, order_items: [:product])
# in Note: belongs_to :order, counter_cache: true; then .notes.size, for .count asks each time
",
    );
}

#[test]
fn prisma_includes_and_counts() {
    check(
        &[Framework::Prisma],
        "
prisma.order.findMany({
  include: { customer: true, orderItems: { include: { product: true } }, _count: { select: { notes: true } } },
})
",
    );
}

#[test]
fn who_writes_sql_gets_sql() {
    check(
        &[Framework::NodePostgres],
        "
-- once for all rows, with the keys of all of them in $1
SELECT … FROM customers WHERE id = ANY($1);
SELECT … FROM order_items WHERE order_id = ANY($1);
SELECT … FROM products WHERE id = ANY($1);
SELECT order_id, count(*) FROM notes WHERE order_id = ANY($1) GROUP BY order_id;
",
    );
}

#[test]
fn what_is_joined_or_counted_with_the_list_needs_no_statement() {
    let django = findings(ORDERS, &[Framework::Django]);
    assert_eq!(django.iter().map(fix::calls_after).collect::<Vec<_>>(), [Some(2)]);
    let sql = findings(ORDERS, &[]);
    assert_eq!(sql.iter().map(fix::calls_after).collect::<Vec<_>>(), [None]);
}

#[test]
fn every_finding_of_every_case_is_advised_upon() {
    let cases = [
        "request GET /a\n  repeat 4\n    sql 9ms SELECT id FROM users WHERE id = 42\n",
        "request POST /a\n  mail 400ms smtp.internal\n",
        "request GET /a\n  repeat 20\n    http 12ms GET stock.internal /items/{id} /items/#\n",
        "request GET /a\n  sql 300ms SELECT id FROM users WHERE mail = ?\n",
        "request GET /a\n  sql 300ms SELECT id FROM posts ORDER BY at LIMIT 20 OFFSET 90000\n",
        "request GET /a\n  sql 300ms SELECT count(*) FROM posts\n",
        "request POST /a\n  repeat 60\n    sql 2ms INSERT INTO rows (a) VALUES (?)\n",
    ];
    for case in cases {
        let found = findings(case, &[Framework::Django]);
        assert!(!found.is_empty(), "{case}");
        for finding in found {
            let advice = fix::advise(&finding);
            assert!(!advice.is_empty(), "{case}");
            assert!(
                advice.iter().all(|advice| !advice.text.is_empty() && !advice.proofs.is_empty())
            );
        }
    }
}

const COUNTED: &str = "
request GET /posts
  sql 4ms SELECT posts.* FROM posts ORDER BY posts.created_at DESC LIMIT ?
  repeat 40
    sql 3ms SELECT COUNT(*) FROM comments WHERE comments.post_id = ?
";

#[test]
fn counts_are_told_to_each_framework_in_its_words() {
    let frameworks = [
        Framework::Rails,
        Framework::Laravel,
        Framework::Gorm,
        Framework::Prisma,
        Framework::Sequelize,
        Framework::TypeOrm,
        Framework::EntityFramework,
        Framework::Hibernate,
        Framework::SqlAlchemy,
        Framework::Django,
    ];
    let told: Vec<String> = frameworks
        .iter()
        .map(|framework| {
            let finding = only(COUNTED, &[*framework]);
            format!("{:?} {}", fix::calls_after(&finding), code(&finding))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n\n"), @r##"
    Some(0) Post.left_joins(:comments).select("posts.*, COUNT(comments.id) AS comments_count").group(:id)
    # or in Comment: belongs_to :post, counter_cache: true; then .comments.size, for .count asks each time

    Some(0) Post::withCount('comments')->get();

    Some(0) db.Select("posts.*, (SELECT COUNT(*) FROM comments WHERE comments.post_id = posts.id) AS comments_count").Find(&rows)

    Some(0) prisma.post.findMany({
      include: { _count: { select: { comments: true } } },
    })

    Some(0) Post.findAll({ attributes: { include: [[literal(`(SELECT COUNT(*) FROM comments WHERE comments.post_id = "Post".id)`), 'commentsCount']] } })

    Some(1) repository(Post).createQueryBuilder('post')
      .loadRelationCountAndMap('post.commentsCount', 'post.comments')
      .getMany()

    Some(0) context.Set<Post>()
        .Select(it => new { it, CommentsCount = it.Comments.Count })

    Some(0) @Formula("(select count(*) from comments c where c.post_id = id)")
    private long commentsCount;  // in Post

    Some(0) select(
        Post,
        select(func.count()).where(Comment.post_id == Post.id).scalar_subquery(),
    )

    Some(0) Post.objects
        .annotate(comment_count=Count("comment"))
    "##);
}

#[test]
fn layers_that_join_nothing_need_a_statement_for_each_relation() {
    let after = |framework| fix::calls_after(&only(ORDERS, &[framework]));
    let apart = [Framework::Rails, Framework::Laravel, Framework::Prisma, Framework::Gorm];
    assert_eq!(apart.map(after), [Some(3); 4], "customer, items, products; notes are counted");
    let joined = [
        Framework::SqlAlchemy,
        Framework::EntityFramework,
        Framework::Hibernate,
        Framework::Sequelize,
    ];
    assert_eq!(joined.map(after), [Some(1), Some(1), Some(0), Some(0)]);
}

#[test]
fn rows_that_are_looked_up_below_others_stay_below_them_when_no_column_is_named() {
    let stars = "
request GET /orders
  sql 4ms SELECT * FROM orders LIMIT 10
  repeat 10
    sql 2ms SELECT * FROM customers WHERE customers.id = ?
    sql 2ms SELECT * FROM order_items WHERE order_items.order_id = ?
    repeat 6
      sql 4ms SELECT * FROM products WHERE products.id = ? ORDER BY products.id LIMIT 1
";
    let finding = only(stars, &[Framework::Gorm]);
    assert_eq!(
        code(&finding),
        "db.Preload(\"Customer\").Preload(\"OrderItems.Product\").Find(&rows)"
    );
    assert_eq!(fix::calls_after(&finding), Some(3));
}

#[test]
fn prisma_names_the_relation_after_its_column() {
    let posts = r#"
request GET /users
  sql 6ms SELECT "public"."Post"."id", "public"."Post"."authorId" FROM "public"."Post" WHERE 1=1
  repeat 25
    sql 7ms SELECT "public"."User"."id", "public"."User"."name" FROM "public"."User" WHERE ("public"."User"."id" = $1 AND 1=1) LIMIT $2
"#;
    check_case(
        posts,
        &[Framework::Prisma],
        "prisma.post.findMany({\n  include: { author: true },\n})",
    );
}

#[test]
fn django_models_are_named_without_their_application() {
    let shop = "
request GET /orders/
  sql 4ms SELECT id, customer_id FROM shop_order ORDER BY id DESC LIMIT 50
  repeat 50
    sql 2ms SELECT id, name FROM shop_customer WHERE id = ?
    sql 2ms SELECT id, order_id FROM shop_orderitem WHERE order_id = ?
";
    check_case(
        shop,
        &[Framework::Django],
        r#"
Order.objects
    .select_related("customer")
    .prefetch_related("orderitem_set")
# `…_set` is Django's default; use the related_name if the field has one
"#,
    );
}

#[test]
fn entity_framework_reads_pascal_case() {
    let orders = "
request GET /Orders
  sql 7ms SELECT [o].[Id], [o].[CustomerId] FROM [Orders] AS [o]
  repeat 35
    sql 5ms SELECT TOP(1) [c].[Id], [c].[Name] FROM [Customers] AS [c] WHERE [c].[Id] = @__p_0
";
    let finding = only(orders, &[Framework::EntityFramework]);
    assert_eq!(code(&finding), "context.Set<Order>()\n    .Include(it => it.Customer)");
    assert_eq!(fix::calls_after(&finding), Some(0), "a join");
    let advice = fix::advise(&finding);
    assert!(advice[0].text.contains("no further statement"), "{}", advice[0].text);
}

#[test]
fn the_columns_that_are_named_are_those_that_were_read_and_are_short() {
    let wide = "request GET /a\n  sql 90ms SELECT posts.id, posts.headline, posts.body, posts.author_id FROM posts ORDER BY id LIMIT 50\n  own 2ms\n";
    let found = findings(wide, &[Framework::Django]);
    let wide = found.iter().find(|finding| finding.fault == "wide-select").unwrap();
    assert_eq!(
        code(wide),
        "Post.objects.only(\"id\", \"headline\", \"author_id\")  # or .defer(…) the long ones, or .values(…)"
    );
}

#[test]
fn laravel_asks_once_more_for_each_relation() {
    let orders = "
request GET /orders
  sql 3ms select * from `orders` where `status` = 'new' limit 30
  repeat 30
    sql 3ms select * from `customers` where `customers`.`id` = # limit 1
";
    let finding = only(orders, &[Framework::Laravel]);
    assert_eq!(code(&finding), "Order::with('customer')->get();");
    assert!(fix::advise(&finding)[0].text.contains("one further statement"));
}

#[test]
fn calls_that_are_started_together_are_named() {
    let serial = "
request GET /checkout
  http 200ms GET stock.internal /levels /levels
  http 200ms GET prices.internal /quotes /quotes
";
    let finding = only(serial, &[Framework::FastApi]);
    let text = &fix::advise(&finding)[0].text;
    assert!(
        text.starts_with("Start GET stock.internal/levels, GET prices.internal/quotes together"),
        "{text}"
    );
}
