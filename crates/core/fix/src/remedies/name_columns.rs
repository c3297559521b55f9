//! Read the columns that are shown.

use model::{Finding, Proof};

use super::snippets::{Layer, layer, python, snippet, sql, table};
use crate::{Hint, Remedy, names};

pub(super) static NAME_COLUMNS: Remedy = Remedy {
    name: "name-columns",
    title: "read the columns that are shown",
    answers: &["wide-select", "large-response"],
    proofs: &[Proof::Rehearsal, Proof::Bytes, Proof::Replay],
    advise,
};

fn advise(finding: &Finding) -> Option<Hint> {
    let table = table(finding);
    finding.evidence.statement.as_ref()?;
    let class = names::class(table);
    let snippet = match layer(finding) {
        Layer::Django => python(format!(
            "{class}.objects.only(\"id\", \"title\")  # or .defer(\"body\"), or .values(...)"
        )),
        Layer::SqlAlchemy => {
            python(format!("select({class}).options(load_only({class}.id, {class}.title))"))
        }
        Layer::Rails => snippet("ruby", format!("{class}.select(:id, :title)")),
        Layer::Prisma => {
            let client = names::lower_camel(&names::singular(table));
            snippet(
                "typescript",
                format!("prisma.{client}.findMany({{ select: {{ id: true, title: true }} }})"),
            )
        }
        Layer::Hibernate => {
            snippet("java", "select new Row(a.id, a.title) from … a  // a projection")
        }
        Layer::Sequelize => {
            snippet("javascript", format!("{class}.findAll({{ attributes: ['id', 'title'] }})"))
        }
        Layer::Laravel => snippet("php", format!("{class}::select(['id', 'title'])->get();")),
        Layer::Gorm => snippet("go", "db.Select(\"id\", \"title\").Find(&rows)"),
        Layer::TypeOrm | Layer::EntityFramework | Layer::Sql => {
            sql(format!("SELECT id, title FROM {table} …;"))
        }
    };
    let text = format!(
        "Name the columns of {table} that the list shows; leave long texts to the page of one row."
    );
    Some(Hint { text, snippet })
}
