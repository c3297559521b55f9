//! FORMAT JSON, YAML and XML: a tree of maps to a list of nodes.

use model::{Text, plan::PlanFormat};

use super::{
    PlanError, json,
    raw::{Fields, Raw, RawNode, RawPlan, take},
    text::duration,
    xml, yaml,
};

/// Brackets that are looked behind for a plan that is within something else.
const TRIES_MAX: usize = 50;

/// All plans of a text that was cleaned, in whichever format it is.
pub(super) fn plans(text: &str, format: PlanFormat) -> Result<Vec<RawPlan>, PlanError> {
    let mut plans = Vec::new();
    match format {
        PlanFormat::Json => {
            let mut at = 0;
            let mut tries = 0;
            while let Some(begin) = next_value(text, at, &["{", "["]) {
                let (value, after) = json::value(text, begin)?;
                let known = plans.len();
                documents(value, format, text.get(at..begin), &mut plans);
                tries += 1;
                // A plan may be a string of another document, whose quotes are gone by now.
                let within = known == plans.len() && tries < TRIES_MAX;
                at = if within { begin + 1 } else { after.max(begin + 1) };
            }
        }
        PlanFormat::Xml => {
            let mut at = 0;
            while let Some(begin) = next_value(text, at, &["<explain", "<Query>", "<Plan>"]) {
                let (value, after) = xml::value(text, begin)?;
                documents(value, format, text.get(at..begin), &mut plans);
                at = after.max(begin + 1);
            }
        }
        PlanFormat::Yaml => {
            let begin = yaml_begin(text);
            let (before, document) = text.split_at_checked(begin).unwrap_or(("", text));
            documents(yaml::value(document)?, format, Some(before), &mut plans);
        }
        PlanFormat::Text => {}
    }
    Ok(plans)
}

/// The nearest place from `at` on where a value may begin.
fn next_value(text: &str, at: usize, marks: &[&str]) -> Option<usize> {
    let rest = text.get(at..)?;
    marks.iter().filter_map(|mark| rest.find(mark)).min().map(|place| at + place)
}

/// The first line that belongs to the document.
fn yaml_begin(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim().trim_start_matches("- ");
        if bare.starts_with("Plan:")
            || bare.starts_with("Query Text:")
            || bare.starts_with("Node Type:")
        {
            return at;
        }
        at += line.len();
    }
    0
}

/// Every map of the value that is a plan with what belongs to it.
fn documents(
    value: Option<Raw>,
    format: PlanFormat,
    before: Option<&str>,
    plans: &mut Vec<RawPlan>,
) {
    let mut waiting: Vec<Raw> = value.into_iter().collect();
    let first = plans.len();
    while let Some(value) = waiting.pop() {
        match value {
            Raw::List(items) => waiting.extend(items.into_iter().rev()),
            Raw::Map(fields) => {
                let is_node = fields.iter().any(|(key, _)| key == "Node Type");
                let has_plan =
                    fields.iter().any(|(key, value)| key == "Plan" && matches!(value, Raw::Map(_)));
                if is_node {
                    plans.push(flatten(fields, Vec::new(), format));
                } else if has_plan {
                    let mut whole = fields;
                    let Some(Raw::Map(root)) = take(&mut whole, "Plan") else { continue };
                    plans.push(flatten(root, whole, format));
                } else {
                    waiting.extend(fields.into_iter().map(|(_, value)| value).rev());
                }
            }
            Raw::Null | Raw::Scalar(_) => {}
        }
    }
    let duration = before.unwrap_or_default().lines().rev().find_map(duration);
    if let (Some(plan), Some(duration)) = (plans.get_mut(first), duration) {
        plan.fields.push((Text::from("Duration"), Raw::text(duration)));
    }
}

/// A node that waits for its place in the list.
struct Waiting {
    fields: Fields,
    parent: Option<usize>,
    depth: usize,
}

fn flatten(root: Fields, whole: Fields, format: PlanFormat) -> RawPlan {
    let mut plan = RawPlan { format, fields: whole, ..RawPlan::default() };
    let mut waiting = vec![Waiting { fields: root, parent: None, depth: 0 }];
    while let Some(Waiting { mut fields, parent, depth }) = waiting.pop() {
        let mut children = Vec::new();
        distributed(&mut fields, &mut children);
        while let Some(plans) = take(&mut fields, "Plans") {
            match plans {
                Raw::List(items) => children.extend(items.into_iter().filter_map(map)),
                Raw::Map(only) => children.push(only),
                Raw::Null | Raw::Scalar(_) => {}
            }
        }
        let place = plan.nodes.len();
        plan.nodes.push(RawNode { parent, depth, fields });
        let below = |fields| Waiting { fields, parent: Some(place), depth: depth + 1 };
        waiting.extend(children.into_iter().rev().map(below));
    }
    plan
}

fn map(value: Raw) -> Option<Fields> {
    match value {
        Raw::Map(fields) => Some(fields),
        _ => None,
    }
}

/// Parts of a distributed query become nodes, as text shows them.
fn distributed(fields: &mut Fields, children: &mut Vec<Fields>) {
    if let Some(Raw::Map(mut query)) = take(fields, "Distributed Query") {
        fields.append(&mut query);
    }
    if let Some(Raw::List(subplans)) = take(fields, "Subplans") {
        children.extend(
            subplans.into_iter().filter_map(map).map(|part| task("Distributed Subplan", part)),
        );
    }
    if let Some(Raw::Map(mut job)) = take(fields, "Job") {
        fields.append(&mut job);
    }
    if let Some(Raw::List(jobs)) = take(fields, "Dependent Jobs") {
        children.extend(jobs.into_iter().filter_map(map).map(|job| task("MapMergeJob", job)));
    }
    if let Some(Raw::List(tasks)) = take(fields, "Tasks") {
        children.extend(tasks.into_iter().filter_map(map).map(|part| task("Task", part)));
    }
}

/// A part of a distributed query with the plans of its remote server below.
fn task(node_type: &str, mut fields: Fields) -> Fields {
    let mut plans = Vec::new();
    for key in ["Remote Plan", "PlannedStmt"] {
        let mut waiting: Vec<Raw> = take(&mut fields, key).into_iter().collect();
        while let Some(value) = waiting.pop() {
            match value {
                Raw::List(items) => waiting.extend(items.into_iter().rev()),
                Raw::Map(mut remote) => {
                    // XML has a whole document there.
                    if let Some(inner) =
                        take(&mut remote, "explain").or_else(|| take(&mut remote, "Query"))
                    {
                        waiting.push(inner);
                    }
                    if let Some(plan) = take(&mut remote, "Plan") {
                        plans.push(plan);
                    }
                    fields.append(&mut remote);
                }
                Raw::Null | Raw::Scalar(_) => {}
            }
        }
    }
    fields.insert(0, (Text::from("Node Type"), Raw::text(node_type)));
    fields.push((Text::from("Plans"), Raw::List(plans)));
    fields
}
