//! pstats, what Python's cProfile and profile write: functions, and for each who called it directly.
//!
//! That is no tree. One is made the way everybody makes it: what a function took below one of its callers is shared out
//! in proportion to what that caller's calls of it took. Where the same function is slow for one and quick for the other
//! this is wrong further down, and [`TreeBasis::Estimated`] says so.

use std::collections::BTreeMap;

use model::{Profile, ProfileFunction, ProfileUnit, Text, TreeBasis};
use stats::tree::{Merge, Side};

use super::{
    FUNCTIONS_MAX, Malformed, NODES_MAX, ProfileFormat,
    marshal::{self, Value},
    stacks::{nanos, node},
};

pub(super) static FORMAT: ProfileFormat = ProfileFormat {
    name: "pstats",
    title: "cProfile statistics (pstats)",
    doc: "What `python -m cProfile -o FILE` and `profile.dump_stats` write, from Python 2.7 on. It holds who called whom \
          directly and no whole stacks: call trees and flame graphs of it are estimates, and say so.",
    sniff,
    read,
};

/// Callers in all: a hostile file could give each function the same long list.
const EDGES_MAX: usize = 2_000_000;

/// Share of all time below which a branch is not followed: nobody sees a box that is a hundredth of a pixel wide.
const SHARE_MIN: f64 = 1e-5;

/// Levels that are followed; further down an estimate is worth nothing.
const LEVELS_MAX: usize = 200;

/// A dict whose first key is a tuple. JSON, which begins with the same sign, never goes on like that.
fn sniff(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{' | 0xfb, b'(' | b')' | 0xa8 | 0xa9 | b'0', ..])
}

/// What one function did on behalf of another.
#[derive(Debug, Clone, Copy)]
struct Edge {
    called: usize,
    calls: u64,
    /// In the called function and below; `None` where only calls were counted.
    cumulative: Option<f64>,
}

/// Callers as they stand in the file: by function, and not yet looked up.
type Callers = Vec<(usize, Value)>;

fn read(bytes: &[u8]) -> Result<Vec<Profile>, Malformed> {
    let Value::Dict(entries) = marshal::read(bytes)? else {
        return Err(Malformed("no table of functions".to_owned()));
    };
    if FUNCTIONS_MAX < entries.len() {
        return Err(Malformed(format!("more than {FUNCTIONS_MAX} functions")));
    }
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    let mut functions: Vec<ProfileFunction> = Vec::with_capacity(entries.len());
    let mut callers: Callers = Vec::new();
    for (key, value) in entries.iter() {
        let key = Key::of(key)?;
        let Value::Tuple(figures) = value else { return Err(odd(&key)) };
        let [primitive, calls, own, cumulative, from] = &**figures else { return Err(odd(&key)) };
        callers.push((functions.len(), from.clone()));
        functions.push(ProfileFunction {
            name: key.name.clone(),
            file: key.shown_file(),
            line: key.line,
            calls: whole(calls),
            primitive_calls: whole(primitive),
            own: seconds(own).map_or(0, nanos),
            cumulative: seconds(cumulative).map_or(0, nanos),
        });
        places.insert(key, functions.len() - 1);
    }
    let called = edges(&callers, &places, functions.len())?;
    Ok(vec![finish(functions, &called)])
}

fn finish(functions: Vec<ProfileFunction>, called: &Called) -> Profile {
    let tree = estimate(&functions, called);
    let mut notes = Vec::new();
    if 0 < tree.left_out {
        notes.push(format!(
            "past {NODES_MAX} places in the tree time counts where it was called from"
        ));
    }
    Profile {
        title: Text::const_new("time"),
        unit: ProfileUnit::Nanos,
        functions,
        tree: tree.branches.iter().map(node).collect(),
        basis: TreeBasis::Estimated,
        notes,
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    file: Text,
    line: u32,
    name: Text,
}

impl Key {
    fn of(value: &Value) -> Result<Self, Malformed> {
        let no_function = || Malformed("a key that is no function".to_owned());
        let Value::Tuple(parts) = value else { return Err(no_function()) };
        let [Value::Text(file), Value::Int(line), Value::Text(name)] = &**parts else {
            return Err(no_function());
        };
        let line = u32::try_from(*line).unwrap_or(0);
        Ok(Self { file: Text::from(&**file), line, name: Text::from(&**name) })
    }

    /// Functions that are built in have `~` for a file.
    fn shown_file(&self) -> Text {
        if self.file == "~" { Text::default() } else { self.file.clone() }
    }
}

fn odd(key: &Key) -> Malformed {
    let name: String = key.name.chars().take(60).collect();
    Malformed(format!("`{name}` has not the five figures of a function"))
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "whole seconds of a run")]
fn seconds(value: &Value) -> Option<f64> {
    match value {
        Value::Float(seconds) if seconds.is_finite() => Some(*seconds),
        Value::Int(seconds) => Some(*seconds as f64),
        _ => None,
    }
}

/// By caller: what it called. And whether each function was called by another at all.
struct Called {
    by: Vec<Vec<Edge>>,
    is_root: Vec<bool>,
}

fn edges(
    callers: &Callers,
    places: &BTreeMap<Key, usize>,
    count: usize,
) -> Result<Called, Malformed> {
    let mut called = Called { by: vec![Vec::new(); count], is_root: vec![true; count] };
    let mut edges = 0;
    for (function, from) in callers {
        let Value::Dict(from) = from else { continue };
        edges += from.len();
        if EDGES_MAX < edges {
            return Err(Malformed(format!("more than {EDGES_MAX} callers")));
        }
        for (caller, figures) in from.iter() {
            let caller = Key::of(caller)?;
            // A caller that was still running when the profile ended has no line of its own.
            let Some(place) = places.get(&caller) else { continue };
            if place == function {
                continue;
            }
            // `cProfile` writes calls, primitive calls, own and cumulative time; `profile` calls alone.
            let edge = match figures {
                Value::Tuple(figures) => match &**figures {
                    [calls, _, _, cumulative] => Edge {
                        called: *function,
                        calls: whole(calls).unwrap_or(0),
                        cumulative: seconds(cumulative),
                    },
                    _ => continue,
                },
                figures => {
                    Edge { called: *function, calls: whole(figures).unwrap_or(0), cumulative: None }
                }
            };
            called.is_root[*function] = false;
            called.by[*place].push(edge);
        }
    }
    Ok(called)
}

/// A branch that is still to be followed: where it hangs, and how much of the function's time is on its account.
struct Pending {
    parent: u32,
    function: usize,
    calls: f64,
    nanos: f64,
    level: usize,
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn estimate(functions: &[ProfileFunction], called: &Called) -> stats::tree::Tree {
    let mut merge = Merge::new(NODES_MAX);
    let all: f64 = functions.iter().map(|function| function.own as f64).sum();
    let mut pending: Vec<Pending> = roots(functions, called)
        .map(|function| Pending {
            parent: Merge::TOP,
            function,
            calls: functions[function].calls.unwrap_or(0) as f64,
            nanos: whole_of(function, functions, called),
            level: 0,
        })
        .collect();
    let mut path: Vec<usize> = Vec::new();
    while let Some(next) = pending.pop() {
        path.truncate(next.level);
        let whole = whole_of(next.function, functions, called);
        let share = if whole == 0.0 { 0.0 } else { next.nanos / whole };
        let frame = u32::try_from(next.function).unwrap_or(u32::MAX);
        let Some(place) = merge.child(next.parent, frame) else {
            merge.add(next.parent, Side::Before, 0, rounded(next.nanos));
            continue;
        };
        path.push(next.function);
        let below = if next.nanos < all * SHARE_MIN || LEVELS_MAX <= next.level {
            Vec::new()
        } else {
            below(&next, share, functions, called, &path)
        };
        let given: f64 = below.iter().map(|one| one.1).sum();
        // What its callees do not account for is its own: recursion and what was not followed included.
        let own = (next.nanos - given).max(0.0);
        merge.add(place, Side::Before, rounded(next.calls), rounded(own));
        pending.extend(below.into_iter().map(|(edge, nanos)| Pending {
            parent: place,
            function: edge.called,
            calls: edge.calls as f64 * share.min(1.0),
            nanos,
            level: next.level + 1,
        }));
    }
    merge.finish()
}

/// Functions that nobody called. Where all call each other, the one that took longest is taken for it.
fn roots<'a>(
    functions: &'a [ProfileFunction],
    called: &'a Called,
) -> impl Iterator<Item = usize> + 'a {
    let none = called.is_root.iter().all(|is_root| !is_root);
    let longest = (0..functions.len()).max_by_key(|place| functions[*place].cumulative);
    (0..functions.len())
        .filter(move |place| called.is_root[*place] || (none && longest == Some(*place)))
}

/// What a branch hands down to each function that it calls. Those that it came through are left out, since what they
/// took is theirs already; together never more than what is there beside the function's own time.
#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn below(
    next: &Pending,
    share: f64,
    functions: &[ProfileFunction],
    called: &Called,
    path: &[usize],
) -> Vec<(Edge, f64)> {
    let mut below: Vec<(Edge, f64)> = called.by[next.function]
        .iter()
        .filter(|edge| !path.contains(&edge.called))
        .map(|edge| (*edge, handed_down(*edge, functions) * share))
        .collect();
    let room = (next.nanos - functions[next.function].own as f64 * share).max(0.0);
    let sum: f64 = below.iter().map(|one| one.1).sum();
    if room < sum {
        for one in &mut below {
            one.1 *= room / sum;
        }
    }
    below
}

/// What the called function took on behalf of the caller, in nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn handed_down(edge: Edge, functions: &[ProfileFunction]) -> f64 {
    let function = &functions[edge.called];
    let by_calls = || {
        let calls = function.calls.unwrap_or(0).max(edge.calls).max(1) as f64;
        function.cumulative as f64 * edge.calls as f64 / calls
    };
    edge.cumulative.map_or_else(by_calls, |seconds| seconds.max(0.0) * 1e9)
}

/// What a function took with all below it. `profile` tells nothing of its own frame, which is above all others.
#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn whole_of(function: usize, functions: &[ProfileFunction], called: &Called) -> f64 {
    match functions[function].cumulative {
        0 => called.by[function].iter().map(|edge| handed_down(*edge, functions)).sum(),
        told => told as f64,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never below zero; it saturates"
)]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}
