//! What is advised, for the same loop in each framework, and for each fault.

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

fn check(framework: &[Framework], expected: &str) {
    let findings = findings(ORDERS, framework);
    let [finding] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
    let advice = fix::advise(finding);
    let code = advice.first().and_then(|advice| advice.snippet.as_ref());
    assert_eq!(code.map(|snippet| snippet.code.as_str()), Some(expected.trim_matches('\n')));
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
select(Order).options(
    joinedload(Order.customer),
    selectinload(Order.order_items).joinedload(OrderItem.product),
    selectinload(Order.notes),
)
",
    );
}

#[test]
fn rails_includes() {
    check(
        &[Framework::Rails, Framework::ActiveRecord],
        "Order.includes(:customer, :notes, order_items: [:product])",
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
