//! What `perf script` prints: a line about each sample, and its stack below, the innermost first.
//!
//! Lines are told by their shape, since options of `perf script` add and take away columns.

use std::collections::BTreeMap;

use model::{Profile, ProfileUnit};

use super::{Malformed, PROFILES_MAX, ProfileFormat, stacks::Stacks};

pub(super) static FORMAT: ProfileFormat = ProfileFormat {
    name: "perf-script",
    title: "perf script",
    doc: "What `perf script` prints after `perf record -g`: samples with their stacks below the name of the program, a profile an \
          event.",
    sniff,
    read,
};

/// Lines that are looked at to tell the format.
const LINES_LOOKED_AT: usize = 200;

fn sniff(bytes: &[u8]) -> bool {
    let beginning = bytes.get(..64 * 1024).unwrap_or(bytes);
    if beginning.contains(&0) {
        return false;
    }
    let text = String::from_utf8_lossy(beginning);
    let mut lines = text.lines().filter(|line| !is_blank(line)).take(LINES_LOOKED_AT);
    let Some(first) = lines.next().and_then(head) else { return false };
    first.inline.is_some() || lines.next().is_some_and(|line| frame(line).is_some())
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// The line about a sample.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    program: &'a str,
    event: &'a str,
    /// Without stacks the only frame stands in the same line.
    inline: Option<Frame<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame<'a> {
    name: &'a str,
    object: &'a str,
}

/// `shop 4711/4712 [001] 12.345678:     250000 cpu-clock:pppH: `, where the processor and the period may be missing.
fn head(line: &str) -> Option<Head<'_>> {
    let (before, after) = line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")))?;
    let (rest, time) = before.trim().rsplit_once(' ')?;
    time.parse::<f64>().ok()?;
    let rest = rest.trim_end();
    let rest = match rest.rsplit_once(' ') {
        Some((rest, cpu)) if cpu.starts_with('[') && cpu.ends_with(']') => rest.trim_end(),
        _ => rest,
    };
    let (program, id) = rest.rsplit_once(' ')?;
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !id.trim_start_matches('-').split('/').all(is_id) {
        return None;
    }
    let after = after.trim_start();
    let after = match after.split_once(' ') {
        Some((period, rest)) if is_id(period) => rest.trim_start(),
        _ => after,
    };
    let (event, inline) = after.split_once(' ').unwrap_or((after, ""));
    let event = event.strip_suffix(':')?;
    Some(Head { program: program.trim(), event, inline: frame(inline) })
}

/// `    7f3a51c2 handle_request+0x1f (/usr/bin/shop)`.
fn frame(line: &str) -> Option<Frame<'_>> {
    let (address, rest) = line.trim().split_once(' ')?;
    if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let (symbol, object) = rest.trim().strip_suffix(')')?.rsplit_once(" (")?;
    let symbol = symbol.trim();
    let name = match symbol.rsplit_once("+0x") {
        Some((name, offset)) if offset.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => symbol,
    };
    Some(Frame { name, object })
}

/// The samples of an event.
#[derive(Default)]
struct Samples {
    stacks: Option<Stacks>,
}

fn read(bytes: &[u8]) -> Result<Vec<Profile>, Malformed> {
    let text = String::from_utf8_lossy(bytes);
    let mut events: BTreeMap<&str, Samples> = BTreeMap::new();
    let mut now: Option<Head<'_>> = None;
    let mut frames: Vec<Frame<'_>> = Vec::new();
    let (mut odd, mut left) = (0_usize, 0_usize);
    // A blank line after the last one ends the last sample.
    for line in text.lines().chain([""]).filter(|line| !line.starts_with('#')) {
        if let Some(frame) = frame(line).filter(|_| now.is_some()) {
            frames.push(frame);
            continue;
        }
        let next = head(line);
        if line.trim().is_empty() || next.is_some() {
            if let Some(head) = now.take() {
                let is_known = events.contains_key(head.event);
                if is_known || events.len() < PROFILES_MAX {
                    add(events.entry(head.event).or_default(), &head, &frames);
                } else {
                    left += 1;
                }
            }
            frames.clear();
        } else if now.is_none() {
            odd += 1;
        }
        if let Some(next) = next {
            frames.extend(next.inline);
            now = Some(next);
        }
    }
    let mut profiles: Vec<Profile> = events
        .into_iter()
        .filter_map(|(event, samples)| Some(samples.stacks?.finish(event, ProfileUnit::Count)))
        .collect();
    // What was sampled most is what somebody wanted to see.
    profiles.sort_by_key(|profile| {
        let roots = profile.tree.iter().filter(|node| node.depth == 0);
        std::cmp::Reverse(roots.map(|node| node.total).sum::<u64>())
    });
    if let Some(first) = profiles.first_mut() {
        if 0 < odd {
            first.notes.push(format!("{odd} lines belong to no sample and were left out"));
        }
        if 0 < left {
            first.notes.push(format!("{left} samples of further events were left out"));
        }
    }
    Ok(profiles)
}

fn add(samples: &mut Samples, head: &Head<'_>, frames: &[Frame<'_>]) {
    let stacks = samples.stacks.get_or_insert_with(Stacks::new);
    let mut stack = vec![stacks.function(head.program, "", 0)];
    for frame in frames.iter().rev() {
        let number = if frame.name == "[unknown]" {
            let file = frame.object.rsplit('/').next().unwrap_or(frame.object);
            stacks.function(&format!("unknown in {file}"), frame.object, 0)
        } else {
            stacks.function(frame.name, frame.object, 0)
        };
        stack.push(number);
    }
    stacks.add(&stack, 1, 1);
}
