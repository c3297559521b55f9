//! The line of text that names a node: its type with all decorations, what it reads, estimates, actual figures.

use model::Text;

use super::{
    names::NODE_TYPES,
    raw::{Fields, Raw},
};

/// Joins as text names them: the words before the join type, and the node type.
const JOINS: &[(&str, &str)] =
    &[("Nested Loop", "Nested Loop"), ("Merge", "Merge Join"), ("Hash", "Hash Join")];

/// Set operations as text names them, with their strategies.
const SET_OPS: &[(&str, &str)] = &[("HashSetOp ", "Hashed"), ("SetOp ", "Sorted")];

const JOIN_TYPES: &[&str] = &[
    "Left",
    "Full",
    "Right",
    "Semi",
    "Anti",
    "Right Semi",
    "Right Anti",
    "Unique Outer",
    "Unique Inner",
];

/// Figures behind the name of a node.
const FIGURES: &[&str] = &["(cost=", "(actual ", "(never executed)"];

/// Whether figures stand in the line.
pub(super) fn has_figures(line: &str) -> bool {
    FIGURES.iter().any(|mark| line.contains(mark))
}

/// The name of a node, without its figures.
pub(super) fn name(line: &str) -> &str {
    let end = FIGURES.iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim()
}

/// Whether the line names a node by a type that is known.
pub(super) fn is_known(line: &str) -> bool {
    let name = decorated(name(line)).1;
    let (node_type, rest) = split_type(name);
    let is_set_op = SET_OPS.iter().any(|(mark, _)| name.starts_with(mark));
    if is_set_op || join(name).is_some() {
        return true;
    }
    let name =
        ["Partial ", "Finalize "].iter().find_map(|mode| name.strip_prefix(mode)).unwrap_or(name);
    let known = NODE_TYPES.contains(&node_type) || NODE_TYPES.contains(&name);
    known && (rest.is_empty() || rest.starts_with(['(', '"']) || name != node_type)
}

/// Properties of the node, spelt as JSON spells them.
pub(super) fn fields(line: &str) -> Fields {
    let mut fields = Vec::new();
    described(name(line), &mut fields);
    let mut rest = line;
    if let Some((_, costs)) = rest.split_once("(cost=") {
        let (costs, after) = costs.split_once(')').unwrap_or((costs, ""));
        estimate(costs, &mut fields);
        rest = after;
    }
    if let Some((_, figures)) = rest.split_once("(actual ") {
        let (figures, after) = figures.split_once(')').unwrap_or((figures, ""));
        actual(figures, &mut fields);
        rest = after;
    } else if let Some((_, after)) = rest.split_once("(never executed)") {
        push(&mut fields, "Actual Loops", "0");
        rest = after;
    } else if !has_figures(line) {
        rest = "";
    }
    if !rest.trim().is_empty() {
        push(&mut fields, "Remark", rest.trim());
    }
    fields
}

fn push(fields: &mut Fields, key: &str, value: &str) {
    fields.push((Text::from(key), Raw::text(value)));
}

/// `0.00..35.50 rows=2550 width=4`
fn estimate(text: &str, fields: &mut Fields) {
    let costs = text.split_whitespace().next().unwrap_or_default();
    if let Some((startup, total)) = costs.split_once("..") {
        push(fields, "Startup Cost", startup);
        push(fields, "Total Cost", total);
    }
    for (key, name) in [("rows=", "Plan Rows"), ("width=", "Plan Width")] {
        if let Some(value) = figure(text, key) {
            push(fields, name, value);
        }
    }
}

/// `time=0.010..0.020 rows=1.00 loops=1`, in a node or in a worker.
pub(super) fn actual(text: &str, fields: &mut Fields) {
    if let Some((startup, total)) = figure(text, "time=").and_then(|times| times.split_once("..")) {
        push(fields, "Actual Startup Time", startup);
        push(fields, "Actual Total Time", total);
    }
    for (key, name) in [("rows=", "Actual Rows"), ("loops=", "Actual Loops")] {
        if let Some(value) = figure(text, key) {
            push(fields, name, value);
        }
    }
}

/// The figure behind `key`, wherever it stands.
fn figure<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(key)?;
    let end =
        rest.find(|letter: char| !(letter.is_ascii_digit() || letter == '.')).unwrap_or(rest.len());
    rest.get(..end).filter(|value| !value.is_empty())
}

/// `Parallel` and `Async` before the name.
fn decorated(name: &str) -> ((bool, bool), &str) {
    let (parallel, name) =
        name.strip_prefix("Parallel ").map_or((false, name), |name| (true, name));
    let (asynchronous, name) =
        name.strip_prefix("Async ").map_or((false, name), |name| (true, name));
    ((parallel, asynchronous), name)
}

/// Everything that the name says.
fn described(name: &str, fields: &mut Fields) {
    let ((parallel, asynchronous), name) = decorated(name);
    if let Some((node_type, join_type)) = join(name) {
        push(fields, "Node Type", node_type);
        push(fields, "Join Type", join_type);
    } else if let Some((set_op, strategy)) =
        SET_OPS.iter().find_map(|(mark, strategy)| Some((name.strip_prefix(mark)?, strategy)))
    {
        push(fields, "Node Type", "SetOp");
        push(fields, "Strategy", strategy);
        push(fields, "Command", set_op);
    } else if !aggregate(name, fields) {
        scan(name, fields);
    }
    if parallel {
        push(fields, "Parallel Aware", "true");
    }
    if asynchronous {
        push(fields, "Async Capable", "true");
    }
}

/// Node type and join type.
fn join(name: &str) -> Option<(&'static str, &str)> {
    let (words, node_type) =
        JOINS.iter().find(|(words, _)| name.strip_prefix(words).is_some_and(is_border))?;
    let rest = name.strip_prefix(words)?.trim();
    if rest.is_empty() && *words == "Nested Loop" || rest == "Join" && *words != "Nested Loop" {
        return Some((node_type, "Inner"));
    }
    let join_type = rest.strip_suffix(" Join")?;
    JOIN_TYPES.contains(&join_type).then_some((*node_type, join_type))
}

fn is_border(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(' ')
}

/// `Partial HashAggregate` and the like.
fn aggregate(name: &str, fields: &mut Fields) -> bool {
    let (mode, rest) = ["Partial", "Finalize"]
        .into_iter()
        .find_map(|mode| Some((mode, name.strip_prefix(mode)?.strip_prefix(' ')?)))
        .unwrap_or(("Simple", name));
    let strategy = match rest {
        "Aggregate" => "Plain",
        "GroupAggregate" => "Sorted",
        "HashAggregate" => "Hashed",
        "MixedAggregate" => "Mixed",
        _ => return false,
    };
    push(fields, "Node Type", "Aggregate");
    push(fields, "Strategy", strategy);
    push(fields, "Partial Mode", mode);
    true
}

/// The type up to what it reads, and the rest: `Index Scan`, `using i on t`.
fn split_type(name: &str) -> (&str, &str) {
    if let Some(rest) = name.strip_prefix("Custom Scan (") {
        let end = rest.find(')').map_or(rest.len(), |end| end + 1);
        return ("Custom Scan", rest.get(end..).unwrap_or_default().trim_start());
    }
    let end = [" using ", " on ", " Backward "]
        .into_iter()
        .filter_map(|word| name.find(word))
        .min()
        .unwrap_or(name.len());
    let (node_type, rest) = name.split_at_checked(end).unwrap_or((name, ""));
    (node_type.trim_end(), rest.trim_start())
}

/// Everything that reads or writes something.
fn scan(name: &str, fields: &mut Fields) {
    let (node_type, rest) = split_type(name);
    let operation = node_type.strip_prefix("Foreign ").unwrap_or(node_type);
    let is_write = matches!(operation, "Insert" | "Update" | "Delete" | "Merge");
    let node_type = match (is_write, operation == node_type) {
        (true, true) => "ModifyTable",
        (true, false) => "Foreign Scan",
        (false, _) => node_type,
    };
    if node_type.starts_with("Distributed Subplan ") {
        push(fields, "Node Type", "Distributed Subplan");
        push(fields, "Distributed Subplan", node_type.rsplit(' ').next().unwrap_or_default());
        return;
    }
    push(fields, "Node Type", node_type);
    if is_write {
        push(fields, "Operation", operation);
    }
    if let Some(provider) = name.strip_prefix("Custom Scan (") {
        push(fields, "Custom Plan Provider", provider.split(')').next().unwrap_or_default());
    }
    let mut rest = rest;
    if let Some(after) = rest.strip_prefix("Backward ") {
        push(fields, "Scan Direction", "Backward");
        rest = after.trim_start();
    }
    if let Some(after) = rest.strip_prefix("using ") {
        let (index, after) = identifier(after.trim_start());
        fields.push((Text::from("Index Name"), Raw::Scalar(index)));
        rest = after.trim_start();
    }
    if let Some(target) = rest.strip_prefix("on ") {
        if node_type == "Bitmap Index Scan" {
            let (index, _) = identifier(target);
            fields.push((Text::from("Index Name"), Raw::Scalar(index)));
        } else {
            target_of(node_type, target, fields);
        }
    }
}

/// `public.orders o`
pub(super) fn target_of(node_type: &str, text: &str, fields: &mut Fields) {
    let (first, rest) = identifier(text.trim_start());
    let (schema, relation, rest) = match rest.strip_prefix('.') {
        Some(after) => {
            let (second, rest) = identifier(after);
            (Some(first), second, rest)
        }
        None => (None, first, rest),
    };
    let rest = rest.trim();
    let key = match node_type {
        "Function Scan" => "Function Name",
        "Table Function Scan" => "Table Function Name",
        "CTE Scan" | "WorkTable Scan" => "CTE Name",
        "Named Tuplestore Scan" => "Tuplestore Name",
        "Values Scan" | "Subquery Scan" => "Alias",
        _ => "Relation Name",
    };
    fields.push((Text::from(key), Raw::Scalar(relation)));
    if let Some(schema) = schema {
        fields.push((Text::from("Schema"), Raw::Scalar(schema)));
    }
    if !rest.is_empty() {
        let (alias, more) = identifier(rest);
        fields.push((Text::from("Alias"), Raw::Scalar(alias)));
        if !more.trim().is_empty() {
            push(fields, "Remark", more.trim());
        }
    }
}

/// The identifier that the text begins with, unquoted, and the rest.
fn identifier(text: &str) -> (Text, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '.']).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (Text::from(name), rest);
    };
    let mut name = String::new();
    let mut letters = quoted.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '"' {
            name.push(letter);
        } else if letters.next_if(|next| next.1 == '"').is_some() {
            name.push('"');
        } else {
            return (name.into(), quoted.get(at + 1..).unwrap_or_default());
        }
    }
    (name.into(), "")
}
