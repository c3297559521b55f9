//! Traces as text: what a request did, line by line, so that a case for a detector is a small file.
//!
//! ```text
//! expect n-plus-one
//! request GET /api/orders/
//!   sql 3ms SELECT id, customer_id FROM orders LIMIT 60
//!   repeat 60
//!     sql 3ms SELECT name FROM customers WHERE id = #
//!   gap 20ms
//! ```
//!
//! Lines follow each other in time; deeper lines happen within the line above them. `#` becomes a
//! number that never comes twice, `@` the number of the round of the innermost `repeat`. A `!` after a verb makes the span fail. Verbs: `request [xN] [key:value …]
//! OPERATION`, `sql`, `http D METHOD HOST TEMPLATE [URL]`, `mail`, `connect`, `pool`, `cache`,
//! `send`, `render`, `own`, `gap`, `repeat N`, `parallel`, `framework NAME`. Requests repeated with `xN`
//! begin a second apart, or `every:D`.

use std::collections::BTreeSet;

use model::{Framework, Text, Trace, Work};

use crate::{TraceBuilder, connect, http, mail, own, render};

/// What a script says.
#[derive(Debug)]
pub struct Script {
    /// Faults that must be found, and no others.
    pub expected: BTreeSet<String>,
    /// Traces, in order of their begin.
    pub traces: Vec<Trace>,
}

#[derive(Debug)]
struct Line<'a> {
    verb: &'a str,
    rest: &'a str,
    failed: bool,
    below: Vec<Self>,
}

struct Clock {
    unique: u64,
    round: u64,
}

impl Script {
    /// Reads a script.
    ///
    /// # Panics
    ///
    /// The script is wrong; it is part of a test, and the message names the line.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut lines: Vec<(usize, &str)> = Vec::new();
        for line in text.lines() {
            let bare = line.trim_start();
            if !bare.is_empty() && !bare.starts_with("--") {
                lines.push(((line.len() - bare.len()) / 2, bare.trim_end()));
            }
        }
        let mut rest = lines.as_slice();
        let tree = read_lines(&mut rest, 0);
        let mut script = Self { expected: BTreeSet::new(), traces: Vec::new() };
        let mut frameworks = Vec::new();
        let mut clock = Clock { unique: 1_000, round: 0 };
        let mut number = 1;
        for line in &tree {
            match line.verb {
                "expect" if line.rest == "nothing" => {}
                "expect" => drop(script.expected.insert(line.rest.to_owned())),
                "framework" => frameworks.push(framework(line.rest)),
                "request" | "job" => {
                    play(line, &frameworks, &mut clock, &mut number, &mut script.traces);
                }
                other => panic!("`{other}` is not known at the left margin"),
            }
        }
        script
    }
}

fn read_lines<'a>(rest: &mut &[(usize, &'a str)], depth: usize) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    while let Some((indent, text)) = rest.first().copied() {
        if indent < depth {
            break;
        }
        *rest = &rest[1..];
        let (verb, words) = text.split_once(' ').unwrap_or((text, ""));
        let (verb, failed) = verb.strip_suffix('!').map_or((verb, false), |verb| (verb, true));
        let below = read_lines(rest, indent + 1);
        lines.push(Line { verb, rest: words.trim(), failed, below });
    }
    lines
}

fn play(
    line: &Line<'_>,
    frameworks: &[Framework],
    clock: &mut Clock,
    number: &mut u64,
    traces: &mut Vec<Trace>,
) {
    let mut times = 1;
    let mut every_micros = 1_000_000;
    let mut operation = line.rest;
    let mut settings = Vec::new();
    loop {
        let (word, rest) = operation.split_once(' ').unwrap_or((operation, ""));
        if let Some(count) = word.strip_prefix('x').and_then(|count| count.parse().ok()) {
            times = count;
        } else if let Some(time) = word.strip_prefix("every:") {
            every_micros = micros(time);
        } else if let Some((key, value)) = word.split_once(':') {
            settings.push((key, value));
        } else {
            break;
        }
        operation = rest;
    }
    for round in 0..times {
        clock.round = round;
        let mut trace = TraceBuilder::numbered(*number);
        trace.starting_at(*number * 1_000_000 - round * 1_000_000 + round * every_micros);
        *number += 1;
        for framework in frameworks {
            trace.framework(*framework);
        }
        let root =
            if line.verb == "job" { trace.job(operation) } else { trace.root(operation, 0, 0) };
        let end = lay(&mut trace, root, &line.below, 0, clock);
        let failed = line.failed;
        trace.edit(root, |call| {
            call.end = call.start + std::time::Duration::from_micros(end);
            call.failed = failed;
        });
        trace.edit_request(root, |request| {
            for (key, value) in &settings {
                set(request, key, &fill(value, clock));
            }
        });
        traces.push(trace.trace());
    }
}

fn set(request: &mut model::Request, key: &str, value: &str) {
    match key {
        "status" => request.status = value.parse().expect("a status"),
        "bytes" => request.response_bytes = Some(value.parse().expect("bytes")),
        "query" => request.query = Text::from(value),
        "path" => request.path = Text::from(value),
        "background" => request.background = value == "true",
        "compressed" => request.compressed = Some(value == "true"),
        _ => {
            request.attributes.push((Text::from(key), Text::from(value)));
            request.attributes.sort();
        }
    }
}

/// Lays lines one after the other from `from_micros`; returns when the last one ends.
fn lay(
    trace: &mut TraceBuilder,
    parent: usize,
    lines: &[Line<'_>],
    from_micros: u64,
    clock: &mut Clock,
) -> u64 {
    let mut cursor = from_micros;
    for line in lines {
        cursor = match line.verb {
            "gap" => cursor + micros(line.rest),
            "repeat" => {
                let outer = clock.round;
                let times: u64 = line.rest.parse().expect("repeat takes a number");
                for round in 0..times {
                    clock.round = round;
                    cursor = lay(trace, parent, &line.below, cursor, clock);
                }
                clock.round = outer;
                cursor
            }
            "parallel" => {
                let ends = line
                    .below
                    .iter()
                    .map(|below| lay(trace, parent, std::slice::from_ref(below), cursor, clock));
                ends.max().unwrap_or(cursor)
            }
            "parallel-repeat" => {
                let times: u64 = line.rest.parse().expect("parallel-repeat takes a number");
                let ends = (0..times).map(|_| lay(trace, parent, &line.below, cursor, clock));
                ends.max().unwrap_or(cursor)
            }
            _ => span(trace, parent, line, cursor, clock),
        };
    }
    cursor
}

fn span(
    trace: &mut TraceBuilder,
    parent: usize,
    line: &Line<'_>,
    from: u64,
    clock: &mut Clock,
) -> u64 {
    let (duration, rest) = line.rest.split_once(' ').unwrap_or((line.rest, ""));
    let text = fill(rest, clock);
    let words: Vec<&str> = text.split_whitespace().collect();
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    let place = match line.verb {
        "sql" => trace.sql(parent, &text, from, from),
        "http" => {
            let url = if word(3).is_empty() { word(2) } else { word(3) };
            trace.child(parent, http(word(0), word(1), word(2), url), from, from)
        }
        "mail" => trace.child(parent, mail(word(0)), from, from),
        "connect" => trace.child(parent, connect(false), from, from),
        "pool" => trace.child(parent, connect(true), from, from),
        "render" => trace.child(parent, render(word(0)), from, from),
        "own" => trace.child(parent, own(&text), from, from),
        "serve" => trace.root_below(parent, &text, from, from),
        "cache" => {
            let work = Work::Cache {
                system: Text::from("redis"),
                operation: Text::from(word(0)),
                key: Text::from(word(1)),
            };
            trace.child(parent, (word(0), work), from, from)
        }
        "send" => {
            let work = Work::Send { system: Text::from(word(0)), destination: Text::from(word(1)) };
            trace.child(parent, (word(0), work), from, from)
        }
        other => panic!("`{other}` is no verb"),
    };
    let end = lay(trace, place, &line.below, from, clock) + micros(duration);
    let failed = line.failed;
    trace.edit(place, |call| {
        call.end = call.start + std::time::Duration::from_micros(end - from);
        call.failed = failed;
        if let Work::Http(http) = &mut call.work {
            http.status = if failed { 503 } else { http.status };
        }
    });
    end
}

fn fill(text: &str, clock: &mut Clock) -> String {
    let mut filled = String::new();
    for letter in text.chars() {
        match letter {
            '#' => {
                clock.unique += 1;
                filled.push_str(&clock.unique.to_string());
            }
            '@' => filled.push_str(&clock.round.to_string()),
            letter => filled.push(letter),
        }
    }
    filled
}

fn micros(text: &str) -> u64 {
    let (number, unit) = if let Some(number) = text.strip_suffix("us") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1e3)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1e6)
    } else {
        panic!("`{text}` is no time: write `3ms`")
    };
    let number: f64 = number.parse().unwrap_or_else(|_| panic!("`{text}` is no time"));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small in tests")]
    let micros = (number * unit) as u64;
    micros
}

fn framework(name: &str) -> Framework {
    match name {
        "django" => Framework::Django,
        "django-rest" => Framework::DjangoRest,
        "sqlalchemy" => Framework::SqlAlchemy,
        "rails" => Framework::Rails,
        "hibernate" => Framework::Hibernate,
        "prisma" => Framework::Prisma,
        "express" => Framework::Express,
        other => panic!("`{other}` is no framework that scripts know"),
    }
}
