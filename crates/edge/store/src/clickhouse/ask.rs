//! Questions as statements, and their answers as groups: the same as the folder's own engine gives.

use keep::{
    Table,
    query::{
        Comparison, Differences, Field, Filter, GROUP_FIELDS_MAX, GROUPS_MAX, Groups, Measure,
        Query, Top, VALUES_MAX,
    },
};
use model::{Text, TraceId, Window};

use super::{
    binary::{self, Reader},
    measured::{measured_sql, read_measured, sketches_sql},
    quote,
    schema::{ATTRIBUTES, FOLDER, ROW, SEGMENT, thins},
    terms::{KeyKind, Resources, Terms},
    thinned::{self, Thinned, Which},
    trouble::Why,
};

/// Which rows are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here<'a> {
    /// The folder that asks, and its segments that it answers for itself: their rows are not counted.
    pub(crate) folder: &'a str,
    pub(crate) segments: &'a [u32],
    /// What was thinned: each segment is counted as it came or as what is left of it, never as both.
    pub(crate) thinned: &'a [Thinned],
    pub(crate) which: Which,
}

impl Here<'_> {
    /// ` AND …` for each condition.
    pub(crate) fn counted(self, table: &Table) -> String {
        let mut and = String::new();
        if !self.segments.is_empty() {
            let numbers: Vec<String> = self.segments.iter().map(u32::to_string).collect();
            let folder = quote::text(self.folder);
            and =
                format!(" AND NOT ({FOLDER} = {folder} AND {SEGMENT} IN ({}))", numbers.join(","));
        }
        if thins(table) {
            and.push_str(&thinned::counted(self.thinned, self.which));
        } else if self.which == Which::Thinned {
            and.push_str(&format!(" AND ({})", thinned::segments(self.thinned.iter())));
        }
        and
    }
}

/// `WHERE …`: of the window, of the traces that can pass, not of the folder's own segments.
fn clauses(
    terms: Terms<'_>,
    window: Window,
    filter: &Filter,
    here: Here<'_>,
) -> Result<String, Why> {
    let time = terms.table.columns[terms.table.time].name;
    let (from, to) = (window.from.nanos, window.to.nanos);
    let passes = terms.filter(filter)?;
    let counted = here.counted(terms.table);
    Ok(format!(" WHERE `{time}` >= {from} AND `{time}` < {to} AND ({passes}){counted}"))
}

/// The resources of a window, each with the hash that it is known by.
pub(crate) fn resources_sql(
    table: &'static Table,
    from: &str,
    window: Window,
    max: usize,
) -> String {
    let none = Resources::default();
    let hash = Terms { table, resources: &none }.resource_hash();
    let resource = table.resource.map_or("''", |place| table.columns[place].name);
    let time = table.columns[table.time].name;
    format!(
        "SELECT any({hash}), toString(`{resource}`) AS text FROM {from} \
         WHERE `{time}` >= {} AND `{time}` < {} GROUP BY text ORDER BY text LIMIT {max} FORMAT RowBinary",
        window.from.nanos, window.to.nanos,
    )
}

/// Reads the answer to [`resources_sql`].
pub(crate) fn read_resources(keys: &[Text], bytes: &[u8]) -> Result<(Resources, usize), Why> {
    let mut resources = Resources::default();
    let mut reader = Reader::new(bytes);
    let mut count = 0;
    while !reader.is_empty() {
        let (hash, resource) = (reader.u64()?, reader.text()?);
        count += 1;
        for key in keys {
            let text = keep::query::resource_text(resource, key);
            resources.0.entry(key.clone()).or_default().push((hash, text));
        }
    }
    Ok((resources, count))
}

fn weight(table: &Table) -> String {
    let name = table.weight.map(|place| quote::name(table.columns[place].name));
    name.unwrap_or_else(|| "toUInt64(1)".to_owned())
}

/// The statement for groups.
pub(crate) fn groups_sql(
    query: &Query,
    terms: Terms<'_>,
    from: &str,
    here: Here<'_>,
) -> Result<String, Why> {
    let table = query.table;
    let weight = weight(table);
    let mut sql = "SELECT ".to_owned();
    let mut by = Vec::new();
    for (place, field) in query.group.iter().take(GROUP_FIELDS_MAX).enumerate() {
        sql.push_str(&format!("{} AS k{place}, ", terms.key(field).0));
        by.push(format!("k{place}"));
    }
    if let Some(step) = query.step {
        let time = table.columns[table.time].name;
        let step = u64::try_from(step.as_nanos().max(1)).unwrap_or(u64::MAX);
        let begin = query.window.from.nanos;
        // What is taken from a whole number is a signed one, and this never is.
        sql.push_str(&format!(
            "toUInt32(least(intDiv(toUInt64(`{time}` - {begin}), {step}), 4294967295)) AS s, "
        ));
        by.push("s".to_owned());
    }
    sql.push_str("count()");
    if thins(table) {
        sql.push_str(&format!(", toUInt8(max({weight}) > 1)"));
    }
    for measure in &query.measures {
        let measured = if is_of_sketches(table, measure) {
            sketches_sql(table)
        } else {
            // Where a row sums up many things, so do its numbers.
            let weight = match measure {
                Measure::Count => weight.as_str(),
                _ if table.sketch.is_some() => "toUInt64(1)",
                _ => weight.as_str(),
            };
            measured_sql(measure, terms, weight)
        };
        sql.push_str(&format!(", {measured}"));
    }
    sql.push_str(&format!(" FROM {from}{}", clauses(terms, query.window, &query.filter, here)?));
    if !by.is_empty() {
        sql.push_str(&format!(" GROUP BY {} LIMIT {}", by.join(", "), GROUPS_MAX + 1));
    }
    sql.push_str(" FORMAT RowBinary");
    Ok(sql)
}

/// Whether it is the distribution of what each row has a sketch of.
fn is_of_sketches(table: &Table, measure: &Measure) -> bool {
    let sketch = table.sketch.map(Field::Column);
    matches!(measure, Measure::Distribution(field) if Some(field) == sketch.as_ref())
}

/// Whether ClickHouse can merge what is measured; else the rows are read and merged here.
pub(crate) fn are_merged_there(query: &Query) -> bool {
    let sketch = query.table.sketch.map(Field::Column);
    let is_known = |measure: &Measure| {
        is_of_sketches(query.table, measure) || measure.field() != sketch.as_ref()
    };
    sketch.is_none() || query.measures.iter().all(is_known)
}

/// Reads the answer to [`groups_sql`].
pub(crate) fn read_groups(
    query: &Query,
    terms: Terms<'_>,
    bytes: &[u8],
    rows_read: u64,
) -> Result<Groups, Why> {
    let fields: Vec<&Field> = query.group.iter().take(GROUP_FIELDS_MAX).collect();
    let kinds: Vec<KeyKind> = fields.iter().map(|field| terms.key(field).1).collect();
    let places: Vec<Vec<&str>> = fields
        .iter()
        .map(|field| match field {
            Field::Resource(key) => terms.distinct(key),
            Field::Column(_) | Field::Attribute(_) => Vec::new(),
        })
        .collect();
    let mut groups = Groups::default();
    let mut reader = Reader::new(bytes);
    let (mut count, mut passed) = (0, 0);
    while !reader.is_empty() {
        let mut key = Vec::with_capacity(kinds.len());
        for (kind, places) in kinds.iter().zip(&places) {
            key.push(read_key(*kind, places, reader.text()?)?);
        }
        let step = if query.step.is_some() { reader.u32()? } else { 0 };
        let rows = reader.u64()?;
        if thins(query.table) {
            groups.estimated(reader.u8()? != 0);
        }
        let measured = query.measures.iter().map(|measure| read_measured(measure, &mut reader));
        let measured = measured.collect::<Result<Vec<_>, Why>>()?;
        // Without fields and steps there is one group even of no rows; the folder's engine has none then.
        if 0 < rows {
            groups.take((key, step), measured);
        }
        count += 1;
        passed += rows;
    }
    groups.looked(rows_read.max(passed), passed, GROUPS_MAX < count);
    Ok(groups)
}

fn read_key(kind: KeyKind, places: &[&str], text: &str) -> Result<Option<Text>, Why> {
    const NONE: Why = Why::Answer("holds a number that is none");
    if text.is_empty() {
        return Ok(None);
    }
    Ok(match kind {
        KeyKind::Text => Some(text.into()),
        KeyKind::Bits => {
            let bits: u64 = text.parse().map_err(|_error| NONE)?;
            Some(f64::from_bits(bits).to_string().into())
        }
        KeyKind::Place => {
            let place: usize = text.parse().map_err(|_error| NONE)?;
            place.checked_sub(1).and_then(|place| places.get(place)).map(|text| Text::from(*text))
        }
    })
}

/// The statement for all rows of a question, whole.
pub(crate) fn rows_sql(
    query: &Query,
    terms: Terms<'_>,
    from: &str,
    here: Here<'_>,
) -> Result<String, Why> {
    Ok(format!(
        "SELECT {} FROM {from}{} FORMAT RowBinary",
        names(&binary::whole_columns(query.table)),
        clauses(terms, query.window, &query.filter, here)?,
    ))
}

/// The statement for the first rows, whole.
pub(crate) fn top_sql(
    top: &Top,
    terms: Terms<'_>,
    from: &str,
    here: Here<'_>,
) -> Result<String, Why> {
    let time = top.table.columns[top.table.time].name;
    Ok(format!(
        "SELECT {} FROM {from}{} ORDER BY {} DESC NULLS LAST, `{time}`, {FOLDER}, {SEGMENT}, {ROW} \
         LIMIT {} FORMAT RowBinary",
        names(&binary::whole_columns(top.table)),
        clauses(terms, top.window, &top.filter, here)?,
        terms.number(&top.by),
        top.limit,
    ))
}

/// The statement for the rows of a trace, whole, in the order in which they came; at most `max`.
pub(crate) fn trace_sql(
    table: &'static Table,
    id: TraceId,
    from: &str,
    here: Here<'_>,
    max: usize,
) -> Option<String> {
    let trace = table.columns[table.trace?].name;
    Some(format!(
        "SELECT {} FROM {from} WHERE `{trace}` = {}{} ORDER BY {FOLDER}, {SEGMENT}, {ROW} LIMIT {max} FORMAT RowBinary",
        names(&binary::whole_columns(table)),
        quote::id(&id.0),
        here.counted(table),
    ))
}

/// Names of columns, as a list.
pub(crate) fn names(columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| quote::name(column)).collect();
    quoted.join(", ")
}

/// The statement for what stands out: rows in all, then of each field its values. A field with more values than are
/// counted tells requests apart, and not kinds of them; such attributes are left out before their values are counted.
pub(crate) fn differences_sql(
    comparison: &Comparison,
    terms: Terms<'_>,
    from: &str,
    here: Here<'_>,
) -> Result<String, Why> {
    let table = comparison.table;
    let weight = weight(table);
    let clauses = clauses(terms, comparison.window, &comparison.filter, here)?;
    let is_selected = terms.filter(&comparison.selection)?;
    let counts = format!("sumIf({weight}, is_selected), sumIf({weight}, NOT is_selected)");
    let with = format!("({is_selected}) AS is_selected");
    let mut parts = vec![format!(
        "SELECT toUInt32(0) AS f, '' AS k, '' AS v, {counts} FROM (SELECT {with}, {weight} FROM {from}{clauses})",
    )];
    for (place, column) in table.columns.iter().enumerate() {
        if !table.tells_apart(place) {
            continue;
        }
        let name = quote::name(column.name);
        parts.push(format!(
            "SELECT toUInt32({}) AS f, '' AS k, toString(v0) AS v, {counts} \
             FROM (SELECT {name} AS v0, {with}, {weight} FROM {from}{clauses}) \
             WHERE v0 != '' GROUP BY v0 LIMIT {VALUES_MAX}",
            place + 1,
        ));
    }
    parts.push(format!(
        "SELECT toUInt32(1000000) AS f, toString(k0) AS k, v0 AS v, {counts} \
         FROM (SELECT mapKeys({ATTRIBUTES}) AS ks, mapValues({ATTRIBUTES}) AS vs, {with}, {weight} FROM {from}{clauses}) \
         ARRAY JOIN ks AS k0, vs AS v0 WHERE v0 != '' AND k0 NOT IN (\
         SELECT k1 FROM (SELECT mapKeys({ATTRIBUTES}) AS ks, mapValues({ATTRIBUTES}) AS vs FROM {from}{clauses}) \
         ARRAY JOIN ks AS k1, vs AS v1 GROUP BY k1 HAVING uniqCombined(v1) > {}) \
         GROUP BY k0, v0 LIMIT {VALUES_MAX} BY k0",
        VALUES_MAX + VALUES_MAX / 10,
    ));
    // A table without weights has a constant in their place, which a subquery need not pass on.
    let sql = parts.join(" UNION ALL ");
    let sql = if table.weight.is_none() { sql.replace(", toUInt64(1) FROM", " FROM") } else { sql };
    Ok(format!("SELECT * FROM ({sql}) FORMAT RowBinary"))
}

/// Reads the answer to [`differences_sql`].
pub(crate) fn read_differences(bytes: &[u8]) -> Result<(Differences, u64), Why> {
    let mut differences = Differences::default();
    let mut reader = Reader::new(bytes);
    let mut rows = 0;
    while !reader.is_empty() {
        let (field, key, value) = (reader.u32()?, reader.text()?, reader.text()?);
        let (selected, others) = (reader.u64()?, reader.u64()?);
        let field = match field {
            0 => {
                differences.take_rows(selected, others);
                rows = selected.saturating_add(others);
                continue;
            }
            1_000_000 => Field::Attribute(key.into()),
            place => Field::Column(place as usize - 1),
        };
        differences.take(&field, value, selected, others);
    }
    Ok((differences, rows))
}
