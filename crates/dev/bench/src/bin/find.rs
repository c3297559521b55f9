//! Files of traces to findings: Taut, and perf-sentinel if it is installed, over the same files.
//!
//! `find [--spans N] [--rounds N] [--keep FOLDER]`. First how fast, then what each finds in the proving ground's
//! recordings. `--keep` leaves the files there, to measure or look at by hand.
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are small")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bench::{
    children::Run,
    clock::{Spread, Took},
    expected::{self, Expected},
    machine,
    made::{Traffic, Workload},
    peer::Tool,
    recordings, table,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SEED: u64 = 20_261_121;

fn main() -> Outcome<()> {
    let (mut spans, mut rounds, mut keep) = (200_000, 7, None);
    let words: Vec<String> = env::args().skip(1).collect();
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--spans" => spans = value.parse()?,
            [name, value] if name == "--rounds" => rounds = value.parse()?,
            [name, value] if name == "--keep" => keep = Some(PathBuf::from(value)),
            _ => return Err("usage: find [--spans N] [--rounds N] [--keep FOLDER]".into()),
        }
    }
    machine::pin(0)?;
    let taut = Tool::taut()?;
    let peer = Tool::peer();
    let tools: Vec<&Tool> = [Some(&taut), peer.as_ref()].into_iter().flatten().collect();
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    table::say(&format!("{}\none core; {}\n", machine::describe(), names.join(" and ")));
    if peer.is_none() {
        table::say("perf-sentinel is not installed: `cargo xtask bench peer` does that\n");
    }
    let passing = tempfile::tempdir()?;
    let folder = keep.as_deref().unwrap_or_else(|| passing.path());
    fs::create_dir_all(folder)?;
    speed(&tools, (spans, rounds), folder)?;
    verdicts(&tools, folder)
}

/// A file to read, and how many spans are in it.
struct Input {
    name: &'static str,
    path: PathBuf,
    spans: usize,
    /// The peer reads no protobuf.
    ours_only: bool,
}

fn speed(tools: &[&Tool], (spans, rounds): (usize, usize), folder: &Path) -> Outcome<()> {
    let inputs = inputs(spans, folder)?;
    let mut runs: BTreeMap<(usize, usize), Vec<Run>> = BTreeMap::new();
    for _ in 0..rounds {
        for (place, input) in inputs.iter().enumerate() {
            for (number, tool) in tools.iter().enumerate() {
                if input.ours_only && 0 < number {
                    continue;
                }
                let run = tool.find(&input.path, folder)?;
                runs.entry((place, number)).or_default().push(run);
            }
        }
    }
    let mut rows = Vec::new();
    for ((place, number), runs) in &runs {
        let (input, tool) = (&inputs[*place], tools[*number]);
        let seconds = |of: fn(&Took) -> Duration| {
            Spread::of(runs.iter().map(|run| of(&run.took).as_secs_f64()))
        };
        let cpu = seconds(|took| took.cpu);
        let peak = Spread::of(runs.iter().map(|run| run.peak as f64 / 1e6));
        let found = runs.first().map(|run| tool.kinds(run)).transpose()?;
        rows.push(vec![
            input.name.to_owned(),
            tool.name.clone(),
            table::thousands(fs::metadata(&input.path)?.len() / 1_000_000),
            table::spread(cpu, table::fine),
            table::spread(seconds(|took| took.wall), table::fine),
            table::count(input.spans as f64 / cpu.median),
            table::count(peak.median),
            found.map_or(0, |(_, count)| count).to_string(),
        ]);
    }
    table::say(&format!("\nSpeed: {rounds} rounds, taking turns; median (least - most)\n\n"));
    let head = [
        "file",
        "tool",
        "MB",
        "processor s",
        "wall s",
        "spans/s of processor time",
        "MB in memory",
        "findings",
    ];
    table::print(&head, &rows);
    Ok(())
}

fn inputs(spans: usize, folder: &Path) -> Outcome<Vec<Input>> {
    let mut protobuf = Vec::new();
    let mut json = String::new();
    let mut made = 0;
    let mut traffic = Traffic::new(Workload::Mixed, SEED);
    while made < spans {
        let batch = traffic.batch();
        made += batch.len();
        protobuf.extend(observe::otlp::encode(&batch));
        json.push_str(&observe::otlp::encode_json(&batch));
        json.push('\n');
    }
    let (protobuf_path, json_path) = (folder.join("made.otlp"), folder.join("made.otlp.jsonl"));
    fs::write(&protobuf_path, protobuf)?;
    fs::write(&json_path, json)?;
    let recorded = recordings::all()?;
    let lines = recorded.iter().map(|one| observe::otlp::encode_json(&one.spans) + "\n");
    let recorded_path = folder.join("recordings.otlp.jsonl");
    fs::write(&recorded_path, lines.collect::<String>())?;
    let recorded = recorded.iter().map(|one| one.spans.len()).sum();
    Ok(vec![
        Input { name: "made up, OTLP protobuf", path: protobuf_path, spans: made, ours_only: true },
        Input { name: "made up, OTLP JSON", path: json_path, spans: made, ours_only: false },
        Input {
            name: "recordings, OTLP JSON",
            path: recorded_path,
            spans: recorded,
            ours_only: false,
        },
    ])
}

/// What a tool said of the recordings of one mode, all together.
#[derive(Default)]
struct Score {
    must: usize,
    found: usize,
    right: usize,
    wrong: usize,
}

fn verdicts(tools: &[&Tool], folder: &Path) -> Outcome<()> {
    let expected = expected::read()?;
    let mut scores: BTreeMap<(&str, usize), Score> = BTreeMap::new();
    let mut cells: BTreeMap<String, BTreeMap<(&str, usize), String>> = BTreeMap::new();
    for recording in recordings::all()? {
        let path = folder.join("one.otlp.jsonl");
        fs::write(&path, observe::otlp::encode_json(&recording.spans) + "\n")?;
        let [faulty, fixed] = expected.get(&recording.endpoint).cloned().unwrap_or_default();
        let truth = if recording.mode == "fixed" { fixed } else { faulty };
        for (number, tool) in tools.iter().enumerate() {
            let run = tool.find(&path, folder)?;
            let (kinds, _) = tool.kinds(&run)?;
            let score = scores.entry((recording.mode, number)).or_default();
            let cell = judge(tool, kinds.iter().map(String::as_str).collect(), &truth, score);
            let row = cells.entry(recording.endpoint.clone()).or_default();
            row.insert((recording.mode, number), cell);
        }
    }
    print_cells(tools, &cells, &expected);
    print_scores(tools, &scores);
    Ok(())
}

/// The kinds that were found; those that are false alarms are marked.
fn judge(tool: &Tool, kinds: Vec<&str>, truth: &Expected, score: &mut Score) -> String {
    score.must += truth.must.len();
    let found =
        |must: &&String| kinds.iter().any(|kind| tool.meaning(kind).contains(&must.as_str()));
    score.found += truth.must.iter().filter(found).count();
    let mut cell = Vec::new();
    for kind in kinds {
        if tool.meaning(kind).into_iter().any(|fault| truth.is_true(fault)) {
            score.right += 1;
            cell.push(kind.to_owned());
        } else {
            score.wrong += 1;
            cell.push(format!("**{kind}**"));
        }
    }
    if cell.is_empty() { "–".to_owned() } else { cell.join(", ") }
}

fn print_cells(
    tools: &[&Tool],
    cells: &BTreeMap<String, BTreeMap<(&str, usize), String>>,
    expected: &BTreeMap<String, [Expected; 2]>,
) {
    let columns: Vec<(&str, usize)> =
        (0..tools.len()).flat_map(|number| [("faulty", number), ("fixed", number)]).collect();
    let heads: Vec<String> = columns
        .iter()
        .map(|(mode, number)| {
            let name = tools[*number].name.split(' ').next().unwrap_or_default();
            format!("{name}, {mode}")
        })
        .collect();
    let mut head = vec!["endpoint", "must be found"];
    head.extend(heads.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = cells
        .iter()
        .map(|(endpoint, found)| {
            let must = expected.get(endpoint).map(|[faulty, _]| faulty.must.join(", "));
            let must = must.filter(|must| !must.is_empty()).unwrap_or_else(|| "–".to_owned());
            let cell = |column| found.get(column).cloned().unwrap_or_default();
            [endpoint.clone(), must].into_iter().chain(columns.iter().map(cell)).collect()
        })
        .collect();
    table::say("\nKinds of findings by endpoint, old conventions; **false alarms** stand out\n\n");
    table::print(&head, &rows);
}

fn print_scores(tools: &[&Tool], scores: &BTreeMap<(&str, usize), Score>) {
    let rows: Vec<Vec<String>> = scores
        .iter()
        .map(|((mode, number), score)| {
            vec![
                tools[*number].name.clone(),
                (*mode).to_owned(),
                format!("{} of {}", score.found, score.must),
                score.right.to_string(),
                score.wrong.to_string(),
            ]
        })
        .collect();
    table::say("\nIn all\n\n");
    let head =
        ["tool", "recordings", "found of what must be", "kinds that are true", "false alarms"];
    table::print(&head, &rows);
}
