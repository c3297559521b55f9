//! A line for every step: its name, how it ended, how long it took.
//!
//! On a terminal the running step turns and shows the last line that it printed; elsewhere a line is
//! written when a step begins, one a minute while it runs, and one when it ends.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use anstyle::{AnsiColor, Style};

/// Where progress is shown: stderr.
#[derive(Debug)]
pub(crate) struct Screen {
    is_terminal: bool,
    columns: usize,
}

/// How a step ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// As it should.
    Done,
    /// There was nothing to do.
    Skipped,
    /// Not as it should.
    Failed,
}

/// A step that runs.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    screen: &'a Screen,
    name: String,
    since: Instant,
    drawn: Instant,
    turns: usize,
}

const TURNS: [&str; 8] = ["⣾", "⣽", "⣻", "⢿", "⡿", "⣟", "⣯", "⣷"];
const BETWEEN_LINES: Duration = Duration::from_mins(1);

impl Screen {
    /// The screen that this process writes to.
    pub(crate) fn new() -> Self {
        let columns =
            std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(80);
        let dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        Self { is_terminal: std::io::stderr().is_terminal() && !dumb, columns }
    }

    /// A step begins.
    pub(crate) fn begin(&self, name: &str) -> Step<'_> {
        let now = Instant::now();
        let mut step =
            Step { screen: self, name: name.to_owned(), since: now, drawn: now, turns: 0 };
        if self.is_terminal {
            step.draw("");
        } else {
            line(&format!("  ..   {name}"));
        }
        step
    }
}

impl Step<'_> {
    /// Called now and then while the step runs; `last` gives the last line that it printed.
    pub(crate) fn tick(&mut self, last: impl FnOnce() -> String) {
        if self.screen.is_terminal {
            self.draw(&last());
        } else if self.drawn.elapsed() >= BETWEEN_LINES {
            self.drawn = Instant::now();
            line(&format!("  ..   {} ({}) {}", self.name, seconds(self.since), last()));
        }
    }

    /// The step is over; says so, with `note` beside it.
    pub(crate) fn end(self, end: End, note: &str) {
        if self.screen.is_terminal {
            print_error("\r\x1b[2K");
        }
        let note = if note.is_empty() { String::new() } else { format!("  {note}") };
        line(&format!("  {} {} {}{note}", mark(end), self.name, grey(&seconds(self.since))));
    }

    fn draw(&mut self, last: &str) {
        self.turns = (self.turns + 1) % TURNS.len();
        let text =
            format!("  {}    {} {}  {last}", TURNS[self.turns], self.name, seconds(self.since));
        let shown: String = text
            .chars()
            .filter(|letter| !letter.is_control())
            .take(self.screen.columns.saturating_sub(1))
            .collect();
        print_error(&format!("\r\x1b[2K{shown}"));
    }
}

/// A heading above steps.
pub(crate) fn heading(text: &str) {
    let bold = Style::new().bold();
    line(&format!("{bold}{text}{bold:#}"));
}

/// A line of words.
pub(crate) fn say(text: &str) {
    line(text);
}

/// A step for which there was nothing to do.
pub(crate) fn skip(name: &str, why: &str) {
    line(&format!("  {} {name}: {why}", mark(End::Skipped)));
}

/// How long ago, as people read it: `12.3 s`, `4 min 05 s`.
pub(crate) fn seconds(since: Instant) -> String {
    duration(since.elapsed())
}

/// A duration as people read it.
pub(crate) fn duration(took: Duration) -> String {
    let whole = took.as_secs();
    if whole < 100 {
        return format!("{:.1} s", took.as_secs_f64());
    }
    format!("{} min {:02} s", whole / 60, whole % 60)
}

fn mark(end: End) -> String {
    let (colour, word) = match end {
        End::Done => (AnsiColor::Green, "ok  "),
        End::Skipped => (AnsiColor::BrightBlack, "--  "),
        End::Failed => (AnsiColor::Red, "FAIL"),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{word}{style:#}")
}

fn grey(text: &str) -> String {
    let style = Style::new().fg_color(Some(AnsiColor::BrightBlack.into()));
    format!("{style}{text}{style:#}")
}

/// Writes what was asked for to stdout.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout();
    // Nobody reads any more: there is nobody to tell.
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// Writes words to stderr.
pub(crate) fn print_error(text: &str) {
    let mut out = anstream::stderr();
    // As above.
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

fn line(text: &str) {
    print_error(&format!("{text}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(duration(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(245)), "4 min 05 s");
    }
}
