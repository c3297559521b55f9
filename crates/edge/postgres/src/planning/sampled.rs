//! Values for a parameter that meets a skewed column: the most common one, and one that is usual among the rest.
//!
//! Values come from what `ANALYZE` keeps, stand in an EXPLAIN in this session alone, and are neither kept nor shown.

use model::database::{ColumnStatistics, Database, TableName};
use sql::Parameter;
use tokio_postgres::Client;

use crate::explain::with_value;

/// Share of the rows that the most common value of a skewed column has at least: less makes no other plan.
const COMMON_MIN: f64 = 0.05;
/// How many times as common as the average value: then the plan for any value is wrong for this one, and for the rest.
const SKEW_MIN: f64 = 4.0;

/// The text with values for its most skewed parameter, each with its share of the runs: runs are taken to ask for a
/// value as often as rows have it. Empty if no parameter is skewed.
pub(super) async fn texts(
    connection: &Client,
    database: &Database,
    text: &str,
) -> Vec<(f64, String)> {
    if !text.contains('$') {
        return Vec::new();
    }
    let parameters = sql::analyse(text, database).map(|known| known.parameters).unwrap_or_default();
    let skewed = parameters.iter().filter_map(|parameter| {
        let statistics = statistics(database, parameter)?;
        Some((skew(database, parameter, statistics)?, parameter, statistics))
    });
    let Some((_, parameter, statistics)) = skewed.max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Vec::new();
    };
    let common = statistics.common_shares.first().copied().unwrap_or(0.0);
    let Some((most, usual)) = values(connection, database, parameter).await else {
        return Vec::new();
    };
    let text = crate::explain::plannable(text);
    vec![
        (common, with_value(&text, parameter.number, &most)),
        (1.0 - common, with_value(&text, parameter.number, &usual)),
    ]
}

fn statistics<'a>(database: &'a Database, parameter: &Parameter) -> Option<&'a ColumnStatistics> {
    let table = database.tables.iter().find(|table| table.name == parameter.table)?;
    table.column(parameter.column)?.statistics.as_ref()
}

/// How many times as common as the average value the most common one is; `None` if that is no skew.
fn skew(database: &Database, parameter: &Parameter, known: &ColumnStatistics) -> Option<f64> {
    let rows = database.tables.iter().find(|table| table.name == parameter.table)?.rows?;
    let common = *known.common_shares.first()?;
    let average = (1.0 - known.null_share) / known.distinct_in(rows);
    let skew = common / average.max(f64::MIN_POSITIVE);
    (COMMON_MIN <= common && SKEW_MIN <= skew).then_some(skew)
}

/// The most common value and a usual one, as literals of the column's type.
async fn values(
    connection: &Client,
    database: &Database,
    parameter: &Parameter,
) -> Option<(String, String)> {
    let TableName { schema, name } = &parameter.table;
    let table = database.tables.iter().find(|table| table.name == parameter.table)?;
    let column = table.column(parameter.column)?;
    // Of the values that are not the most common one, the middle one of the rest; else the rarest of the common ones.
    let question = "select /* taut */ v[1], coalesce(h[(array_length(h, 1) + 1) / 2], v[array_length(v, 1)]) from \
        (select most_common_vals::text::text[] as v, histogram_bounds::text::text[] as h \
         from pg_catalog.pg_stats where schemaname = $1 and tablename = $2 and attname = $3 \
         order by inherited limit 1) as s";
    let (schema, name, attribute) = (schema.as_str(), name.as_str(), column.name.as_str());
    let row = connection.query_opt(question, &[&schema, &name, &attribute]).await.ok()??;
    let most: Option<String> = row.try_get(0).ok()?;
    let usual: Option<String> = row.try_get(1).ok()?;
    let literal = |value: String| format!("{}::{}", sql::literal(&value), column.type_name);
    Some((literal(most?), literal(usual?)))
}
