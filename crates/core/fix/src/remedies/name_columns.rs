//! Read the columns that are shown.

use model::{Finding, Proof, Snippet};

use super::snippets::{Layer, layer, model, python, short_columns, snippet, sql, table};
use crate::{
    Hint, Remedy, database,
    dialect::{Dialect, dialect},
    names,
};

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
    let snippet = code(finding, table);
    let text = format!(
        "Name the columns of {table} that the list shows; leave long texts to the page of one row.{}",
        spared(finding)
    );
    Some(Hint { text, snippet, change: None })
}

/// The list as the layer reads named columns, the long ones left out.
fn code(finding: &Finding, table: &str) -> Option<Snippet> {
    let class = model(finding, table);
    let known = narrow_columns(finding).or_else(|| short_columns(finding));
    let columns = known.unwrap_or_else(|| vec!["id".to_owned(), "…".to_owned()]);
    let each = |write: &dyn Fn(&str) -> String| {
        columns.iter().map(|column| write(column)).collect::<Vec<_>>().join(", ")
    };
    let double = |column: &str| format!("\"{column}\"");
    let single = |column: &str| format!("'{column}'");
    let wanted = |column: &str| format!("{column}: true");
    let dialect = dialect(finding);
    match layer(finding) {
        _ if dialect == Dialect::Mongo => snippet(
            dialect.language(),
            format!("db.{table}.find(filter, {{ projection: {{ {} }} }})", each(&wanted)),
        ),
        Layer::Django => python(format!(
            "{class}.objects.only({})  # or .defer(…) the long ones, or .values(…)",
            each(&double)
        )),
        Layer::SqlAlchemy => python(format!(
            "select({class}).options(load_only({}))",
            each(&|column| format!("{class}.{column}"))
        )),
        Layer::Rails => {
            snippet("ruby", format!("{class}.select({})", each(&|column| format!(":{column}"))))
        }
        Layer::Prisma => {
            let client = names::lower_camel(&names::singular(table));
            snippet(
                "typescript",
                format!("prisma.{client}.findMany({{ select: {{ {} }} }})", each(&wanted)),
            )
        }
        Layer::Hibernate => snippet(
            "java",
            format!(
                "select new Row({}) from {class} it  // a projection",
                each(&|column| format!("it.{}", names::lower_camel(column)))
            ),
        ),
        Layer::Sequelize => {
            snippet("javascript", format!("{class}.findAll({{ attributes: [{}] }})", each(&single)))
        }
        Layer::TypeOrm => snippet(
            "typescript",
            format!(
                "repository({class}).find({{ select: {{ {} }} }})",
                each(&|column| format!("{}: true", names::lower_camel(column)))
            ),
        ),
        Layer::Laravel => snippet("php", format!("{class}::select([{}])->get();", each(&single))),
        Layer::Gorm => snippet("go", format!("db.Select({}).Find(&rows)", each(&double))),
        Layer::EntityFramework => snippet(
            "csharp",
            format!(
                "context.Set<{class}>().Select(it => new {{ {} }})",
                each(&|column| format!("it.{}", names::upper_camel(column)))
            ),
        ),
        Layer::Sql if dialect == Dialect::Other => None,
        Layer::Sql => sql(format!(
            "SELECT {} FROM {} …;",
            each(&|column| if column == "…" { column.to_owned() } else { dialect.name(column) }),
            dialect.name(table)
        )),
    }
}

/// A mean value of so many bytes is too much for a list; the same as the detector's.
const WIDE_BYTES_MIN: u32 = 200;

/// Columns of an example beyond which it does not get clearer.
const SHOWN_MAX: usize = 8;

/// The columns that are narrow by the server's statistics.
fn narrow_columns(finding: &Finding) -> Option<Vec<String>> {
    let columns = &database::known(finding)?.columns;
    let narrow = columns.iter().filter(|(_, width)| *width < WIDE_BYTES_MIN);
    let names: Vec<String> = narrow.take(SHOWN_MAX).map(|(name, _)| name.to_string()).collect();
    (!names.is_empty() && names.len() < columns.len()).then_some(names)
}

/// What that spares, where the server's statistics tell.
fn spared(finding: &Finding) -> String {
    let figures =
        database::known(finding).map(|known| known.figures.as_slice()).unwrap_or_default();
    let told = figures.iter().find(|(label, _)| label == "bytes a day");
    told.map_or_else(String::new, |(_, value)| format!(" Read now a day: {value}."))
}
