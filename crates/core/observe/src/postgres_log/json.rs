//! `jsonlog`, from version 15 on: one object a line.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    line,
    reader::{Found, Scan},
    record::{Record, Severity},
    time::timestamp,
};

/// The keys that are looked at; text borrows from the line unless it has escapes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    #[serde(borrow)]
    dbname: Cow<'a, str>,
    pid: Option<u32>,
    #[serde(borrow)]
    remote_host: Cow<'a, str>,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(rename = "line_num")]
    number: Option<u64>,
    #[serde(borrow)]
    error_severity: Cow<'a, str>,
    #[serde(borrow)]
    state_code: Cow<'a, str>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    detail: Cow<'a, str>,
    #[serde(borrow)]
    hint: Cow<'a, str>,
    #[serde(borrow)]
    context: Cow<'a, str>,
    #[serde(borrow)]
    statement: Cow<'a, str>,
    #[serde(borrow)]
    application_name: Cow<'a, str>,
    #[serde(borrow)]
    backend_type: Cow<'a, str>,
    query_id: Option<i64>,
}

/// Reads entries from the start of `bytes` until none is whole; returns how many bytes are done with.
pub(super) fn scan<'a>(bytes: &'a [u8], how: Scan, sink: &mut impl FnMut(Found<'a>)) -> usize {
    let mut rest = bytes;
    while let Some((line, after)) = line::next(rest, how.at_end) {
        sink(match entry(line) {
            Some(record) => Found::Record(record),
            None if line.iter().all(u8::is_ascii_whitespace) => Found::Blank,
            None => Found::Rubbish,
        });
        rest = after;
    }
    bytes.len() - rest.len()
}

fn entry(line: &[u8]) -> Option<Record<'_>> {
    if line.first() != Some(&b'{') {
        return None;
    }
    if let Ok(line) = std::str::from_utf8(line) {
        return record(serde_json::from_str(line).ok()?);
    }
    // Text of a database in another encoding.
    let line = String::from_utf8_lossy(line).into_owned();
    Some(owned(record(serde_json::from_str(&line).ok()?)?))
}

fn record(line: Line<'_>) -> Option<Record<'_>> {
    let (time, _) = timestamp(line.timestamp.as_bytes())?;
    Some(Record {
        time: Some(time),
        severity: Severity::parse(line.error_severity.as_bytes())?,
        pid: line.pid,
        session: line.session_id,
        line: line.number,
        user: known(line.user),
        database: known(line.dbname),
        application: known(line.application_name),
        host: known(line.remote_host),
        backend: line.backend_type,
        sqlstate: line.state_code,
        message: line.message,
        detail: line.detail,
        hint: line.hint,
        context: line.context,
        statement: line.statement,
        query_id: line.query_id.filter(|id| *id != 0),
        cut: false,
    })
}

fn known(name: Cow<'_, str>) -> Cow<'_, str> {
    if name == "[unknown]" { Cow::Borrowed("") } else { name }
}

fn owned(record: Record<'_>) -> Record<'static> {
    let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    Record {
        time: record.time,
        severity: record.severity,
        pid: record.pid,
        session: own(record.session),
        line: record.line,
        user: own(record.user),
        database: own(record.database),
        application: own(record.application),
        host: own(record.host),
        backend: own(record.backend),
        sqlstate: own(record.sqlstate),
        message: own(record.message),
        detail: own(record.detail),
        hint: own(record.hint),
        context: own(record.context),
        statement: own(record.statement),
        query_id: record.query_id,
        cut: record.cut,
    }
}
