//! What each page has to wait for: the real binary over a day of made-up spans, asked as the pages ask it.
//!
//! `pages [--spans N] [--rounds N] [--folder PATH] [--large N]`: `--large` is the number of spans of one large trace. Each page's addresses are asked at once, as a
//! browser does; what counts is the last answer. "Cold" is a process that was just started, over files that are not in
//! memory; "warm" asks for another stretch of time in each round, so that nothing was answered before; "again" is the
//! same question a moment later. What compares two windows compares the halves of its stretch.
//!
//! Left out are pages whose answers hang on what else is there: databases that are watched, and a gateway.

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bench::{clock::Spread, history, machine, pages, table};
use model::{Moment, TraceId};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The binary is ready after it has looked at the last hour again.
const READY_MAX: Duration = Duration::from_mins(10);

/// No answer takes longer.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// Remedies in the ledger, each with what was said, run and decided: some years of a team.
const REMEDIES: u64 = 200;

struct Arguments {
    spans: usize,
    rounds: u64,
    folder: PathBuf,
    large: usize,
}

/// A running `taut up`.
struct Taut {
    process: Child,
    address: String,
}

/// A page: its name, and the addresses that it asks for, with what [`Stretch::put_into`] fills in.
type Page = (&'static str, Vec<String>);

/// A stretch of time that a page looks at.
struct Stretch {
    /// As the address names it.
    window: String,
    from_ms: u64,
    to_ms: u64,
    /// Between two points of a chart of it.
    step: &'static str,
}

fn main() -> Outcome<()> {
    let arguments = arguments()?;
    let place = tempfile::tempdir_in(&arguments.folder)?;
    let folder = place.path().join("store");
    table::say(&format!("{}\n\n", machine::describe()));
    let end = Moment { nanos: u64::try_from(now().as_nanos())? };
    let made = pages::fill(&folder, (arguments.spans, arguments.large), end)?;
    table::say(&format!(
        "{} spans, {} requests; milliseconds until the last answer of a page\n\n",
        table::thousands(made.spans),
        table::thousands(made.requests)
    ));
    history::fill(&folder, REMEDIES, end)?;
    let finding = first_finding(&folder)?;
    let mut rows = Vec::new();
    for hours in [1, 24] {
        for (name, paths) in asked(made.trace).into_iter().chain(of_two_windows()) {
            rows.push(measure(&folder, (name, hours), &paths, arguments.rounds)?);
        }
    }
    // A finding, the ledger and one trace are the same in any stretch of time.
    if let Some(id) = finding {
        rows.push(measure(&folder, ("a finding", 1), &[format!("findings/{id}")], 0)?);
    }
    rows.push(measure(&folder, ("ledger", 1), &["ledger".to_owned()], 0)?);
    rows.push(measure(&folder, ("the largest trace", 24), &of_trace(made.large), 0)?);
    let head = ["page", "stretch", "addresses", "cold", "warm", "again", "kB"];
    table::print(&head, &rows);
    Ok(())
}

fn arguments() -> Outcome<Arguments> {
    let words: Vec<String> = env::args().skip(1).collect();
    let mut arguments =
        Arguments { spans: 10_000_000, rounds: 5, folder: env::temp_dir(), large: 100_000 };
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--spans" => arguments.spans = value.parse()?,
            [name, value] if name == "--rounds" => arguments.rounds = value.parse()?,
            [name, value] if name == "--folder" => arguments.folder = value.into(),
            [name, value] if name == "--large" => arguments.large = value.parse()?,
            _ => {
                return Err(
                    "usage: pages [--spans N] [--rounds N] [--folder PATH] [--large N]".into()
                );
            }
        }
    }
    Ok(arguments)
}

/// A page that asks for these addresses, the busiest endpoint put in.
fn page(name: &'static str, paths: &[&str]) -> Page {
    let of = "service.name%20%3D%20%22orders%22%20and%20operation%20%3D%20%22GET%20%2Fapi%2Forders%2F%7Bid%7D%22";
    let one = "service=orders&operation=GET%20%2Fapi%2Forders%2F%7Bid%7D";
    let path = |path: &&str| path.replace("{of}", of).replace("{one}", one);
    (name, paths.iter().map(path).collect())
}

/// What each page asks for, as `web/src/pages` has it.
fn asked(trace: TraceId) -> Vec<Page> {
    vec![
        page("overview", &["overview?{window}", "findings", "saturation?{window}"]),
        page("findings", &["findings"]),
        page("endpoints", &["operations?{window}"]),
        page(
            "endpoint",
            &[
                "operation?{window}&{one}",
                "marks?{window}&service=orders",
                "heatmap?{window}&where={of}&columns=160",
            ],
        ),
        page(
            "endpoint, what slow ones have",
            &["compare?{window}&where={of}&selection=duration%20%3E%3D%20100ms"],
        ),
        page(
            "endpoint, a box",
            &[
                "compare?{window}&where={of}&selection={long}&{selected}",
                "spans?{inside}&where={of}%20and%20{long}&limit=5",
            ],
        ),
        page("services", &["service-map?{window}"]),
        page("traces", &["requests?{window}", "operations?{window}&limit=1"]),
        ("trace", of_trace(trace)),
        page("flame graph of an endpoint", &["flame?{window}&{one}"]),
        page(
            "explore, groups",
            &[
                "fields?of=spans&{window}",
                "views",
                "ask?of=spans&{window}&group=service.name%2Cname&show=count%2Crate%2Cerror_rate%2Cp50%2Cp95&step={step}",
            ],
        ),
        page("explore, slowest spans", &["spans?{window}&order=slowest&limit=100"]),
        page("explore, heatmap", &["heatmap?{window}"]),
        page(
            "explore, what slow ones have",
            &["compare?of=spans&{window}&selection=duration%20%3E%20500ms"],
        ),
        page("resources", &["resources?{window}"]),
        page("status", &["status"]),
    ]
}

/// What pages ask for that compare: the later half of the stretch with the earlier one.
fn of_two_windows() -> Vec<Page> {
    vec![
        page(
            "endpoint, compared",
            &[
                "operation?{later}&{one}",
                "operation?{earlier}&{one}",
                "marks?{later}&service=orders",
                "heatmap?{later}&where={of}&columns=160",
            ],
        ),
        page("flame graphs of two windows", &["flame?{later}&{before}&{one}"]),
        page("proof of two stretches", &["proof?{later}&{before}", "operations?{later}"]),
        page(
            "board report",
            &[
                "board?{later}&{before}",
                "ledger?kind=remedy",
                "ledger?kind=decision",
                "ledger?kind=run",
            ],
        ),
    ]
}

fn of_trace(trace: TraceId) -> Vec<String> {
    vec![format!("traces/{trace}/columns"), format!("traces/{trace}/logs")]
}

/// One page over one stretch of time, by a process of its own.
fn measure(
    folder: &Path,
    (name, hours): (&str, u64),
    paths: &[String],
    rounds: u64,
) -> Outcome<Vec<String>> {
    let taut = Taut::start(folder)?;
    forget(folder)?;
    let at = |stretch: &Stretch| -> Vec<String> {
        paths.iter().map(|path| stretch.put_into(path)).collect()
    };
    let last = at(&Stretch::last(hours));
    let (cold, bytes) = taut.ask(&last)?;
    let mut warm = Vec::new();
    for round in 1..=rounds {
        let to = now().as_secs() / 120 * 120 - round * 120;
        warm.push(taut.ask(&at(&Stretch::until(to * 1_000, hours)))?.0);
    }
    let mut again = Vec::new();
    taut.ask(&last)?;
    for _ in 0..rounds.max(3) {
        again.push(taut.ask(&last)?.0);
    }
    let shown = |values: &[f64]| match values {
        [] => "–".to_owned(),
        values => table::spread(Spread::of(values.iter().copied()), |it| format!("{it:.0}")),
    };
    Ok(vec![
        name.to_owned(),
        format!("{hours} h"),
        paths.len().to_string(),
        format!("{cold:.0}"),
        shown(&warm),
        shown(&again),
        (bytes / 1_000).to_string(),
    ])
}

/// The id of what is to be fixed first; none where nothing was found.
fn first_finding(folder: &Path) -> Outcome<Option<String>> {
    let answer = Taut::start(folder)?.get("findings")?;
    let (_, found) =
        answer.split_once("\"findings\":[").ok_or("findings are answered otherwise")?;
    let id = found.split_once("\"id\":\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok(id.map(|(id, _)| id.to_owned()))
}

impl Stretch {
    /// One that ends now, as pages ask for it first.
    fn last(hours: u64) -> Self {
        Self { window: format!("last={hours}h"), ..Self::until(now().as_secs() * 1_000, hours) }
    }

    fn until(to_ms: u64, hours: u64) -> Self {
        let from_ms = to_ms - hours * 3_600_000;
        let step = if hours == 1 { "1m" } else { "15m" };
        Self { window: format!("from={from_ms}&to={to_ms}"), from_ms, to_ms, step }
    }

    /// An address with the stretch, its halves, and a box that is drawn around slow requests in its middle.
    fn put_into(&self, path: &str) -> String {
        let Self { window, from_ms, to_ms, step } = self;
        let sixth = (to_ms - from_ms) / 6;
        let middle = from_ms + 3 * sixth;
        let (left, right) = (from_ms + 2 * sixth, from_ms + 4 * sixth);
        path.replace("{window}", window)
            .replace("{step}", step)
            .replace("{later}", &format!("from={middle}&to={to_ms}"))
            .replace("{earlier}", &format!("from={from_ms}&to={middle}"))
            .replace("{before}", &format!("before_from={from_ms}&before_to={middle}"))
            .replace("{selected}", &format!("selected_from={left}&selected_to={right}"))
            .replace("{inside}", &format!("from={left}&to={right}"))
            .replace(
                "{long}",
                "duration%20%3E%3D%20100000us%20and%20duration%20%3C%3D%2060000000us",
            )
    }
}

impl Taut {
    fn start(folder: &Path) -> Outcome<Self> {
        let program = env::current_exe()?.with_file_name("taut");
        let any = "127.0.0.1:0";
        let mut process = Command::new(program)
            .args(["up", "--listen", any, "--http", any, "--grpc", "off", "--store"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = process.stderr.take().ok_or("it has no stderr")?;
        let mut lines = BufReader::new(said).lines();
        let address = loop {
            let line = lines.next().ok_or("taut did not start")??;
            if let Some((_, address)) = line.split_once("http://")
                && line.contains("pages")
            {
                break address.trim().trim_end_matches('/').to_owned();
            }
        };
        // What it says from now on is read, so that it never waits for that.
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let taut = Self { process, address };
        let begun = Instant::now();
        while !taut.get("status")?.contains("\"catching_up\":false") {
            if READY_MAX < begun.elapsed() {
                return Err("taut did not catch up".into());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(taut)
    }

    /// Asks for all at once; how long the last answer took, in milliseconds, and their bytes.
    fn ask(&self, paths: &[String]) -> Outcome<(f64, usize)> {
        let begun = Instant::now();
        let answers: Vec<Result<usize, String>> = thread::scope(|scope| {
            let asked: Vec<_> = paths
                .iter()
                .map(|path| {
                    scope.spawn(move || {
                        let answer = self.get(path).map_err(|error| format!("{path}: {error}"))?;
                        Ok(answer.len())
                    })
                })
                .collect();
            asked
                .into_iter()
                .map(|it| it.join().unwrap_or_else(|_| Err("a bug".to_owned())))
                .collect()
        });
        let millis = begun.elapsed().as_secs_f64() * 1e3;
        let bytes = answers.into_iter().sum::<Result<usize, String>>()?;
        Ok((millis, bytes))
    }

    fn get(&self, path: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        write!(
            stream,
            "GET /api/v1/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if !answer.starts_with("HTTP/1.1 200") {
            let start: String = answer.chars().take(600).collect();
            return Err(format!("{path}: {start}").into());
        }
        Ok(answer)
    }
}

impl Drop for Taut {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Takes files out of the system's memory.
fn forget(folder: &Path) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let file = fs::File::open(entry.path())?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
    }
    Ok(())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
