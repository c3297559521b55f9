//! Chrome's trace events: what opens and closes on threads, and CPU profiles that come in chunks between them.
//!
//! Format: "Trace Event Format" of the Chromium project. A list may end without its bracket, as programs do that crash.

use std::collections::BTreeMap;

use model::{Profile, ProfileUnit};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use stats::tree::{Merge, Side};

use super::{
    DEPTH_MAX, FUNCTIONS_MAX, Malformed, PROFILES_MAX, ProfileFormat,
    collapsed::parts,
    stacks::{Stacks, nanos},
    v8::{self, CpuProfile},
};
use crate::reading::keys;

pub(super) static FORMAT: ProfileFormat = ProfileFormat {
    name: "trace-events",
    title: "Chrome trace events",
    doc: "JSON that viztracer, Chrome's developer tools, clang's `-ftime-trace` and many others write: `B`, `E` and `X` events, a \
          profile a thread; and the CPU profiles that Chrome puts between them.",
    sniff,
    read,
};

fn sniff(bytes: &[u8]) -> bool {
    let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    keys::has(bytes, 1, "traceEvents") || (is_list && keys::has(bytes, 2, "ph"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    trace_events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    name: String,
    #[serde(default)]
    ph: String,
    /// Microseconds.
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    dur: f64,
    #[serde(default, deserialize_with = "name_or_number")]
    pid: String,
    #[serde(default, deserialize_with = "name_or_number")]
    tid: String,
    #[serde(default, deserialize_with = "name_or_number")]
    id: String,
    #[serde(default)]
    args: Args,
}

/// What an event says besides; only what is understood here is kept.
#[derive(Deserialize)]
#[serde(untagged)]
enum Args {
    Chunk { data: Chunk },
    Name { name: String },
    Other(IgnoredAny),
}

impl Default for Args {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    cpu_profile: CpuProfile,
    #[serde(default)]
    time_deltas: Vec<f64>,
}

fn name_or_number<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Text(String),
        Whole(i64),
        Other(IgnoredAny),
    }
    Ok(match Told::deserialize(input)? {
        Told::Text(text) => text,
        Told::Whole(number) => number.to_string(),
        Told::Other(IgnoredAny) => String::new(),
    })
}

/// What is known of a thread.
#[derive(Default)]
struct Thread {
    name: String,
    spans: Vec<Stretch>,
    /// What began and has not ended: function and moment, in microseconds.
    open: Vec<(String, f64)>,
    last: f64,
}

/// Something that took from when to when, in microseconds.
struct Stretch {
    name: String,
    from: f64,
    to: f64,
}

fn read(bytes: &[u8]) -> Result<Vec<Profile>, Malformed> {
    let mut events = events(bytes)?;
    // Equal moments stay in the order of the file: what closes there closes before the next opens.
    events.sort_by(|one, other| one.ts.total_cmp(&other.ts));
    let mut threads: BTreeMap<(String, String), Thread> = BTreeMap::new();
    let mut chunks: BTreeMap<(String, String), CpuProfile> = BTreeMap::new();
    for event in events {
        if let Args::Chunk { data } = event.args {
            let whole = chunks.entry((event.pid, event.id)).or_default();
            if whole.nodes.len() + data.cpu_profile.nodes.len() <= FUNCTIONS_MAX {
                whole.nodes.extend(data.cpu_profile.nodes);
                whole.samples.extend(data.cpu_profile.samples);
                whole.time_deltas.extend(data.time_deltas);
            }
            continue;
        }
        threads.entry((event.pid.clone(), event.tid.clone())).or_default().take(event);
    }
    let mut profiles: Vec<Profile> = chunks
        .iter()
        .map(|((pid, _), cpu)| v8::profile(cpu, &format!("cpu of process {pid}")))
        .filter(|profile| !profile.functions.is_empty())
        .collect();
    let mut timed: Vec<Profile> =
        threads.into_iter().filter_map(|((pid, tid), thread)| thread.profile(&pid, &tid)).collect();
    // The busiest thread first.
    timed.sort_by_key(|profile| std::cmp::Reverse(total(profile)));
    profiles.extend(timed);
    let left = profiles.len().saturating_sub(PROFILES_MAX);
    profiles.truncate(PROFILES_MAX);
    if 0 < left
        && let Some(first) = profiles.first_mut()
    {
        first.notes.push(format!("{left} more threads of the file were left out"));
    }
    Ok(profiles)
}

fn events(bytes: &[u8]) -> Result<Vec<Event>, Malformed> {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    let malformed = |error: serde_json::Error| Malformed(error.to_string());
    if plain.first() != Some(&b'[') {
        return serde_json::from_slice(plain).map(|it: Wire| it.trace_events).map_err(malformed);
    }
    if plain.last() == Some(&b']') {
        return serde_json::from_slice(plain).map_err(malformed);
    }
    let cut = plain.strip_suffix(b",").unwrap_or(plain);
    serde_json::from_slice(&[cut, b"]"].concat()).map_err(malformed)
}

fn total(profile: &Profile) -> u64 {
    profile.tree.iter().filter(|node| node.depth == 0).map(|node| node.total).sum()
}

impl Thread {
    fn take(&mut self, event: Event) {
        self.last = self.last.max(event.ts + event.dur.max(0.0));
        match event.ph.as_str() {
            "X" => self.spans.push(Stretch {
                name: event.name,
                from: event.ts,
                to: event.ts + event.dur.max(0.0),
            }),
            "B" => self.open.push((event.name, event.ts)),
            "E" => {
                if let Some((name, from)) = self.open.pop() {
                    self.spans.push(Stretch { name, from, to: event.ts });
                }
            }
            "M" if event.name == "thread_name" => {
                if let Args::Name { name } = event.args {
                    self.name = name;
                }
            }
            _ => {}
        }
    }

    /// What took how long on it; `None` if nothing did.
    fn profile(mut self, pid: &str, tid: &str) -> Option<Profile> {
        let (unended, last) = (self.open.len(), self.last);
        let open = self.open.drain(..);
        self.spans.extend(open.map(|(name, from)| Stretch { name, from, to: last }));
        if self.spans.is_empty() {
            return None;
        }
        // What contains comes before what it contains.
        self.spans.sort_by(|one, other| {
            one.from.total_cmp(&other.from).then(other.to.total_cmp(&one.to))
        });
        let mut stacks = Stacks::new();
        nest(&self.spans, &mut stacks);
        let named = if self.name.is_empty() { "thread".to_owned() } else { self.name };
        let title = format!("{named} {tid} of process {pid}");
        let mut profile = stacks.finish(title.trim(), ProfileUnit::Nanos);
        if 0 < unended {
            profile.notes.push(format!("{unended} that had not ended count until the last event"));
        }
        Some(profile)
    }
}

/// A place in the tree, until when it is open, and up to where its own time is told.
struct Open {
    node: u32,
    to: f64,
    told: f64,
}

/// Puts stretches into the tree; time belongs to the innermost of those that are open.
fn nest(spans: &[Stretch], stacks: &mut Stacks) {
    let mut open: Vec<Open> = Vec::new();
    for span in spans {
        close(&mut open, stacks, span.from);
        let (name, file, line) = parts(&span.name);
        let function = stacks.function(name, file, line);
        let (above, most) = match open.last_mut() {
            Some(last) => {
                let own = nanos((span.from - last.told) / 1e6);
                last.told = last.told.max(span.from);
                stacks.merge().add(last.node, Side::Before, 0, own);
                (last.node, last.to)
            }
            None => (Merge::TOP, f64::INFINITY),
        };
        let fits = open.len() < DEPTH_MAX;
        let made = if fits { stacks.merge().child(above, function) } else { None };
        let Some(node) = made else { continue };
        stacks.merge().add(node, Side::Before, 1, 0);
        open.push(Open { node, to: span.to.min(most), told: span.from });
    }
    close(&mut open, stacks, f64::INFINITY);
}

/// Ends what is open until then.
fn close(open: &mut Vec<Open>, stacks: &mut Stacks, until: f64) {
    while let Some(last) = open.pop_if(|last| last.to <= until) {
        stacks.merge().add(last.node, Side::Before, 0, nanos((last.to - last.told) / 1e6));
        if let Some(above) = open.last_mut() {
            above.told = above.told.max(last.to);
        }
    }
}
