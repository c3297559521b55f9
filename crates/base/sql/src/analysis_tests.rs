//! What statements need of tables.

use model::database::{Column, Table};

use super::*;

fn table(schema: &str, name: &str, columns: &[(&str, &str, char)]) -> Table {
    let column = |(place, (name, type_name, category)): (usize, &(&str, &str, char))| Column {
        number: i16::try_from(place + 1).unwrap(),
        name: (*name).into(),
        type_name: (*type_name).into(),
        type_category: *category,
        ..Column::default()
    };
    Table {
        name: TableName::new(schema, name),
        columns: columns.iter().enumerate().map(column).collect(),
        ..Table::default()
    }
}

fn database() -> Database {
    let orders = [
        ("id", "integer", 'N'),
        ("customer_id", "integer", 'N'),
        ("status", "text", 'S'),
        ("created_at", "timestamp with time zone", 'D'),
        ("day", "date", 'D'),
        ("paid", "boolean", 'B'),
        ("data", "jsonb", 'U'),
    ];
    let customers =
        [("id", "integer", 'N'), ("email", "character varying(80)", 'S'), ("country", "text", 'S')];
    Database {
        tables: vec![
            table("public", "orders", &orders),
            table("public", "customers", &customers),
            table("Odd", "My \"Table\"", &[("Select", "integer", 'N'), ("b", "text", 'S')]),
        ],
        ..Database::default()
    }
}

/// One line a table: what is compared, joined, sorted, grouped, fixed and read.
fn told(text: &str) -> String {
    let database = database();
    let Some(analysis) = analyse(text, &database) else { return "not understood".to_owned() };
    let mut lines = Vec::new();
    for needs in &analysis.tables {
        let table = database.tables.iter().find(|table| table.name == needs.table).unwrap();
        let name = |key: &IndexKey| match key {
            IndexKey::Column(number) => table.column(*number).unwrap().name.to_string(),
            IndexKey::Expression(text) => format!("({text})"),
        };
        let mut line = needs.table.to_string();
        for condition in &needs.conditions {
            let or = if condition.alternative { "?" } else { "" };
            line.push_str(
                &format!(" {}{or}:{:?}", name(&condition.key), condition.kind).to_lowercase(),
            );
        }
        let mut add = |what: &str, names: Vec<String>| {
            if !names.is_empty() {
                line.push_str(&format!(" {what}[{}]", names.join(", ")));
            }
        };
        add("join", needs.joins.iter().map(name).collect());
        let sort = |key: &SortKey| {
            format!("{}{}", name(&key.key), if key.descending { " desc" } else { "" })
        };
        add("order", needs.order.iter().map(sort).collect());
        add("group", needs.group.iter().map(name).collect());
        add("where", needs.predicates.iter().map(|one| one.sql.clone()).collect());
        add("read", needs.read.iter().map(|number| name(&IndexKey::Column(*number))).collect());
        line.push_str(if needs.whole_rows { " whole" } else { "" });
        line.push_str(if needs.limited { " limited" } else { "" });
        lines.push(line);
    }
    for name in &analysis.unknown {
        lines.push(format!("unknown {name}"));
    }
    lines.join("\n")
}

fn check(text: &str, expected: &str) {
    assert_eq!(told(text), expected, "{text}");
}

#[test]
fn equality_then_order_with_a_limit() {
    check(
        "SELECT * FROM orders WHERE customer_id = $1 AND status = $2 ORDER BY created_at DESC LIMIT 20",
        "orders customer_id:equal status:equal order[created_at desc] read[customer_id, status, created_at] whole limited",
    );
}

#[test]
fn aliases_and_joins_belong_to_their_tables() {
    check(
        "select c.email, count(*) from orders o join customers c on c.id = o.customer_id \
         where o.created_at >= $1 and c.country in ($2, $3) group by c.email",
        "orders created_at:range join[customer_id] read[customer_id, created_at]\n\
         customers country:in join[id] group[email] read[id, email, country]",
    );
}

#[test]
fn a_subquery_is_joined_to_the_block_around_it() {
    check(
        "select email from customers where exists (select * from orders where customer_id = customers.id and not paid)",
        "customers join[id] read[id, email]\n\
         orders paid:equal join[customer_id] where[NOT paid] read[customer_id, paid]",
    );
    check(
        "select 1 from orders where customer_id in (select id from customers where email like 'a%')",
        "orders join[customer_id] read[customer_id]\n\
         customers email:prefix join[id] read[id, email]",
    );
}

#[test]
fn conditions_without_parameters_can_make_an_index_partial() {
    check(
        "select id from orders where status = 'draft' and paid is null and customer_id = $1 and created_at < now()",
        "orders status:equal paid:equal customer_id:equal created_at:range where[status = 'draft', paid IS NULL] \
         read[id, customer_id, status, created_at, paid]",
    );
}

#[test]
fn what_may_change_is_never_in_an_index() {
    check(
        "select id from orders where date_trunc('day', created_at) = $1 and date_trunc('month', day) = $2 \
         and extract(year from created_at) = 2020 and created_at::date = $3 and random() < 0.5",
        "orders (date_trunc('month', day)):equal read[id, created_at, day]",
    );
}

#[test]
fn functions_of_a_row_are_expressions() {
    check(
        "select id from customers where lower(email) = lower($1) order by lower(email), id",
        "customers (lower(email)):equal order[(lower(email)), id] read[id, email]",
    );
}

#[test]
fn names_are_folded_and_quoted_as_the_server_does() {
    check(
        "select t.\"Select\" from \"Odd\".\"My \"\"Table\"\"\" t where lower(T.B) = $1 and T.\"Select\" is not null",
        "Odd.My \"Table\" (lower(b)):equal where[\"Select\" IS NOT NULL] read[Select, b]",
    );
}

#[test]
fn what_all_sides_of_an_or_share_holds_always() {
    check(
        "select id from orders where (customer_id = $1 and status = 'a') or (customer_id = $1 and day = $2)",
        "orders customer_id:equal status?:equal day?:equal read[id, customer_id, status, day]",
    );
}

#[test]
fn names_reach_through_subqueries_and_common_tables() {
    check(
        "with recent as (select id, customer_id as who, day from orders) \
         select email from recent r, customers c where r.who = c.id and r.day > $1 order by r.day",
        "orders day:range join[customer_id] order[day] read[id, customer_id, day]\n\
         customers join[id] read[id, email]",
    );
}

#[test]
fn changes_read_whole_rows() {
    check(
        "delete from orders where created_at < $1",
        "orders created_at:range read[created_at] whole",
    );
    check(
        "update orders o set status = c.country from customers c where c.id = o.customer_id and o.id = $1",
        "orders id:equal join[customer_id] read[id, customer_id] whole\n\
         customers join[id] read[id, country]",
    );
}

#[test]
fn keyset_pagination_ranges_over_its_first_column() {
    check(
        "select id from orders where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 20",
        "orders created_at:range order[created_at desc, id desc] read[id, created_at] limited",
    );
}

#[test]
fn documents_arrays_and_patterns_are_told_apart() {
    check(
        "select id from orders where data @> $1 and status like '%x%' and status ilike $2",
        "orders data:contains status:pattern read[id, status, data]",
    );
}

#[test]
fn what_is_no_table_is_named() {
    check(
        "select * from nowhere n, orders where n.id = orders.id",
        "orders join[id] read[id] whole\nunknown nowhere",
    );
}

#[test]
fn broken_and_endless_text_is_refused() {
    check("selec from where", "not understood");
    check(&format!("select {}1", "1+".repeat(100_000)), "not understood");
    check(&format!("select {}", "(".repeat(10_000)), "not understood");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(select|from|where|orders|o|and|or|\\(|\\)|=|\\$1|,|id|in|exists|'a'|like|order by| ){0,40}") {
        drop(analyse(&text, &database()));
    }
}
