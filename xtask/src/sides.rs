//! Two sides of the same requests, before and after, compared by Taut's own means: answers by `taut replay`, latencies by
//! `taut load`, and a verdict by `taut prove`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    args::Args,
    failure::Failure,
    ground, screen, setup,
    shell::{Shell, minutes},
};

/// Requests of an endpoint that are replayed and drawn from.
const ASKS: &str = "20";

/// Places in answers that are named where they differ.
const PLACES_TOLD_MAX: usize = 4;

/// What measures.
pub(crate) struct Sides<'a> {
    pub(crate) shell: &'a Shell,
    /// The binary.
    pub(crate) binary: &'a Path,
    /// Where its files go.
    pub(crate) work: &'a Path,
}

/// What a command that compares sides is told.
pub(crate) struct Told<'a> {
    /// Rows: `full` or `small`.
    pub(crate) scale: &'a str,
    /// Percent of the usual time.
    pub(crate) share: f64,
    only: Vec<&'a str>,
    profile: &'a str,
    binary: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// Reads it; `what` is how one of the names that `--only` takes is called.
    pub(crate) fn read(args: &'a Args, what: &str, names: &[&str]) -> Result<Self, Failure> {
        args.no_words()?;
        let told = Self {
            scale: args.choice("--scale", &["full", "small"])?.unwrap_or("full"),
            share: number(args, "--share", 100.0, 1_000.0)?,
            only: args.all("--only"),
            profile: args.choice("--profile", &["demo", "dev", "release"])?.unwrap_or("demo"),
            binary: args.all("--taut").last().copied(),
        };
        match told.only.iter().find(|name| !names.contains(name)) {
            Some(unknown) => Err(Failure::usage(format!("{what} is called `{unknown}`"))
                .hint(format!("known are: {}", names.join(", ")))),
            None => Ok(told),
        }
    }

    /// Whether one of them is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.contains(&name)
    }

    /// Makes everything ready, and gives the binary that measures.
    pub(crate) fn ready(&self, shell: &mut Shell) -> Result<PathBuf, Failure> {
        screen::heading("setup");
        setup::ensure(shell)?;
        screen::heading("build");
        let binary = match self.binary {
            Some(path) => PathBuf::from(path),
            None => ground::build(shell, self.profile)?,
        };
        screen::heading("run");
        Ok(binary)
    }
}

/// How a side is loaded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    /// Users at once.
    pub(crate) users: u32,
    pub(crate) seconds: f64,
    pub(crate) headers: Headers<'a>,
}

/// What each request says besides.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// With what a body is.
fn with_kind<'a>(headers: Headers<'a>, ask: &Value) -> Vec<(&'a str, &'a str)> {
    let kind = (!ask["body"].is_null()).then_some(("Content-Type", "application/json"));
    headers.iter().copied().chain(kind).collect()
}

impl Sides<'_> {
    /// What is asked, as the proving ground's own traffic has it.
    pub(crate) fn asks(&self, endpoint: &str) -> Result<Vec<Value>, Failure> {
        let mut command = self.shell.command("python3");
        command.args(["proving-ground/run.py", "asks", "--of", endpoint, "--count", ASKS]);
        let printed = self.shell.run(&format!("asks of {endpoint}"), minutes(1), &mut command)?;
        let asks: Result<Vec<Value>, _> = printed.lines().map(serde_json::from_str).collect();
        asks.map_err(|error| Failure::world("failed to read what is asked").cause(error))
    }

    /// Whether what is there after answers as what was there before, in words.
    pub(crate) fn answers(
        &self,
        name: &str,
        asks: &[Value],
        [before, after]: [&str; 2],
        headers: Headers<'_>,
    ) -> Result<String, Failure> {
        let mut lines =
            json!({"format": "taut-capture-1", "began_unix_nanos": 0, "by": "xtask"}).to_string();
        for (place, ask) in (0_u64..).zip(asks) {
            let headers = with_kind(headers, ask);
            let mut request =
                json!({"method": ask["method"], "target": ask["path"], "headers": headers});
            if !ask["body"].is_null() {
                request["body"] = json!({"text": ask["body"].to_string(), "sent_bytes": 0});
            }
            let line = json!({
                "began_unix_nanos": place * 1_000_000_000, "took_nanos": 500_000_000, "client": "xtask", "request": request,
            });
            lines.push_str(&format!("\n{line}"));
        }
        let file = self.work.join(format!("{name}.jsonl"));
        write(&file, &(lines + "\n"))?;
        let file = text(&file);
        let words = ["replay", &file, "--target", after, "--against", before];
        let how = ["--speed", "max", "--connections", "1", "--writes", "--timeout", "60s"];
        let words = [&words[..], &how, &["--json"]].concat();
        let told = self.taut(&format!("replay {name}"), &words)?;
        let (compared, identical) = (&told["compared"], &told["identical"]);
        Ok(if compared.as_u64() == Some(0) {
            "none compared".to_owned()
        } else if compared == identical {
            format!("{compared} byte for byte")
        } else if told["different"].as_u64() == Some(0) {
            format!("{compared} the same, {identical} byte for byte")
        } else {
            let places = told["differences"].as_array().map_or(&[][..], Vec::as_slice);
            let places: BTreeSet<&str> =
                places.iter().filter_map(|it| it["place"].as_str()).collect();
            let told_of: Vec<&str> = places.iter().copied().take(PLACES_TOLD_MAX).collect();
            let more = if told_of.len() < places.len() { " and more" } else { "" };
            format!("{} of {compared} differ in {}{more}", told["different"], told_of.join(", "))
        })
    }

    /// Loads one side; its figures.
    pub(crate) fn load(
        &self,
        (name, side): (&str, &str),
        asks: &[Value],
        base: &str,
        load: Load<'_>,
    ) -> Result<Value, Failure> {
        let file = self.scenario((name, side), asks, base, load.headers)?;
        let (users, length) = (load.users.to_string(), format!("{}s", load.seconds));
        let (file, out) = (text(&file), text(&self.out(name, side)));
        let words = ["load", &file, "--users", &users, "--for", &length, "--timeout", "60s"];
        let words = [&words[..], &["--json", "--out", &out]].concat();
        self.taut(&format!("load {name} ({side})"), &words)
    }

    /// A file for `taut load`.
    pub(crate) fn scenario(
        &self,
        (name, side): (&str, &str),
        asks: &[Value],
        base: &str,
        headers: Headers<'_>,
    ) -> Result<PathBuf, Failure> {
        let mut scenario = format!("target = \"{base}\"\n");
        for ask in asks {
            let method = ask["method"].as_str().unwrap_or("GET");
            let path = ask["path"].as_str().unwrap_or("/");
            scenario.push_str(&format!(
                "[[flow]]\nname = \"{name}\"\n[[flow.step]]\nname = \"{name}\"\nmethod = \"{method}\"\npath = {path:?}\n",
            ));
            let headers: Vec<String> = with_kind(headers, ask)
                .iter()
                .map(|(name, value)| format!("{name} = \"{value}\""))
                .collect();
            if !headers.is_empty() {
                scenario.push_str(&format!("headers = {{ {} }}\n", headers.join(", ")));
            }
            if !ask["body"].is_null() {
                scenario.push_str(&format!("body = '{}'\n", ask["body"]));
            }
        }
        let file = self.work.join(format!("{side}-{name}.toml"));
        write(&file, &scenario)?;
        Ok(file)
    }

    /// The verdict on two sides that were loaded, by one percentile, with its interval.
    pub(crate) fn verdict(
        &self,
        name: &str,
        [before, after]: [&str; 2],
        measure: &str,
    ) -> Result<String, Failure> {
        let (before, after) = (text(&self.out(name, before)), text(&self.out(name, after)));
        let words = ["prove", "--json", "--measure", measure, &before, &after];
        let proven = self.taut(&format!("prove {name} by {measure}"), &words)?;
        let verdict = proven["verdict"].as_str().unwrap_or("none");
        let measures = proven["measures"].as_array();
        let decides =
            measures.and_then(|all| all.iter().find(|it| it["measure"] == proven["decides"]));
        let interval = decides.map_or(String::new(), |it| {
            let percent = |place: usize| it["relative_interval"][place].as_f64().map(|x| x * 100.0);
            match (percent(0), percent(1)) {
                (Some(low), Some(high)) => format!(", {low:+.0} to {high:+.0} %"),
                _ => it["relative_at_least"]
                    .as_f64()
                    .map_or(String::new(), |least| format!(", {:+.0} % or more", least * 100.0)),
            }
        });
        Ok(format!("{verdict}{interval}"))
    }

    /// What the binary prints, as JSON; "no" is an answer, too.
    pub(crate) fn taut(&self, name: &str, words: &[&str]) -> Result<Value, Failure> {
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
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::world(format!("{name} printed no JSON")).cause(error))
    }

    fn out(&self, name: &str, side: &str) -> PathBuf {
        self.work.join(format!("{side}-{name}.json"))
    }
}

/// A latency of both sides: `1071 -> 58`.
pub(crate) fn millis(before: &Value, after: &Value, name: &str) -> String {
    let ms = |it: &Value| {
        let millis = it["latency_nanos"][name].as_f64().unwrap_or(f64::NAN) / 1e6;
        if millis < 10.0 { format!("{millis:.1}") } else { format!("{millis:.0}") }
    };
    format!("{} -> {}", ms(before), ms(after))
}

/// Requests of both sides, and those that failed.
pub(crate) fn requests(before: &Value, after: &Value) -> String {
    let failed = [before, after].iter().filter_map(|it| it["failed"].as_u64()).sum::<u64>();
    let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    format!("{} + {}{failed}", before["answered"], after["answered"])
}

/// How busy the machine is.
pub(crate) fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(", ")
}

/// The number of an option, from 0 to `most`.
pub(crate) fn number(args: &Args, name: &str, usual: f64, most: f64) -> Result<f64, Failure> {
    let Some(text) = args.all(name).last().copied() else { return Ok(usual) };
    text.parse().ok().filter(|number| (0.0..=most).contains(number)).ok_or_else(|| {
        Failure::usage(format!("option `{name}` does not take `{text}`"))
            .hint(format!("0 to {most}"))
    })
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |error| Failure::world(format!("failed to write `{}`", path.display())).cause(error);
    fs::write(path, text).map_err(failed)
}
