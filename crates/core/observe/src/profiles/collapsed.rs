//! Collapsed stacks: a line a stack, its frames between semicolons, then a number.
//!
//! What `stackcollapse-*.pl`, `inferno`, `py-spy record -f raw` and async-profiler write.

use model::{Profile, ProfileUnit};

use super::{Malformed, ProfileFormat, stacks::Stacks};

pub(super) static FORMAT: ProfileFormat = ProfileFormat {
    name: "collapsed",
    title: "collapsed stacks",
    doc: "A line a stack: frames between semicolons, a space, how often. What `stackcollapse-*.pl`, inferno, \
          `py-spy record -f raw` and async-profiler write.",
    sniff,
    read,
};

/// Lines that are looked at to tell the format.
const LINES_LOOKED_AT: usize = 20;

fn sniff(bytes: &[u8]) -> bool {
    // The first line may be a stack of any depth.
    let line = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let beginning = bytes.get(..line.max(64 * 1024)).unwrap_or(bytes);
    if beginning.contains(&0) {
        return false;
    }
    // The last line of what is looked at may be cut.
    let text = String::from_utf8_lossy(beginning);
    let all: Vec<&str> =
        text.lines().filter(|line| !is_blank(line)).take(LINES_LOOKED_AT).collect();
    let whole =
        if beginning.len() < bytes.len() && 1 < all.len() { all.len() - 1 } else { all.len() };
    let told = all.get(..whole).unwrap_or_default();
    let fitting = told.iter().filter(|line| split(line).is_some()).count();
    0 < fitting && told.len() <= fitting * 2
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// The stack and its number.
fn split(line: &str) -> Option<(&str, u64)> {
    let (stack, number) = line.trim_end().rsplit_once([' ', '\t'])?;
    let stack = stack.trim_end();
    // Some tools weigh samples, and write fractions.
    let count = number.parse::<u64>().ok().or_else(|| fraction(number))?;
    (!stack.is_empty()).then_some((stack, count))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
fn fraction(number: &str) -> Option<u64> {
    let value = number.parse::<f64>().ok()?;
    (0.0..1e18).contains(&value).then(|| value.round() as u64)
}

fn read(bytes: &[u8]) -> Result<Vec<Profile>, Malformed> {
    let text = String::from_utf8_lossy(bytes);
    let mut stacks = Stacks::new();
    let mut stack: Vec<u32> = Vec::new();
    let mut odd = 0_usize;
    for line in text.lines().filter(|line| !is_blank(line)) {
        let Some((frames, count)) = split(line) else {
            odd += 1;
            continue;
        };
        stack.clear();
        for frame in frames.split(';').map(str::trim).filter(|frame| !frame.is_empty()) {
            let (name, file, line) = parts(frame);
            stack.push(stacks.function(name, file, line));
        }
        stacks.add(&stack, count, count);
    }
    let mut profile = stacks.finish("stacks", ProfileUnit::Count);
    if 0 < odd {
        profile.notes.push(format!("{odd} lines are no stacks and were left out"));
    }
    Ok(vec![profile])
}

/// `render (shop/views.py:12)`, as py-spy writes it; anything else is a name by itself.
pub(super) fn parts(frame: &str) -> (&str, &str, u32) {
    let place = frame.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    if let Some((name, place)) = place {
        if let Some((file, line)) = place.rsplit_once(':')
            && let Ok(line) = line.parse()
        {
            return (name, file, line);
        }
        if place.contains(['/', '\\', '.']) {
            return (name, place, 0);
        }
    }
    (frame, "", 0)
}
