//! speedscope's own JSON: frames shared by several profiles, each of samples or of functions that open and close.
//!
//! Schema: <https://www.speedscope.app/file-format-schema.json>.

use model::{Profile, ProfileUnit};
use serde::Deserialize;
use stats::tree::{Merge, Side};

use super::{DEPTH_MAX, FUNCTIONS_MAX, Malformed, PROFILES_MAX, ProfileFormat, stacks::Stacks};
use crate::reading::keys;

pub(super) static FORMAT: ProfileFormat = ProfileFormat {
    name: "speedscope",
    title: "speedscope JSON",
    doc: "What speedscope saves, and `py-spy record -f speedscope`, rbspy, dotnet-trace and others write. Sampled and evented; \
          a profile a thread.",
    sniff,
    read,
};

fn sniff(bytes: &[u8]) -> bool {
    let schema = b"speedscope.app/file-format-schema.json";
    let beginning = bytes.get(..4096).unwrap_or(bytes);
    keys::is_json(bytes)
        && (memchr::memmem::find(beginning, schema).is_some()
            || (keys::has(bytes, 1, "shared") && keys::has(bytes, 2, "frames")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    shared: Shared,
    profiles: Vec<WireProfile>,
    #[serde(default)]
    active_profile_index: Option<usize>,
}

#[derive(Deserialize)]
struct Shared {
    frames: Vec<WireFrame>,
}

#[derive(Deserialize)]
struct WireFrame {
    name: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    line: Option<f64>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum WireProfile {
    #[serde(rename_all = "camelCase")]
    Sampled { name: String, unit: String, samples: Vec<Vec<usize>>, weights: Vec<f64> },
    #[serde(rename_all = "camelCase")]
    Evented { name: String, unit: String, start_value: f64, events: Vec<WireEvent> },
}

#[derive(Deserialize)]
struct WireEvent {
    #[serde(rename = "type")]
    kind: String,
    at: f64,
    frame: usize,
}

fn read(bytes: &[u8]) -> Result<Vec<Profile>, Malformed> {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let wire: Wire = serde_json::from_slice(plain).map_err(|error| Malformed(error.to_string()))?;
    if FUNCTIONS_MAX < wire.shared.frames.len() {
        return Err(Malformed(format!("more than {FUNCTIONS_MAX} frames")));
    }
    let mut profiles = Vec::new();
    for profile in wire.profiles.iter().take(PROFILES_MAX) {
        profiles.push(one(profile, &wire.shared.frames)?);
    }
    if PROFILES_MAX < wire.profiles.len()
        && let Some(first) = profiles.first_mut()
    {
        let left = wire.profiles.len() - PROFILES_MAX;
        first.notes.push(format!("{left} more profiles of the file were left out"));
    }
    let active = wire.active_profile_index.unwrap_or(0);
    if active < profiles.len() {
        let first = profiles.remove(active);
        profiles.insert(0, first);
    }
    Ok(profiles)
}

fn one(profile: &WireProfile, frames: &[WireFrame]) -> Result<Profile, Malformed> {
    let mut stacks = Stacks::new();
    let mut numbers: Vec<Option<u32>> = vec![None; frames.len()];
    let mut number = |place: usize, stacks: &mut Stacks| {
        let frame = frames.get(place);
        let frame = frame.ok_or_else(|| Malformed(format!("frame {place} is not there")))?;
        let known = numbers[place].unwrap_or_else(|| {
            let file = frame.file.as_deref().unwrap_or_default();
            let line = u32::try_from(whole(frame.line.unwrap_or(0.0), 1.0)).unwrap_or(0);
            stacks.function(&frame.name, file, line)
        });
        numbers[place] = Some(known);
        Ok::<u32, Malformed>(known)
    };
    match profile {
        WireProfile::Sampled { name, unit, samples, weights } => {
            let (unit, factor) = unit_of(unit);
            let mut stack = Vec::new();
            for (sample, weight) in samples.iter().zip(weights) {
                stack.clear();
                for place in sample {
                    stack.push(number(*place, &mut stacks)?);
                }
                stacks.add(&stack, 1, whole(*weight, factor));
            }
            let mut profile = stacks.finish(name, unit);
            if samples.len() != weights.len() {
                profile.notes.push("there are not as many weights as samples".to_owned());
            }
            Ok(profile)
        }
        WireProfile::Evented { name, unit, start_value, events } => {
            let (unit, factor) = unit_of(unit);
            let odd = events_into(&mut stacks, &mut number, events, (*start_value, factor))?;
            let mut profile = stacks.finish(name, unit);
            if 0 < odd {
                profile.notes.push(format!("{odd} functions were closed that were not open"));
            }
            Ok(profile)
        }
    }
}

/// Walks the events; the time between two belongs to the function that was open last. Gives how many were closed that
/// were not open.
fn events_into(
    stacks: &mut Stacks,
    number: &mut impl FnMut(usize, &mut Stacks) -> Result<u32, Malformed>,
    events: &[WireEvent],
    (start, factor): (f64, f64),
) -> Result<u64, Malformed> {
    /// A function that is open: its place in the tree, and in the list of frames.
    struct Open {
        node: u32,
        frame: usize,
    }
    let mut open: Vec<Open> = Vec::new();
    let mut before = start;
    let mut odd = 0;
    for event in events {
        let here = open.last().map_or(Merge::TOP, |one| one.node);
        if here != Merge::TOP {
            stacks.merge().add(here, Side::Before, 0, whole(event.at - before, factor));
        }
        before = event.at;
        match event.kind.as_str() {
            "O" => {
                let function = number(event.frame, stacks)?;
                let fits = open.len() < DEPTH_MAX;
                let made = if fits { stacks.merge().child(here, function) } else { None };
                if let Some(made) = made {
                    stacks.merge().add(made, Side::Before, 1, 0);
                }
                open.push(Open { node: made.unwrap_or(here), frame: event.frame });
            }
            // What was opened within and never closed ends with it.
            _ => match open.iter().rposition(|one| one.frame == event.frame) {
                Some(place) => open.truncate(place),
                None => odd += 1,
            },
        }
    }
    Ok(odd)
}

fn unit_of(text: &str) -> (ProfileUnit, f64) {
    match text {
        "nanoseconds" => (ProfileUnit::Nanos, 1.0),
        "microseconds" => (ProfileUnit::Nanos, 1e3),
        "milliseconds" => (ProfileUnit::Nanos, 1e6),
        "seconds" => (ProfileUnit::Nanos, 1e9),
        "bytes" => (ProfileUnit::Bytes, 1.0),
        _ => (ProfileUnit::Count, 1.0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below zero is zero; it saturates"
)]
fn whole(value: f64, factor: f64) -> u64 {
    (value * factor).round() as u64
}
