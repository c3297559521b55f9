//! Write many rows in one statement.

use model::{Finding, Proof, Snippet, StatementKind};

use super::snippets::{Layer, layer, model, python, snippet, table};
use crate::{
    Hint, Remedy,
    dialect::{Dialect, dialect},
    names,
};

pub(super) static BATCH_WRITE: Remedy = Remedy {
    name: "batch-write",
    title: "write many rows in one statement",
    answers: &["n-plus-one"],
    proofs: &[Proof::QueryCount, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let kind = finding.evidence.statement.as_ref().map(|text| text.kind)?;
    if !kind.writes() {
        return None;
    }
    let table = table(finding);
    let class = model(finding, table);
    let snippet = match layer(finding) {
        Layer::Django => {
            python(format!("{class}.objects.bulk_create(rows)  # or bulk_update(rows, [fields])"))
        }
        Layer::SqlAlchemy => {
            python(format!("session.execute(insert({class}), rows)  # a list of dicts"))
        }
        Layer::Rails => snippet("ruby", format!("{class}.insert_all(rows)  # or upsert_all")),
        Layer::Hibernate => {
            snippet("properties", "hibernate.jdbc.batch_size=50\nhibernate.order_inserts=true")
        }
        Layer::Prisma => {
            let client = names::lower_camel(&names::singular(table));
            snippet("typescript", format!("prisma.{client}.createMany({{ data: rows }})"))
        }
        Layer::Sequelize => snippet("javascript", format!("{class}.bulkCreate(rows)")),
        Layer::Laravel => snippet("php", format!("{class}::insert($rows);")),
        Layer::Gorm => snippet("go", "db.CreateInBatches(rows, 500)"),
        Layer::EntityFramework => snippet(
            "csharp",
            "context.AddRange(rows);\nawait context.SaveChangesAsync();  // once, after the loop",
        ),
        Layer::TypeOrm => snippet("typescript", format!("repository({class}).insert(rows)")),
        Layer::Sql => plain(dialect(finding), table, kind),
    };
    let text =
        format!("Write the rows of {table} in one statement instead of {}.", finding.calls_now);
    Some(Hint { text, snippet, change: None })
}

/// The statement itself, where no layer writes it.
fn plain(dialect: Dialect, table: &str, kind: StatementKind) -> Option<Snippet> {
    let (name, keys) = (dialect.name(table), dialect.any_key());
    let code = match (dialect, kind) {
        (Dialect::Other, _) => return None,
        (Dialect::Mongo, StatementKind::Insert) => format!("db.{table}.insertMany(rows)"),
        (Dialect::Mongo, _) => format!("db.{table}.bulkWrite(changes, {{ ordered: false }})"),
        (_, StatementKind::Delete) => format!("DELETE FROM {name} WHERE id {keys};"),
        (Dialect::Postgres, StatementKind::Update) => format!(
            "UPDATE {name} SET a = new.a FROM unnest($1::int[], $2::text[]) AS new (id, a) WHERE {name}.id = new.id;"
        ),
        (_, StatementKind::Update) => format!(
            "UPDATE {name} SET a = CASE id WHEN {} THEN {} WHEN … END WHERE id IN (…);",
            dialect.parameter(1),
            dialect.parameter(2)
        ),
        (Dialect::Postgres, _) => {
            format!("INSERT INTO {name} (a, b) SELECT * FROM unnest($1::int[], $2::text[]);")
        }
        (Dialect::Oracle, _) => format!(
            "INSERT INTO {name} (a, b) VALUES (:1, :2)  -- executed once, with arrays bound to :1 and :2"
        ),
        _ => {
            let values: Vec<String> = (1..=4).map(|place| dialect.parameter(place)).collect();
            let rows: Vec<String> =
                values.chunks(2).map(|row| format!("({})", row.join(", "))).collect();
            format!("INSERT INTO {name} (a, b) VALUES {}, …;", rows.join(", "))
        }
    };
    snippet(dialect.language(), code)
}
