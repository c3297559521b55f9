//! A log in the terminal: claim, evidence, what is missing; at most 100 columns.

mod seen;

use std::time::Duration;

use super::{
    layout,
    log::{Group, LogReport, Single, Statement, Times, bytes},
};
use crate::{
    say::{ACCENT, AMBER, BOLD, DIM, RED},
    units,
};

/// Columns of the bars.
const BAR_COLUMNS: usize = 10;
/// Lines of a statement that are shown.
const STATEMENT_LINES_MAX: usize = 2;
/// Hours that are shown: the last ones.
const HOURS_MAX: usize = 24;

/// The report for people.
pub(crate) fn terminal(report: &LogReport, columns: usize) -> String {
    let mut page = Page { text: String::new(), columns };
    for line in layout::wrap(&report.claim, columns) {
        page.line(&format!("{BOLD}{line}{BOLD:#}"));
    }
    for line in layout::wrap(&report.troubles, columns).iter().filter(|line| !line.is_empty()) {
        page.line(&format!("{AMBER}{line}{AMBER:#}"));
    }
    for line in layout::wrap(&report.basis, columns) {
        page.line(&format!("{DIM}{line}{DIM:#}"));
    }
    page.statements(report);
    page.singles("Slowest single statements", &report.slowest);
    page.plans(report);
    page.locks(report);
    page.temp_files(report);
    page.errors(report);
    page.groups(report);
    page.server(report);
    page.tables(report);
    page.hours(report);
    page.hints(report);
    page.text
}

struct Page {
    text: String,
    columns: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str, more: &str) {
        let gap = if more.is_empty() { "" } else { "  " };
        self.line(&format!("\n{BOLD}{heading}{BOLD:#}{gap}{DIM}{more}{DIM:#}"));
    }

    fn statements(&mut self, report: &LogReport) {
        let times = &report.statements;
        let mut more =
            vec![format!("{} in all", units::some(times.count, "statement", "statements"))];
        more.push(format!("p95 {}", micros(times.p95_micros)));
        more.push(units::some(report.shapes as u64, "shape", "shapes"));
        if 0 < report.parse.count + report.bind.count {
            let ahead = report.parse.total_micros + report.bind.total_micros;
            more.push(format!("{} parsing and planning beside", whole(ahead)));
        }
        if !report.by_time.is_empty() {
            self.heading("Most time", &more.join(" · "));
        }
        for statement in &report.by_time {
            self.statement(statement);
        }
        if 0 < report.folded.statements {
            let folded = units::some(report.folded.statements, "statement", "statements");
            self.line(&format!(
                "{DIM}and {folded} of rare shapes, which took {}{DIM:#}",
                whole(report.folded.total_micros)
            ));
        }
        if !report.by_count.is_empty() {
            self.heading("Most often", "");
        }
        for statement in &report.by_count {
            let count = format!("{} ×", units::count(statement.count()));
            let mean = if statement.times.count == 0 {
                String::new()
            } else {
                micros(statement.times.mean_micros)
            };
            self.row(&format!("{count:>13}  {mean:>8}"), &statement.text);
        }
        if !report.by_mean.is_empty() {
            self.heading("Slowest on average", "");
        }
        for statement in &report.by_mean {
            let figures = format!(
                "{:>9}  {:>9} ×",
                micros(statement.times.mean_micros),
                units::count(statement.times.count)
            );
            self.row(&figures, &statement.text);
        }
    }

    /// Two lines of figures and words: what takes most.
    fn statement(&mut self, statement: &Statement) {
        let Times { count, total_micros, mean_micros, p95_micros, max_micros, .. } =
            statement.times;
        let mut figures = vec![
            format!("{} ×", units::count(count)),
            format!("mean {}", micros(mean_micros)),
            format!("p95 {}", micros(p95_micros)),
            format!("max {}", micros(max_micros)),
        ];
        if 0 < statement.lock_waits {
            figures.push(format!("{} waiting", whole(statement.lock_micros)));
        }
        if 0 < statement.temp_bytes {
            figures.push(format!("{} spilt", bytes(statement.temp_bytes)));
        }
        if 0 < statement.errors {
            figures.push(units::some(statement.errors, "error", "errors"));
        }
        let share = format!("{:.0} %", statement.share * 100.0);
        let bar = bar(statement.share);
        let room = self.columns.saturating_sub(31);
        let figures = layout::cut(&figures.join(" · "), room);
        self.line(&format!(
            "{share:>5}  {BOLD}{:>9}{BOLD:#}  {figures:<room$}  {ACCENT}{bar}{ACCENT:#}",
            whole(total_micros)
        ));
        self.words(&statement.text, 7);
    }

    /// A statement below its figures.
    fn words(&mut self, text: &str, indent: usize) {
        let lines = layout::wrap(text, self.columns.saturating_sub(indent));
        let cut = STATEMENT_LINES_MAX < lines.len();
        for (place, line) in lines.iter().take(STATEMENT_LINES_MAX).enumerate() {
            let more = if cut && place + 1 == STATEMENT_LINES_MAX { " …" } else { "" };
            self.line(&format!("{:indent$}{line}{DIM}{more}{DIM:#}", ""));
        }
    }

    /// Figures, and one line of words beside them.
    fn row(&mut self, figures: &str, words: &str) {
        let room = self.columns.saturating_sub(figures.chars().count() + 2);
        self.line(&format!("{figures}  {DIM}{}{DIM:#}", layout::cut(words, room)));
    }

    fn singles(&mut self, heading: &str, singles: &[Single]) {
        if singles.is_empty() {
            return;
        }
        self.heading(heading, "");
        for single in singles {
            let size = match (single.took_micros, single.bytes) {
                (_, Some(size)) => bytes(size),
                (took, None) => whole(took.unwrap_or_default()),
            };
            let what = [single.what.as_str(), &single.statement];
            let what: Vec<&str> = what.into_iter().filter(|word| !word.is_empty()).collect();
            let who = layout::cut(&single.who(), 28);
            self.row(&format!("{size:>9}  {}  {who}", single.at), &what.join(": "));
        }
    }

    fn locks(&mut self, report: &LogReport) {
        let locks = &report.locks;
        if locks.kinds.is_empty() {
            return;
        }
        let total = whole(locks.acquired.total_micros);
        let waits = units::some(locks.acquired.count, "wait", "waits");
        self.heading("Waits for locks", &format!("{waits}, {total} in all"));
        for kind in &locks.kinds {
            let failed = if 0 < kind.failed {
                format!(", {} in vain", units::count(kind.failed))
            } else {
                String::new()
            };
            let words = format!(
                "{} had after {} ×{failed}, longest {}",
                kind.name,
                units::count(kind.acquired.count),
                micros(kind.acquired.max_micros)
            );
            self.row(&format!("{:>9}", whole(kind.acquired.total_micros)), &words);
        }
        self.chains(&locks.chains);
        self.singles("Longest waits", &locks.longest);
    }

    fn temp_files(&mut self, report: &LogReport) {
        let files = &report.temp_files;
        if files.count == 0 {
            return;
        }
        self.heading(
            "Temporary files",
            &format!(
                "{}, {} in all: more work_mem, an index, or fewer rows would spare them",
                units::some(files.count, "file", "files"),
                bytes(files.bytes)
            ),
        );
        for statement in &files.statements {
            let figures = format!(
                "{:>9}  {:>6} ×",
                bytes(statement.temp_bytes),
                units::count(statement.temp_files)
            );
            self.row(&figures, &statement.text);
        }
    }

    fn errors(&mut self, report: &LogReport) {
        if report.errors.is_empty() {
            return;
        }
        let by: Vec<String> = report
            .severities
            .iter()
            .filter(|one| !matches!(one.name.as_str(), "LOG" | "NOTICE" | "INFO" | "DEBUG"))
            .map(|one| format!("{} {}", units::count(one.count), one.name))
            .collect();
        self.heading("Errors", &by.join(" · "));
        for problem in &report.errors {
            let style = if matches!(problem.severity, "FATAL" | "PANIC") { RED } else { AMBER };
            let room = self.columns.saturating_sub(26);
            let state = if problem.sqlstate.is_empty() {
                String::new()
            } else {
                format!("  {DIM}{}{DIM:#}", problem.sqlstate)
            };
            self.line(&format!(
                "{:>9} ×  {style}{:<7}{style:#}  {}{state}",
                units::count(problem.count),
                problem.severity,
                layout::cut(&problem.message, room)
            ));
        }
        if 0 < report.errors_left_out {
            let more = units::some(report.errors_left_out as u64, "kind", "kinds");
            self.line(&format!(
                "{DIM}{more} more: --top {} shows all{DIM:#}",
                report.errors.len() + report.errors_left_out
            ));
        }
        if !report.cancelled.is_empty() {
            let reasons: Vec<String> = report
                .cancelled
                .iter()
                .map(|one| format!("{} by {}", one.count, one.name))
                .collect();
            self.line(&format!("{DIM}statements cancelled: {}{DIM:#}", reasons.join(", ")));
        }
    }

    fn groups(&mut self, report: &LogReport) {
        let lists: [(&str, &[Group]); 4] = [
            ("By database", &report.databases),
            ("By user", &report.users),
            ("By application", &report.applications),
            ("By host", &report.hosts),
        ];
        for (heading, groups) in lists {
            // One that has all of it tells nothing, nor do those of which only sessions are known.
            let has_work = groups.iter().any(|it| 0 < it.statements || 0 < it.errors);
            if groups.len() < 2 || !has_work {
                continue;
            }
            self.heading(heading, "");
            for group in groups {
                let mut told = vec![units::some(group.statements, "statement", "statements")];
                if let Some(mean) = group.session_micros.checked_div(group.sessions) {
                    told.push(format!(
                        "{}, mean {}",
                        units::some(group.sessions, "session", "sessions"),
                        whole(mean)
                    ));
                }
                if 0 < group.errors {
                    told.push(units::some(group.errors, "error", "errors"));
                }
                let name = layout::cut(&group.name, 24);
                self.row(
                    &format!("{:>9}  {name:<24}", whole(group.total_micros)),
                    &told.join(" · "),
                );
            }
        }
    }

    fn server(&mut self, report: &LogReport) {
        let (sessions, done) = (&report.connections, &report.checkpoints);
        let mut lines = Vec::new();
        if 0 < sessions.received + sessions.authorized + sessions.sessions.count {
            lines.push(format!(
                "{} received, {} let in; {} ended, mean {}, longest {}",
                units::some(sessions.received, "connection", "connections"),
                units::count(sessions.authorized),
                units::some(sessions.sessions.count, "session", "sessions"),
                micros(sessions.sessions.mean_micros),
                micros(sessions.sessions.max_micros),
            ));
        }
        if 0 < done.count {
            let reasons: Vec<String> =
                done.reasons.iter().map(|one| format!("{} {}", one.count, one.name)).collect();
            lines.push(format!(
                "{} ({}): {} buffers, {} writing, {} syncing, longest {}, {} of WAL between them",
                units::some(done.count, "checkpoint", "checkpoints"),
                reasons.join(", "),
                units::count(done.buffers),
                whole(done.write_micros),
                whole(done.sync_micros),
                whole(done.longest_micros),
                bytes(done.distance_bytes),
            ));
        }
        if 0 < done.too_often {
            lines.push(format!(
                "checkpoints came too often {} times: raise max_wal_size",
                units::count(done.too_often)
            ));
        }
        if 0 < report.recovery_waits.count {
            lines.push(format!(
                "replay waited {} for statements",
                whole(report.recovery_waits.total_micros)
            ));
        }
        if 0 < report.crashes {
            lines.push(format!(
                "the server crashed {}",
                units::some(report.crashes, "time", "times")
            ));
        }
        if lines.is_empty() {
            return;
        }
        self.heading("Server", "");
        for line in &lines {
            for (place, line) in layout::wrap(line, self.columns - 2).iter().enumerate() {
                self.line(&format!("{}{line}", if place == 0 { "" } else { "  " }));
            }
        }
    }

    fn tables(&mut self, report: &LogReport) {
        if report.tables.is_empty() {
            return;
        }
        let (vacuums, analyzes) = (units::count(report.vacuums), units::count(report.analyzes));
        self.heading("Autovacuum", &format!("{vacuums} × vacuum, {analyzes} × analyze"));
        for table in &report.tables {
            let mut told =
                vec![format!("{} × vacuum, {} × analyze", table.vacuums, table.analyzes)];
            told.push(format!("{} rows removed", units::count(table.tuples_removed)));
            if 0 < table.dead_remain_max {
                told.push(format!(
                    "up to {} dead rows held back",
                    units::count(table.dead_remain_max)
                ));
            }
            if 0 < table.wraparounds {
                told.push(format!("{} against wraparound", units::count(table.wraparounds)));
            }
            let name = layout::cut(&table.name, 36);
            self.row(
                &format!("{:>9}  {name:<36}", whole(table.vacuum_micros + table.analyze_micros)),
                &told.join(" · "),
            );
        }
    }

    fn hours(&mut self, report: &LogReport) {
        let hidden = report.hours.len().saturating_sub(HOURS_MAX);
        let hours = report.hours.get(hidden..).unwrap_or_default();
        let most = hours.iter().map(|hour| hour.statements.total_micros).max().unwrap_or_default();
        if hours.is_empty() || most == 0 {
            return;
        }
        let more = if 0 < hidden {
            format!("the last {HOURS_MAX} of {}", report.hours.len())
        } else {
            String::new()
        };
        self.heading("By hour", &more);
        for hour in hours {
            let part = ratio(hour.statements.total_micros, most);
            let errors = if 0 < hour.errors {
                units::some(hour.errors, "error", "errors")
            } else {
                String::new()
            };
            self.line(&format!(
                "{}  {ACCENT}{:<BAR_COLUMNS$}{ACCENT:#}  {:>9}  {:>11} ×  p95 {:>8}  {AMBER}{errors}{AMBER:#}",
                hour.hour,
                bar(part),
                whole(hour.statements.total_micros),
                units::count(hour.statements.count),
                micros(hour.statements.p95_micros),
            ));
        }
    }

    fn hints(&mut self, report: &LogReport) {
        if report.hints.is_empty() {
            return;
        }
        self.heading("Not in this log", "or there was none of it");
        for hint in &report.hints {
            self.line(&format!("{:<26}{ACCENT}{}{ACCENT:#}", hint.missing, hint.setting));
        }
    }
}

fn whole(micros: u64) -> String {
    units::time(Duration::from_micros(micros))
}

fn micros(micros: f64) -> String {
    units::time(Duration::from_secs_f64((micros / 1e6).max(0.0)))
}

#[expect(clippy::cast_precision_loss, reason = "a bar has ten columns")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most ten columns"
)]
fn bar(share: f64) -> String {
    let full = (share * BAR_COLUMNS as f64).round() as usize;
    "█".repeat(full.min(BAR_COLUMNS))
}
