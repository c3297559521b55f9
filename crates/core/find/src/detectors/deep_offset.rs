//! Pages by `OFFSET`, far from the first.
//!
//! The depth is read from the statement where it is spelt out, else from the request's own query
//! (`page=5000`). Measured on ten million rows: offset 1,000,000 took 450 ms, offset 5,000,000 took
//! 1,981 ms, the same page by key 1.7 ms.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{Framework, Request, Sighting};

use crate::{
    DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, RequestView,
    detectors::{planned, served, words},
};

static OFFSET_MIN: Knob = Knob {
    key: "offset-min",
    default: 1_000.0,
    unit: "rows",
    doc: "Fewer rows to skip cost less than a round trip.",
};

static WAITED_MILLIS_MIN: Knob = Knob {
    key: "waited-millis-min",
    default: 20.0,
    unit: "ms",
    doc: "A page by key takes about 2 ms; below ten times that nobody notices.",
};

/// Rows of a page where the request tells the page's number only.
const PAGE_ROWS: u64 = 20;

/// A greater number is no count of rows but a time, as `start` often is: seconds since 1970 have ten
/// digits, and no database would have answered.
const OFFSET_MAX: u64 = 500_000_000;

pub(super) static DEEP_OFFSET: Detector = Detector {
    code: "F010",
    name: "deep-offset",
    title: "Pages are found by counting past all rows before them",
    doc: include_str!("deep_offset.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&OFFSET_MIN, &WAITED_MILLIS_MIN],
    looks: &[Looks::Request(look), Looks::Database(look_at_database)],
};

fn look_at_database(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    served::deep_offset(view, DEEP_OFFSET.name, knobs.get(&WAITED_MILLIS_MIN), found);
    planned::tell(view, DEEP_OFFSET.name, &["offset"], found);
}

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let least = knobs.get(&OFFSET_MIN);
    let least_waited = Duration::from_nanos(knobs.nanos(&WAITED_MILLIS_MIN));
    // However the rows are filtered, it is the same table that is paged: its slowest page is shown.
    let mut by_table: BTreeMap<&str, (Duration, usize, u64)> = BTreeMap::new();
    for group in &view.statements {
        for place in group.places.iter().copied() {
            let Some(statement) = view.statement(place) else { continue };
            let hidden = group.text.shape.as_ref().is_some_and(|shape| shape.offset);
            let offset = match statement.offset {
                Some(offset) => Some(offset),
                None if hidden => view.request().and_then(|it| offset_of(it, counts_from(view))),
                None => None,
            };
            #[expect(clippy::cast_precision_loss, reason = "offsets stay far below 2^52")]
            let deep = offset.filter(|offset| least <= *offset as f64);
            let Some(offset) = deep else { continue };
            let waited = view.path.inclusive(place).max(view.call(place).duration());
            if least_waited <= waited {
                let slowest = by_table.entry(words::table(group.text)).or_default();
                *slowest = (*slowest).max((waited, place, offset));
            }
        }
    }
    for (table, (_, place, offset)) in by_table {
        found.extend(sighting(view, table, place, offset));
    }
}

/// Number of the first page, where nothing but `page` is said: 0 in Spring Data, else 1.
fn counts_from(view: &RequestView<'_>) -> u64 {
    let stack = view.trace.stacks.get(&view.entry_call().service);
    u64::from(!stack.is_some_and(|stack| stack.frameworks.contains(&Framework::Spring)))
}

/// How many rows the request asks to skip, by the names that frameworks and interfaces use.
fn offset_of(request: &Request, first_page: u64) -> Option<u64> {
    let value = |names: &[&str]| {
        request.query.split('&').filter_map(|pair| pair.split_once('=')).find_map(|(key, value)| {
            let letters = key.replace("%5B", "").replace("%5D", "").replace("%5b", "");
            let letters: String = letters
                .replace("%5d", "")
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|letter| letter.to_ascii_lowercase())
                .collect();
            let number = names.contains(&letters.as_str()).then(|| value.parse::<u64>().ok())?;
            number.filter(|number| *number <= OFFSET_MAX)
        })
    };
    let rows = value(&["limit", "perpage", "pagesize", "size", "pagelimit", "take"]);
    let skipped = |page: u64, first: u64| {
        page.saturating_sub(first).saturating_mul(rows.unwrap_or(PAGE_ROWS))
    };
    value(&["offset", "skip", "start", "startindex", "pageoffset"])
        .or_else(|| Some(skipped(value(&["pageindex"])?, 0)))
        .or_else(|| Some(skipped(value(&["page", "p", "pagenumber", "pageno"])?, first_page)))
        .or_else(|| Some(skipped(value(&["currentpage", "pg"])?, 1)))
}

fn sighting(view: &RequestView<'_>, table: &str, place: usize, offset: u64) -> Option<Sighting> {
    let text = &view.statement(place)?.text;
    let claim = format!("pages of {table} are found by reading and dropping every row before them");
    let mut sighting = view.sighting(DEEP_OFFSET.name, table.to_owned(), claim);
    let duration = view.call(place).duration();
    sighting.evidence = view.evidence(&[place]);
    sighting.evidence.statement = Some(Arc::clone(text));
    sighting.evidence.excerpt = vec![format!(
        "{} with offset {offset}, {}",
        words::shorten(&text.text),
        words::time(duration)
    )];
    let by_key = Duration::from_millis(2);
    sighting.saved = view.path.inclusive(place).saturating_sub(by_key);
    sighting.saved_database = duration.saturating_sub(by_key);
    Some(sighting)
}

#[cfg(test)]
mod tests {
    use testkit::TraceBuilder;

    use super::*;

    fn offset(query: &str, framework: Framework) -> Option<u64> {
        let mut trace = TraceBuilder::new();
        trace.framework(framework);
        let entry = trace.root("GET /posts", 0, 1_000);
        trace.edit_request(entry, |request| request.query = query.into());
        let trace = trace.trace();
        let view = RequestView::new(&trace, entry);
        offset_of(view.request()?, counts_from(&view))
    }

    #[test]
    fn the_first_page_is_1_but_in_spring() {
        assert_eq!(offset("page=50&size=20", Framework::Laravel), Some(980));
        assert_eq!(offset("page=50&size=20", Framework::Spring), Some(1_000));
        assert_eq!(offset("currentPage=50&pageSize=20", Framework::Spring), Some(980));
        assert_eq!(offset("pageIndex=50&pageSize=20", Framework::EntityFramework), Some(1_000));
        assert_eq!(offset("page=0", Framework::Django), Some(0));
    }

    #[test]
    fn offsets_have_many_names() {
        for query in ["offset=900", "skip=900", "_start=900", "startIndex=900", "page[offset]=900"]
        {
            assert_eq!(offset(query, Framework::Express), Some(900), "{query}");
        }
        assert_eq!(offset("page[number]=4&page[size]=300", Framework::Express), Some(900));
        assert_eq!(offset("start=1790000000", Framework::Express), None, "a time");
        assert_eq!(offset("page=last&sort=-id&x", Framework::Express), None);
    }
}
