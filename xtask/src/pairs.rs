//! `cargo xtask pairs`: what the remedies bring, told by Taut itself. Each endpoint of the proving ground with its fault and
//! without: answers compared by `taut replay`, statements counted by `taut check` in the recordings, latencies by `taut
//! load`, and a verdict by `taut prove`. Two applications with a database each, so that both answer from the same rows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    args::Args,
    failure::Failure,
    ground::{self, Application, Folder, How},
    screen, setup,
    shell::{Shell, make_folder, minutes},
};

/// An endpoint that has a faulty and a fixed version.
struct Pair {
    name: &'static str,
    /// What the essays say of it; empty where none does.
    essay: &'static str,
    /// Users at once: those of what waits for others do not slow each other down.
    users: u32,
    /// Seconds for some 180 requests of the faulty version on an idle machine: a p95 wants 160 that are independent.
    seconds: u64,
    /// Why answers are not the same, if they are not meant to be.
    differs: &'static str,
}

const fn pair(name: &'static str, users: u32, seconds: u64) -> Pair {
    Pair { name, essay: "", users, seconds, differs: "" }
}

const PAIRS: &[Pair] = &[
    Pair { essay: "384 -> 3 queries, p95 1,200 -> 95 ms", ..pair("orders", 1, 130) },
    Pair { essay: "187 -> 2 queries, p95 1,420 -> 280 ms", ..pair("dashboard", 1, 130) },
    Pair { essay: "101 -> 1 queries, 850 -> 45 ms", ..pair("posts", 1, 45) },
    Pair {
        essay: "4,200 -> 180 ms",
        differs: "what is sent later is told as queued",
        ..pair("applications-submit", 4, 120)
    },
    Pair { essay: "240 -> 38 ms", ..pair("webhooks", 1, 80) },
    pair("trending", 2, 220),
    Pair { differs: "only the columns that are shown", ..pair("articles", 1, 130) },
    Pair { differs: "pages by cursor", ..pair("archive", 1, 200) },
    pair("orders-search", 1, 22),
    pair("stock", 4, 26),
    pair("checkout-quote", 4, 22),
    Pair { differs: "one call's answer instead of eighteen", ..pair("customers-overview", 4, 22) },
    Pair { differs: "a courier that fails by chance", ..pair("tracking", 4, 22) },
    pair("facets", 1, 100),
    pair("invoice", 1, 22),
    pair("report", 1, 110),
];

/// Requests of an endpoint that are replayed and drawn from.
const ASKS: &str = "20";

/// `cargo xtask pairs`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    args.no_words()?;
    let scale = args.choice("--scale", &["full", "small"])?.unwrap_or("full");
    let profile = args.choice("--profile", &["demo", "dev", "release"])?.unwrap_or("demo");
    let distance_millis = number(args, "--distance", 0.0, 1_000.0)?;
    let share = number(args, "--share", 100.0, 1_000.0)?;
    let only = args.all("--only");
    if let Some(unknown) = only.iter().find(|name| !PAIRS.iter().any(|pair| pair.name == **name)) {
        let names: Vec<&str> = PAIRS.iter().map(|pair| pair.name).collect();
        return Err(Failure::usage(format!("no pair is called `{unknown}`"))
            .hint(format!("known are: {}", names.join(", "))));
    }
    screen::heading("setup");
    setup::ensure(shell)?;
    screen::heading("build");
    let binary = match args.all("--taut").last() {
        Some(path) => PathBuf::from(path),
        None => ground::build(shell, profile)?,
    };
    screen::heading("run");
    let folders = [Folder::claim(shell, "pairs-faulty")?, Folder::claim(shell, "pairs-fixed")?];
    // Spans go nowhere: making them is a part of what users run, receiving them is not.
    let how =
        |mode| How { mode, scale, otlp: "http://127.0.0.1:9", database: None, distance_millis };
    let faulty = Application::up(shell, &folders[0], &how("faulty"))?;
    let outcome = Application::up(shell, &folders[1], &how("fixed")).and_then(|fixed| {
        let work = folders[0].join("work");
        let run =
            Run { shell, binary: &binary, work: &work, faulty: &faulty, fixed: &fixed, share };
        let told = PAIRS
            .iter()
            .filter(|pair| only.is_empty() || only.contains(&pair.name))
            .map(|pair| run.pair(pair))
            .collect::<Result<Vec<String>, Failure>>();
        shell.forget_interrupt();
        fixed.down(shell).and(told)
    });
    shell.forget_interrupt();
    let down = faulty.down(shell);
    let rows = outcome?;
    down?;
    screen::print(&format!("\n{}{}\n", head(scale, distance_millis), rows.concat()));
    Ok(())
}

fn head(scale: &str, distance_millis: f64) -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(", ");
    format!(
        "Rows: {scale}; database {distance_millis} ms away; load average at the end {load}.\n\n\
         | endpoint | essay | statements | p50 ms | p95 ms | requests | verdict by p50 | by p95 | answers |\n|---|---|---|---|---|---|---|---|---|\n"
    )
}

fn number(args: &Args, name: &str, usual: f64, most: f64) -> Result<f64, Failure> {
    let Some(text) = args.all(name).last().copied() else { return Ok(usual) };
    text.parse().ok().filter(|number| (0.0..=most).contains(number)).ok_or_else(|| {
        Failure::usage(format!("option `{name}` does not take `{text}`"))
            .hint(format!("0 to {most}"))
    })
}

/// What all pairs have in common.
struct Run<'a> {
    shell: &'a Shell,
    binary: &'a Path,
    work: &'a Path,
    faulty: &'a Application,
    fixed: &'a Application,
    /// Percent of the usual time.
    share: f64,
}

impl Run<'_> {
    /// A row of the table.
    fn pair(&self, pair: &Pair) -> Result<String, Failure> {
        make_folder(self.work)?;
        let asks = self.asks(pair)?;
        let answers = self.answers(pair, &asks)?;
        let statements =
            [self.statements(pair, "faulty")?, self.statements(pair, "fixed")?].map(shown);
        let before = self.load(pair, &asks, "faulty", self.faulty)?;
        let after = self.load(pair, &asks, "fixed", self.fixed)?;
        let verdicts = [self.verdict(pair, "p50")?, self.verdict(pair, "p95")?];
        let ms = |it: &Value, name: &str| {
            format!("{:.0}", it["latency_nanos"][name].as_f64().unwrap_or(f64::NAN) / 1e6)
        };
        let both = |name| format!("{} -> {}", ms(&before, name), ms(&after, name));
        let failed = [&before, &after].iter().filter_map(|it| it["failed"].as_u64()).sum::<u64>();
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        Ok(format!(
            "| {} | {} | {} -> {} | {} | {} | {} + {}{failed} | {} | {} | {answers} |\n",
            pair.name,
            pair.essay,
            statements[0],
            statements[1],
            both("p50"),
            both("p95"),
            before["answered"],
            after["answered"],
            verdicts[0],
            verdicts[1],
        ))
    }

    /// What a comparison by one percentile comes to, with its interval.
    fn verdict(&self, pair: &Pair, measure: &str) -> Result<String, Failure> {
        let (before, after) = (text(&self.out(pair, "faulty")), text(&self.out(pair, "fixed")));
        let proven = self.taut(
            &format!("prove {} by {measure}", pair.name),
            &["prove", "--json", "--measure", measure, &before, &after],
        )?;
        let verdict = proven["verdict"].as_str().unwrap_or("none");
        let all = proven["measures"].as_array().into_iter().flatten();
        let interval = all.clone().find(|it| it["measure"] == proven["decides"]);
        let percent =
            |place: usize| interval?["relative_interval"][place].as_f64().map(|it| it * 100.0);
        Ok(match (percent(0), percent(1)) {
            (Some(low), Some(high)) => format!("{verdict}, {low:+.0} to {high:+.0} %"),
            _ => verdict.to_owned(),
        })
    }

    /// What is asked, as the proving ground's own traffic has it.
    fn asks(&self, pair: &Pair) -> Result<Vec<Value>, Failure> {
        let mut command = self.shell.command("python3");
        command.args(["proving-ground/run.py", "asks", "--of", pair.name, "--count", ASKS]);
        let printed =
            self.shell.run(&format!("asks of {}", pair.name), minutes(1), &mut command)?;
        let asks: Result<Vec<Value>, _> = printed.lines().map(serde_json::from_str).collect();
        asks.map_err(|error| Failure::world("failed to read what is asked").cause(error))
    }

    /// Whether both versions answer alike, in words.
    fn answers(&self, pair: &Pair, asks: &[Value]) -> Result<String, Failure> {
        let mut lines =
            json!({"format": "taut-capture-1", "began_unix_nanos": 0, "by": "pairs"}).to_string();
        for (place, ask) in (0_u64..).zip(asks) {
            let mut request =
                json!({"method": ask["method"], "target": ask["path"], "headers": []});
            if !ask["body"].is_null() {
                request["headers"] = json!([["content-type", "application/json"]]);
                request["body"] = json!({"text": ask["body"].to_string(), "sent_bytes": 0});
            }
            let line = json!({
                "began_unix_nanos": place * 1_000_000_000, "took_nanos": 500_000_000, "client": "pairs", "request": request,
            });
            lines.push_str(&format!("\n{line}"));
        }
        let file = self.work.join(format!("{}.jsonl", pair.name));
        write(&file, &(lines + "\n"))?;
        let told = self.taut(
            &format!("replay {}", pair.name),
            &[
                "replay",
                &text(&file),
                "--target",
                self.fixed.base(),
                "--against",
                self.faulty.base(),
                "--speed",
                "max",
                "--connections",
                "1",
                "--writes",
                "--timeout",
                "60s",
                "--json",
            ],
        )?;
        let (compared, identical) = (&told["compared"], &told["identical"]);
        let words = if compared.as_u64() == Some(0) {
            "none compared".to_owned()
        } else if compared == identical {
            format!("{compared} byte for byte")
        } else if told["different"].as_u64() == Some(0) {
            format!("{compared} the same, {identical} byte for byte")
        } else {
            format!("{} of {compared} differ", told["different"])
        };
        Ok(match pair.differs {
            "" => words,
            why => format!("{words}: {why}"),
        })
    }

    /// Statements of a request, the one with most of them, in the recording.
    fn statements(&self, pair: &Pair, mode: &str) -> Result<Option<u64>, Failure> {
        let recording = format!("proving-ground/recordings/{mode}-{}.otlp.jsonl.gz", pair.name);
        let baseline = self.work.join(format!("{mode}-{}.baseline.json", pair.name));
        fs::remove_file(&baseline).ok();
        let words = ["check", &recording, "--baseline", &text(&baseline), "--update", "--json"];
        self.taut(&format!("statements of {} ({mode})", pair.name), &words)?;
        let read = fs::read_to_string(&baseline).unwrap_or_default();
        let read: Value = serde_json::from_str(&read).unwrap_or_default();
        let services = read["services"].as_object().into_iter().flat_map(|all| all.values());
        let endpoints = services.filter_map(Value::as_object).flat_map(|all| all.values());
        Ok(endpoints.filter_map(|it| it["queries"].as_u64()).max())
    }

    /// Loads one side; its figures.
    fn load(
        &self,
        pair: &Pair,
        asks: &[Value],
        mode: &str,
        application: &Application,
    ) -> Result<Value, Failure> {
        let mut scenario = format!("target = \"{}\"\n", application.base());
        for ask in asks {
            let method = ask["method"].as_str().unwrap_or("GET");
            let path = ask["path"].as_str().unwrap_or("/");
            scenario.push_str(&format!(
                "[[flow]]\nname = \"{0}\"\n[[flow.step]]\nname = \"{0}\"\nmethod = \"{method}\"\npath = {path:?}\n",
                pair.name
            ));
            if !ask["body"].is_null() {
                scenario.push_str(&format!(
                    "headers = {{ Content-Type = \"application/json\" }}\nbody = '{}'\n",
                    ask["body"]
                ));
            }
        }
        let file = self.work.join(format!("{mode}-{}.toml", pair.name));
        write(&file, &scenario)?;
        // What was made fast answers enough in less.
        let seconds = if mode == "fixed" { pair.seconds.clamp(10, 30) } else { pair.seconds };
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let seconds = (seconds as f64 * self.share / 100.0).max(1.0);
        let (users, length) = (pair.users.to_string(), format!("{seconds}s"));
        self.taut(
            &format!("load {} ({mode})", pair.name),
            &[
                "load",
                &text(&file),
                "--users",
                &users,
                "--for",
                &length,
                "--timeout",
                "60s",
                "--json",
                "--out",
                &text(&self.out(pair, mode)),
            ],
        )
    }

    fn out(&self, pair: &Pair, mode: &str) -> PathBuf {
        self.work.join(format!("{mode}-{}.json", pair.name))
    }

    /// What the binary prints, as JSON; "no" is an answer, too.
    fn taut(&self, name: &str, words: &[&str]) -> Result<Value, Failure> {
        self.shell.check_interrupt()?;
        let step = self.shell.screen.begin(name);
        let mut command = self.shell.command(self.binary);
        let output = command.args(words).output();
        let output =
            output.map_err(|error| Failure::world(format!("{name} failed")).cause(error))?;
        let words = String::from_utf8_lossy(&output.stderr);
        let is_answer = matches!(output.status.code(), Some(0 | 1));
        step.end(if is_answer { screen::End::Done } else { screen::End::Failed }, "");
        if !is_answer {
            return Err(Failure::world(format!("{name} ended with {}", output.status)).cause(words));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }
}

fn shown(count: Option<u64>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |error| Failure::world(format!("failed to write `{}`", path.display())).cause(error);
    fs::write(path, text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_with_two_versions_is_a_pair() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proving-ground");
        let modes = fs::read_to_string(folder.join("application/backend/mode.py")).unwrap();
        let list = modes.split_once("ENDPOINTS = (").unwrap().1.split_once(')').unwrap().0;
        let mut known: Vec<&str> = list
            .split(',')
            .map(|name| name.trim().trim_matches('"'))
            .filter(|it| !it.is_empty())
            .collect();
        let mut pairs: Vec<&str> = PAIRS.iter().map(|pair| pair.name).collect();
        known.sort_unstable();
        pairs.sort_unstable();
        assert_eq!(pairs, known);
        for name in pairs {
            for mode in ["faulty", "fixed"] {
                let recording = folder.join(format!("recordings/{mode}-{name}.otlp.jsonl.gz"));
                assert!(recording.exists(), "{}", recording.display());
            }
        }
    }
}
