//! `cargo xtask pairs`: what the remedies bring, told by Taut itself. Each endpoint of the proving ground with its fault and
//! without: answers compared by `taut replay`, statements counted by `taut check` in the recordings, latencies by `taut
//! load`, and a verdict by `taut prove`. Two applications with a database each, so that both answer from the same rows.

use std::fs;

use serde_json::Value;

use crate::{
    args::Args,
    failure::Failure,
    ground::{Application, Folder, How},
    screen,
    shell::{Shell, make_folder},
    sides::{self, Load, Sides, Told, number, text},
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

/// `cargo xtask pairs`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    let names: Vec<&str> = PAIRS.iter().map(|pair| pair.name).collect();
    let told = Told::read(args, "no pair", &names)?;
    let distance_millis = number(args, "--distance", 0.0, 1_000.0)?;
    let (scale, share) = (told.scale, told.share);
    let binary = told.ready(shell)?;
    let folders = [Folder::claim(shell, "pairs-faulty")?, Folder::claim(shell, "pairs-fixed")?];
    // Spans go nowhere: making them is a part of what users run, receiving them is not.
    let how =
        |mode| How { mode, scale, otlp: "http://127.0.0.1:9", database: None, distance_millis };
    let faulty = Application::up(shell, &folders[0], &how("faulty"))?;
    let outcome = Application::up(shell, &folders[1], &how("fixed")).and_then(|fixed| {
        let work = folders[0].join("work");
        make_folder(&work)?;
        let sides = Sides { shell, binary: &binary, work: &work };
        let run = Run { sides, faulty: &faulty, fixed: &fixed, share };
        let rows = PAIRS
            .iter()
            .filter(|pair| told.wants(pair.name))
            .map(|pair| run.pair(pair))
            .collect::<Result<Vec<String>, Failure>>();
        shell.forget_interrupt();
        fixed.down(shell).and(rows)
    });
    shell.forget_interrupt();
    let down = faulty.down(shell);
    let rows = outcome?;
    down?;
    screen::print(&format!("\n{}{}\n", head(scale, distance_millis), rows.concat()));
    Ok(())
}

fn head(scale: &str, distance_millis: f64) -> String {
    let load = sides::load_average();
    format!(
        "Rows: {scale}; database {distance_millis} ms away; load average at the end {load}.\n\n\
         | endpoint | essay | statements | p50 ms | p95 ms | requests | verdict by p50 | by p95 | answers |\n|---|---|---|---|---|---|---|---|---|\n"
    )
}

/// What all pairs have in common.
struct Run<'a> {
    sides: Sides<'a>,
    faulty: &'a Application,
    fixed: &'a Application,
    /// Percent of the usual time.
    share: f64,
}

impl Run<'_> {
    /// A row of the table.
    fn pair(&self, pair: &Pair) -> Result<String, Failure> {
        let Self { sides, faulty, fixed, share } = self;
        let asks = sides.asks(pair.name)?;
        let answers = sides.answers(pair.name, &asks, [faulty.base(), fixed.base()], &[])?;
        let answers = match pair.differs {
            "" => answers,
            why => format!("{answers}: {why}"),
        };
        let statements =
            [self.statements(pair, "faulty")?, self.statements(pair, "fixed")?].map(shown);
        let load = |seconds: u64| {
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let seconds = (seconds as f64 * share / 100.0).max(1.0);
            Load { users: pair.users, seconds, headers: &[] }
        };
        let before = sides.load((pair.name, "faulty"), &asks, faulty.base(), load(pair.seconds))?;
        // What was made fast answers enough in less.
        let less = load(pair.seconds.clamp(10, 30));
        let after = sides.load((pair.name, "fixed"), &asks, fixed.base(), less)?;
        let verdict = |measure| sides.verdict(pair.name, ["faulty", "fixed"], measure);
        let (by_p50, by_p95) = (verdict("p50")?, verdict("p95")?);
        Ok(format!(
            "| {} | {} | {} -> {} | {} | {} | {} | {by_p50} | {by_p95} | {answers} |\n",
            pair.name,
            pair.essay,
            statements[0],
            statements[1],
            sides::millis(&before, &after, "p50"),
            sides::millis(&before, &after, "p95"),
            sides::requests(&before, &after),
        ))
    }

    /// Statements of a request, the one with most of them, in the recording.
    fn statements(&self, pair: &Pair, mode: &str) -> Result<Option<u64>, Failure> {
        let recording = format!("proving-ground/recordings/{mode}-{}.otlp.jsonl.gz", pair.name);
        let baseline = self.sides.work.join(format!("{mode}-{}.baseline.json", pair.name));
        fs::remove_file(&baseline).ok();
        let words = ["check", &recording, "--baseline", &text(&baseline), "--update", "--json"];
        self.sides.taut(&format!("statements of {} ({mode})", pair.name), &words)?;
        let read = fs::read_to_string(&baseline).unwrap_or_default();
        let read: Value = serde_json::from_str(&read).unwrap_or_default();
        let services = read["services"].as_object().into_iter().flat_map(|all| all.values());
        let endpoints = services.filter_map(Value::as_object).flat_map(|all| all.values());
        Ok(endpoints.filter_map(|it| it["queries"].as_u64()).max())
    }
}

fn shown(count: Option<u64>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
