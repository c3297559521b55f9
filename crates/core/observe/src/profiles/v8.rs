//! What V8 writes of where time goes: `node --cpu-prof`, and "save profile" of Chrome's developer tools.
//!
//! Nodes of a call tree, and which of them was met at which sample. A sample lasts until the next one. Format:
//! <https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile>.

use std::collections::BTreeMap;

use model::{Profile, ProfileUnit};
use serde::Deserialize;
use stats::tree::{Merge, Side};

use super::{
    DEPTH_MAX, FUNCTIONS_MAX, Malformed, ProfileFormat,
    stacks::{Stacks, nanos},
};
use crate::reading::keys;

pub(super) static FORMAT: ProfileFormat = ProfileFormat {
    name: "cpuprofile",
    title: "V8 CPU profile",
    doc: "What `node --cpu-prof` writes, and what Chrome's developer tools and VS Code save as `.cpuprofile`. Idle time is left \
          out, and told.",
    sniff,
    read,
};

fn sniff(bytes: &[u8]) -> bool {
    keys::has(bytes, 1, "nodes") && keys::has(bytes, 3, "callFrame")
}

/// A call tree with its samples; parts of one come in chunks in files of Chrome's tracing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CpuProfile {
    #[serde(default)]
    pub(super) nodes: Vec<CpuNode>,
    #[serde(default)]
    pub(super) samples: Vec<u64>,
    /// Microseconds since the sample before.
    #[serde(default)]
    pub(super) time_deltas: Vec<f64>,
    #[serde(default)]
    start_time: f64,
    #[serde(default)]
    end_time: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CpuNode {
    id: u64,
    call_frame: CallFrame,
    #[serde(default)]
    children: Vec<u64>,
    #[serde(default)]
    parent: Option<u64>,
    #[serde(default)]
    hit_count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallFrame {
    function_name: String,
    #[serde(default)]
    url: String,
    /// Counted from 0; below that where there is none.
    #[serde(default = "no_line")]
    line_number: i64,
}

fn no_line() -> i64 {
    -1
}

/// What was met at how many samples, and for how long.
#[derive(Debug, Clone, Copy, Default)]
struct Met {
    samples: u64,
    nanos: u64,
}

fn read(bytes: &[u8]) -> Result<Vec<Profile>, Malformed> {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let wire: CpuProfile =
        serde_json::from_slice(plain).map_err(|error| Malformed(error.to_string()))?;
    if FUNCTIONS_MAX < wire.nodes.len() {
        return Err(Malformed(format!("more than {FUNCTIONS_MAX} nodes")));
    }
    Ok(vec![profile(&wire, "cpu")])
}

/// The profile of a call tree and its samples.
pub(super) fn profile(cpu: &CpuProfile, title: &str) -> Profile {
    let places: BTreeMap<u64, usize> =
        cpu.nodes.iter().enumerate().map(|(place, node)| (node.id, place)).collect();
    let (met, is_timed) = met(cpu, &places);
    let below = below(&cpu.nodes, &places);
    let mut stacks = Stacks::new();
    let idle = grow(&cpu.nodes, &met, &below, &mut stacks, is_timed);
    let unit = if is_timed { ProfileUnit::Nanos } else { ProfileUnit::Count };
    let mut profile = stacks.finish(title, unit);
    if 0 < idle.nanos {
        let millis = idle.nanos / 1_000_000;
        profile.notes.push(format!("{millis} ms in which nothing ran are left out"));
    }
    profile
}

/// What each node was met for, and whether that is time; without samples their counts are all that is known.
fn met(cpu: &CpuProfile, places: &BTreeMap<u64, usize>) -> (Vec<Met>, bool) {
    let mut met = vec![Met::default(); cpu.nodes.len()];
    let is_timed = !cpu.samples.is_empty() && !cpu.time_deltas.is_empty();
    if !is_timed {
        for (met, node) in met.iter_mut().zip(&cpu.nodes) {
            met.samples = node.hit_count;
        }
        return (met, false);
    }
    let passed: f64 = cpu.time_deltas.iter().sum();
    let rest = cpu.end_time - cpu.start_time - passed;
    for (number, sample) in cpu.samples.iter().enumerate() {
        let Some(place) = places.get(sample) else { continue };
        let micros = cpu.time_deltas.get(number + 1).copied().unwrap_or(rest);
        met[*place].samples += 1;
        met[*place].nanos = met[*place].nanos.saturating_add(nanos(micros / 1e6));
    }
    (met, true)
}

/// The children of each node, and the nodes without parent; nobody has two parents.
#[derive(Debug)]
struct Below {
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
}

fn below(nodes: &[CpuNode], places: &BTreeMap<u64, usize>) -> Below {
    let mut children = vec![Vec::new(); nodes.len()];
    let mut is_root = vec![true; nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        let told = node.children.iter().map(|child| (place, places.get(child).copied()));
        let own = node.parent.and_then(|parent| places.get(&parent)).map(|it| (*it, Some(place)));
        for (parent, child) in told.chain(own) {
            if let Some(child) = child
                && std::mem::take(&mut is_root[child])
            {
                children[parent].push(child);
            }
        }
    }
    let roots = (0..nodes.len()).filter(|place| is_root[*place]).collect();
    Below { children, roots }
}

/// Puts all nodes into the tree, parents before children; gives how long nothing ran.
fn grow(nodes: &[CpuNode], met: &[Met], below: &Below, stacks: &mut Stacks, is_timed: bool) -> Met {
    /// A node, and under which of those that were seen it hangs.
    struct Open {
        place: usize,
        above: Option<usize>,
    }
    /// A node that was seen: its place in the tree, how deep that is, and samples of itself and of all below it.
    struct Seen {
        node: u32,
        depth: usize,
        above: Option<usize>,
        own: Met,
        samples: u64,
    }
    let mut idle = Met::default();
    let roots = below.roots.iter().rev();
    let mut open: Vec<Open> = roots.map(|root| Open { place: *root, above: None }).collect();
    let mut seen: Vec<Seen> = Vec::with_capacity(nodes.len());
    while let Some(Open { place, above }) = open.pop() {
        let (frame, own) = (&nodes[place].call_frame, met[place]);
        if frame.function_name == "(idle)" {
            idle.nanos = idle.nanos.saturating_add(own.nanos);
            continue;
        }
        let (over, depth) = above.map_or((Merge::TOP, 0), |it| (seen[it].node, seen[it].depth));
        let is_shown = frame.function_name != "(root)" && depth < DEPTH_MAX;
        let child = if is_shown {
            let function = number(frame, stacks);
            stacks.merge().child(over, function)
        } else {
            None
        };
        let depth = depth + usize::from(child.is_some());
        let node = child.unwrap_or(over);
        let number = seen.len();
        seen.push(Seen { node, depth, above, own, samples: own.samples });
        let children = below.children[place].iter().rev();
        open.extend(children.map(|child| Open { place: *child, above: Some(number) }));
    }
    for number in (0..seen.len()).rev() {
        let Seen { node, above, own, samples, .. } = seen[number];
        if let Some(above) = above {
            seen[above].samples += samples;
        }
        // What found no place of its own counts for the one above.
        let has_own = above.is_none_or(|above| seen[above].node != node);
        if node != Merge::TOP {
            let nanos = if is_timed { own.nanos } else { own.samples };
            stacks.merge().add(node, Side::Before, if has_own { samples } else { 0 }, nanos);
        }
    }
    idle
}

fn number(frame: &CallFrame, stacks: &mut Stacks) -> u32 {
    let name = frame.function_name.as_str();
    let name = if name.is_empty() { "(anonymous)" } else { name };
    let file = frame.url.strip_prefix("file://").unwrap_or(&frame.url);
    let line = u32::try_from(frame.line_number.saturating_add(1)).unwrap_or(0);
    stacks.function(name, file, line)
}
