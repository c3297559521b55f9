//! YAML as EXPLAIN writes it: blocks by indentation, strings in JSON's quotes, inner lists in brackets.

use model::Text;

use super::{
    PlanError, json,
    raw::{Raw, Stack},
};

/// A line of YAML.
struct Line<'a> {
    /// Where its text begins, after a dash where its item's first property stands behind one.
    column: usize,
    /// Where its dash stands.
    dash: Option<usize>,
    text: &'a str,
}

/// The document in these lines.
pub(super) fn value(text: &str) -> Result<Option<Raw>, PlanError> {
    let lines: Vec<Line<'_>> = text.lines().filter_map(line).collect();
    let mut stack = Stack::default();
    // Column of each list or map that is open.
    let mut columns: Vec<(usize, Kind)> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let next = lines.get(place + 1);
        let left = line.dash.unwrap_or(line.column);
        let stays = |(column, kind): &(usize, Kind)| match kind {
            Kind::List => *column <= left && (*column < left || line.dash.is_some()),
            Kind::Map => *column <= left,
        };
        if columns.first().is_some_and(|root| !stays(root)) {
            // Behind the document: a count of rows, a time, the title of the next plan.
            continue;
        }
        while columns.last().is_some_and(|open| !stays(open)) {
            columns.pop();
            stack.close();
        }
        if columns.is_empty() {
            let list = line.dash.is_some();
            if list {
                stack.open_list(Text::default())?;
            } else {
                stack.open_map(Text::default())?;
            }
            columns.push((left, if list { Kind::List } else { Kind::Map }));
        }
        let entry = entry(line.text);
        if line.dash.is_some() {
            if entry.is_none() {
                stack.add(Text::default(), scalar(line.text));
                continue;
            }
            stack.open_map(Text::default())?;
            columns.push((line.column, Kind::Map));
        }
        let Some((key, value)) = entry else { continue };
        if !value.is_empty() {
            stack.add(key, scalar(value));
            continue;
        }
        match next {
            Some(next) if next.dash.is_some_and(|dash| line.column <= dash) => {
                stack.open_list(key)?;
                columns.push((next.dash.unwrap_or(next.column), Kind::List));
            }
            Some(next) if next.dash.is_none() && line.column < next.column => {
                stack.open_map(key)?;
                columns.push((next.column, Kind::Map));
            }
            _ => stack.add(key, Raw::Null),
        }
    }
    Ok(stack.finish())
}

#[derive(Clone, Copy)]
enum Kind {
    List,
    Map,
}

fn line(text: &str) -> Option<Line<'_>> {
    let bare = text.trim_start_matches(' ');
    let column = text.len() - bare.len();
    let bare = bare.trim_end();
    if bare.is_empty() || bare.starts_with('#') || bare == "---" || bare == "..." {
        return None;
    }
    if let Some(item) = bare.strip_prefix('-')
        && (item.is_empty() || item.starts_with(' '))
    {
        let text = item.trim_start();
        let column_of_text = column + 1 + (item.len() - text.len());
        return Some(Line { column: column_of_text, dash: Some(column), text });
    }
    Some(Line { column, dash: None, text: bare })
}

/// `Key: value`, where the line is one.
fn entry(text: &str) -> Option<(Text, &str)> {
    if text.starts_with(['"', '[', '{']) {
        let (key, after) = json::string(text.get(1..)?, 0);
        let rest = text.get(1 + after..)?.strip_prefix(':')?;
        return text.starts_with('"').then_some((key, rest.trim()));
    }
    let (key, value) = text.split_once(':')?;
    (value.is_empty() || value.starts_with(' ')).then(|| (Text::from(key.trim()), value.trim()))
}

fn scalar(text: &str) -> Raw {
    if text.starts_with('"') {
        return Raw::Scalar(json::string(text, 1).0);
    }
    if text.starts_with(['[', '{']) {
        return json::value(text, 0).ok().and_then(|(value, _)| value).unwrap_or(Raw::Null);
    }
    if let Some(inner) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return Raw::Scalar(inner.replace("''", "'").into());
    }
    if text == "null" || text == "~" { Raw::Null } else { Raw::text(text) }
}
