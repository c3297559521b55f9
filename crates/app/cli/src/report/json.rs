//! Everything, as JSON: the same words as the HTTP API's.

use super::Report;

/// The report as one JSON document.
pub(crate) fn json(report: &Report<'_>) -> String {
    let wire = web::wire::Report::new(env!("CARGO_PKG_VERSION"), &report.outcome.findings)
        .with_database(report.database);
    let mut text = serde_json::to_string_pretty(&wire).unwrap_or_default();
    text.push('\n');
    text
}
