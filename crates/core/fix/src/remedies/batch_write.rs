//! Write many rows in one statement.

use model::{Finding, Proof};

use super::snippets::{Layer, layer, python, snippet, sql, table};
use crate::{Hint, Remedy, names};

pub(super) static BATCH_WRITE: Remedy = Remedy {
    name: "batch-write",
    title: "write many rows in one statement",
    answers: &["n-plus-one"],
    proofs: &[Proof::QueryCount, Proof::BeforeAfter],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    finding.evidence.statement.as_ref().filter(|text| text.kind.writes())?;
    let table = table(finding);
    let class = names::class(table);
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
        Layer::TypeOrm | Layer::EntityFramework | Layer::Sql => {
            sql(format!("INSERT INTO {table} (a, b) SELECT * FROM unnest($1::int[], $2::text[]);"))
        }
    };
    let text =
        format!("Write the rows of {table} in one statement instead of {}.", finding.calls_now);
    Some(Hint { text, snippet })
}
