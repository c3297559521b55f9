//! Answers as tables for people, and as CSV for spreadsheets.

use std::time::Duration;

use serde_json::Value;

use crate::{
    report::layout::{clean, cut},
    say::{AMBER, BOLD, DIM},
    units,
};

/// Letters of a field that are shown at least.
const KEY_COLUMNS_MIN: usize = 12;

/// A line for each group, or for each group and step.
pub(super) fn table(answer: &Value, columns: usize) -> String {
    let (heads, lines, keys) = cells(answer, &shown);
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(place, head)| {
            let cells = lines.iter().filter_map(|line| line.get(place));
            cells.chain([head]).map(|cell| clean(cell).chars().count()).max().unwrap_or(0)
        })
        .collect();
    let figures: usize = widths.iter().skip(keys).map(|width| width + 2).sum();
    let room = columns.saturating_sub(figures);
    let widths = fitted(&widths, keys, room);
    let mut text = String::new();
    let mut line = |cells: &[String], is_head: bool| {
        for (place, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let cell = cut(cell, *width);
            let gap = " ".repeat(width - cell.chars().count());
            let between = if place == 0 { "" } else { "  " };
            text.push_str(between);
            match (is_head, place < keys) {
                (true, true) => text.push_str(&format!("{DIM}{cell}{DIM:#}{gap}")),
                (true, false) => text.push_str(&format!("{gap}{DIM}{cell}{DIM:#}")),
                (false, true) => text.push_str(&format!("{cell}{gap}")),
                (false, false) if place == keys => {
                    text.push_str(&format!("{gap}{BOLD}{cell}{BOLD:#}"));
                }
                (false, false) => text.push_str(&format!("{gap}{cell}")),
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    };
    line(&heads, true);
    for cells in &lines {
        line(cells, false);
    }
    text
}

/// Widths of which the first `keys` share the room: those that need little get it, the others as much as is left.
fn fitted(widths: &[usize], keys: usize, room: usize) -> Vec<usize> {
    let mut fitted = widths.to_vec();
    let gaps = 2 * keys.saturating_sub(1);
    while room < fitted.iter().take(keys).sum::<usize>() + gaps {
        let Some(widest) = fitted.iter_mut().take(keys).max() else { break };
        if *widest <= KEY_COLUMNS_MIN {
            break;
        }
        *widest -= 1;
    }
    fitted
}

/// The same as comma-separated values (RFC 4180), with plain numbers.
pub(super) fn csv(answer: &Value) -> String {
    let (heads, lines, _) = cells(answer, &|value, _| {
        value.as_f64().map_or_else(String::new, |number| number.to_string())
    });
    let mut text = String::new();
    for line in std::iter::once(&heads).chain(&lines) {
        let quoted: Vec<String> = line.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&quoted.join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(cell: &str) -> String {
    // Spreadsheets take what begins like a formula for one.
    let is_formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

/// Heads, lines, and how many cells of each are no figures.
fn cells(
    answer: &Value,
    figure: &dyn Fn(&Value, &str) -> String,
) -> (Vec<String>, Vec<Vec<String>>, usize) {
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.map(|text| text.as_str().unwrap_or("").to_owned()).collect()
    };
    let columns: Vec<(&str, &str)> = answer["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|column| {
            (column["name"].as_str().unwrap_or(""), column["unit"].as_str().unwrap_or(""))
        })
        .collect();
    let mut heads = texts(&answer["group"]);
    let is_stepped = !answer["step_seconds"].is_null();
    if is_stepped {
        heads.push("time".to_owned());
    }
    let keys = heads.len();
    heads.extend(columns.iter().map(|(name, _)| name.replace("(duration)", "")));
    let told = |figures: &Value| -> Vec<String> {
        let figures = figures.as_array().into_iter().flatten();
        figures.zip(&columns).map(|(value, (_, unit))| figure(value, unit)).collect()
    };
    let mut lines = Vec::new();
    for row in answer["rows"].as_array().into_iter().flatten() {
        let key = texts(&row["key"]);
        if is_stepped {
            for step in row["steps"].as_array().into_iter().flatten() {
                let time = time(step["from_unix_ms"].as_u64().unwrap_or(0));
                lines.push([key.clone(), vec![time], told(&step["figures"])].concat());
            }
        } else {
            lines.push([key, told(&row["figures"])].concat());
        }
    }
    (heads, lines, keys)
}

fn shown(value: &Value, unit: &str) -> String {
    let Some(number) = value.as_f64() else { return "–".to_owned() };
    match unit {
        "micros" => units::time(Duration::from_secs_f64((number / 1e6).clamp(0.0, 1e15))),
        "per-second" => format!("{} /s", units::three_digits(number)),
        "share" => format!("{} %", units::three_digits(number * 100.0)),
        _ if number < 0.0 => format!("-{}", units::three_digits_of(-number)),
        _ => units::three_digits_of(number),
    }
}

/// `2026-11-20T09:00:00Z`; days since 1970 to a date after Howard Hinnant's `civil_from_days`.
fn time(unix_ms: u64) -> String {
    let seconds = unix_ms / 1_000;
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day % 3_600 / 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// What the answer rests on, and what is missing.
pub(super) fn notes(answer: &Value) -> String {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let passed = units::some(count(&answer["rows_passed"]), "row passed", "rows passed");
    let coverage = &answer["coverage"];
    let read = units::count(count(&coverage["rows_read"]));
    let mut text = format!("{DIM}{passed} of {read} looked at{DIM:#}\n");
    let mut warn = |words: &str| text.push_str(&format!("{AMBER}note{AMBER:#}: {words}\n"));
    if answer["rows"].as_array().is_some_and(Vec::is_empty) {
        warn(
            "nothing is like that in this window; check the names in the question, or try --last 24h",
        );
    }
    if 0 < count(&answer["left_out"]) {
        let more = units::some(count(&answer["left_out"]), "more group is", "more groups are");
        warn(&format!("{more} left out; --limit tells more of them"));
    }
    if answer["cut"].as_bool() == Some(true) {
        warn("there are more groups than can be kept; filter, or group by less");
    }
    match coverage["reached"].as_str() {
        Some("time") => warn("the time was not enough for all of them: the oldest are missing"),
        Some(_) => warn("there are more rows than are looked at: the oldest are missing"),
        None => {}
    }
    if let Some(since) = coverage["held_since_unix_ms"].as_u64() {
        warn(&format!("what was received before {} is not held any more", time(since)));
    }
    if coverage["estimate"].as_bool() == Some(true) {
        warn("of old spans a fair sample is kept: these figures are estimates, right on average");
    }
    for path in coverage["damaged"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        warn(&format!("`{path}` is damaged, so that rows are missing; see `taut store check`"));
    }
    if let Some(why) = coverage["elsewhere"].as_str() {
        warn(&format!("what is kept in ClickHouse is missing: {why}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({
            "group": ["service.name", "name"],
            "columns": [{"name": "count", "unit": "none"}, {"name": "p95(duration)", "unit": "micros"}],
            "rows": [
                {"key": ["shop", "GET /a, b"], "figures": [1200.0, 18_400.0], "steps": []},
                {"key": [null, "=x"], "figures": [3.0, null], "steps": []},
            ],
        })
    }

    #[test]
    fn a_table_has_a_line_for_each_group() {
        let text = anstream::adapter::strip_str(&table(&answer(), 60)).to_string();
        let expected = "service.name  name       count      p95\n\
                        shop          GET /a, b  1,200  18.4 ms\n              \
                        =x             3        –\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn long_names_give_way_to_figures() {
        assert_eq!(fitted(&[10, 80, 6], 2, 60), [10, 48, 6]);
        assert_eq!(fitted(&[80, 80], 2, 10), [KEY_COLUMNS_MIN, KEY_COLUMNS_MIN]);
    }

    #[test]
    fn csv_has_plain_numbers_and_no_formulas() {
        let expected =
            "service.name,name,count,p95\r\nshop,\"GET /a, b\",1200,18400\r\n,'=x,3,\r\n";
        assert_eq!(csv(&answer()), expected);
    }

    #[test]
    fn what_is_not_held_any_more_is_told() {
        let mut answer = answer();
        assert!(!notes(&answer).contains("held"));
        answer["coverage"] = json!({"rows_read": 9, "held_since_unix_ms": 1_795_165_200_000_u64});
        let told = anstream::adapter::strip_str(&notes(&answer)).to_string();
        let expected = "note: what was received before 2026-11-20T09:00:00Z is not held any more\n";
        assert!(told.ends_with(expected), "{told}");
    }

    #[test]
    fn times_are_dates() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_709_251_199_000), "2024-02-29T23:59:59Z");
        assert_eq!(time(1_795_165_200_000), "2026-11-20T09:00:00Z");
    }
}
