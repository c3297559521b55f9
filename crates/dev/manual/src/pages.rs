//! The pages: their names below the guide's folder, and their text.

use std::collections::BTreeMap;

use find::{DETECTORS, Detector, Looks};
use observe::{FORMATS, PROFILE_FORMATS};

/// Where the pages of detectors lie.
pub(crate) const DETECTORS_FOLDER: &str = "detectors";

const MADE: &str = "<!-- Written by `cargo xtask docs` from the tables in the code. -->\n\n";

/// Every page, by its name.
pub(crate) fn all() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::from([
        ("configuration.md".to_owned(), format!("{MADE}{}", config::Settings::manual())),
        ("taut.example.toml".to_owned(), config::Settings::example()),
        ("formats.md".to_owned(), formats()),
        ("observing-taut.md".to_owned(), observing()),
        (format!("{DETECTORS_FOLDER}/README.md"), index()),
    ]);
    for detector in DETECTORS {
        pages.insert(format!("{DETECTORS_FOLDER}/{}.md", detector.name), page(detector));
    }
    pages
}

/// What Taut tells of itself.
fn observing() -> String {
    format!(
        "{MADE}# Observing Taut\n\n\
         What is lost, and why, is a figure that people see: `/status` of the pages shows what came, what was kept, refused and dropped, \
         over the last minutes and since the start, with what to do about it. `/api/v1/status` has the same as JSON.\n\n\
         ## Figures for Prometheus\n\n\
         `GET /metrics` on the port of the pages answers in Prometheus' text format 0.0.4, or in OpenMetrics 1.0 if `Accept` prefers that. \
         The same names of hosts are answered as for the pages: loopback, unless `web.listen` says otherwise.\n\n\
         ```yaml\nscrape_configs:\n  - job_name: taut\n    static_configs:\n      - targets: [\"127.0.0.1:7070\"]\n```\n\n\
         Worth an alert: `rate(taut_spans_dropped_total[5m]) > 0`, `rate(taut_spans_refused_total[5m]) > 0`, \
         `taut_store_disk_free_bytes < 1e9`, `rate(taut_store_errors_total[5m]) > 0`, `taut_database_up == 0`.\n\n\
         ## Health and readiness\n\n\
         `GET /health` and `GET /ready` on the port of the pages are for balancers and for whoever starts processes anew: they want no \
         token, and tell no names, addresses or words of errors. `/health` is 200 while the process runs. `/ready` tells as JSON what \
         it stands on, and is 503 where what is sent could not be kept: the store's folder cannot be read or did not take what came \
         within the last minute, less than 64 MiB are free on its disk, less than 32 MiB of memory are left (of the machine's, or of \
         what its control group may have, in a container), or the process stops. ClickHouse, a ledger on a server, \
         and the gateway where the settings have one (whether it is ready: its services, Redis) are told as `up`, `down` or `unknown`; \
         without them everything that is sent is kept, so that they make no 503. The same names of hosts are answered as for the \
         pages. A gateway tells more of itself, with 503, on its [admin port](gateway.md#the-admin-port).\n\n\
         ```yaml\nlivenessProbe: {{ httpGet: {{ path: /health, port: 7070 }} }}\nreadinessProbe: {{ httpGet: {{ path: /ready, port: 7070 }} }}\n```\n\n\
         ## Spans of its own work\n\n\
         With `endpoint = \"http://127.0.0.1:4318\"` under `[observe.self]`, Taut sends spans of its own work as OTLP over HTTP, in \
         protobuf, to that collector; with `endpoint = \"self\"` it observes itself as the service `taut`. There are spans of accepted \
         batches, of looks at traces and at the window, of tidying the store and of dropping what is old, and of \
         answers of the API. Nothing waits for them: at most 4,096 wait to be sent, and what does not fit or cannot be sent is counted \
         in `taut_own_spans_total` and gone. No span is made of receiving or looking at own spans alone. The connection is not encrypted; \
         name a collector on the same machine.\n\n\
         ## Every figure\n{}",
        engine::metrics::manual()
    )
}

/// The formats that files are read from.
fn formats() -> String {
    let rows: Vec<String> = FORMATS
        .iter()
        .map(|format| format!("| {} | `{}` | {} |", format.title, format.name, format.doc))
        .collect();
    let profiles: Vec<String> = PROFILE_FORMATS
        .iter()
        .map(|format| format!("| {} | `{}` | {} |", format.title, format.name, format.doc))
        .collect();
    let gibibytes = observe::DecompressedMax::default().bytes >> 30;
    format!(
        "{MADE}# Formats\n\n\
         `taut find` and `taut trace` tell these apart by their content; names of files do not matter, and `-` is standard input. \
         Each may be compressed with gzip or zstd, up to {gibibytes} GiB uncompressed. Several files are read as one: spans of a trace may \
         lie in different files, in different formats, in any order, and more than once.\n\n\
         | format | name | what writes it |\n|---|---|---|\n{}\n\n\
         What cannot be read costs its line or its span, not the file: the rest is read, and each problem is told with its place.\n\n\
         ## Profiles\n\n\
         `taut profile` and the page `/profile` read these; [profiles](profiles.md) tells what they make of them.\n\n\
         | format | name | what writes it |\n|---|---|---|\n{}\n",
        rows.join("\n"),
        profiles.join("\n"),
    )
}

/// The list of all detectors.
fn index() -> String {
    let rows: Vec<String> = DETECTORS
        .iter()
        .map(|detector| {
            format!(
                "| {} | [{name}]({name}.md) | {} | {} |",
                detector.code,
                detector.title,
                looks_at(detector),
                name = detector.name,
            )
        })
        .collect();
    format!(
        "{MADE}# What Taut notices\n\n\
         `taut explain CODE` prints the same pages in the terminal; a code or a name will do.\n\n\
         | code | name | notices | looks at |\n|---|---|---|---|\n{}\n",
        rows.join("\n")
    )
}

/// The page of one detector: its own words, then what can be set.
fn page(detector: &Detector) -> String {
    let mut page = format!(
        "{MADE}# {}\n\n{}. Code {}; looks at {}.\n\n{}\n",
        detector.name,
        detector.title,
        detector.code,
        looks_at(detector),
        without_title(detector.doc)
    );
    if !detector.knobs.is_empty() {
        let rows: Vec<String> = detector
            .knobs
            .iter()
            .map(|knob| {
                let doc = knob.doc.replace('|', "\\|");
                format!("| `{}` | {} {} | {doc} |", knob.key, knob.default, knob.unit)
            })
            .collect();
        page = format!(
            "{page}\n## What can be set\n\nUnder `[find.{}]` in `taut.toml`:\n\n\
             | key | default | what it decides, and where the default is from |\n|---|---|---|\n{}\n",
            detector.name,
            rows.join("\n")
        );
    }
    page
}

/// The words of a detector below their title.
fn without_title(doc: &str) -> &str {
    let doc = doc.trim();
    match doc.split_once('\n') {
        Some((title, below)) if title.starts_with("# ") => below.trim_start(),
        _ => doc,
    }
}

fn looks_at(detector: &Detector) -> String {
    let each = detector.looks.iter().map(|looks| match looks {
        Looks::Request(_) => "one request",
        Looks::Window(_) => "a window of requests",
        Looks::Database(_) => "a database",
    });
    each.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_a_page_and_stands_in_the_list() {
        let pages = all();
        for detector in DETECTORS {
            let text = &pages[&format!("detectors/{}.md", detector.name)];
            assert!(text.contains(detector.title), "{}", detector.name);
            assert!(pages["detectors/README.md"].contains(detector.name), "{}", detector.name);
        }
    }

    #[test]
    fn every_format_is_listed() {
        let pages = all();
        for format in FORMATS {
            assert!(pages["formats.md"].contains(format.name), "{}", format.name);
        }
    }

    #[test]
    fn every_page_has_one_title() {
        for (name, text) in all().into_iter().filter(|(name, _)| !name.contains(".toml")) {
            let titles = text.lines().filter(|line| line.starts_with("# ")).count();
            assert_eq!(titles, 1, "{name}");
        }
    }
}
