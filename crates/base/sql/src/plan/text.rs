//! FORMAT TEXT: lines whose place tells what they belong to.
//!
//! A node is a line with an arrow; its column says below which other. What follows it, up to the next node, are its
//! properties; what stands as far left as the root is of the whole.

mod lines;
mod preamble;

pub(super) use preamble::duration;

use model::Text;

use super::{
    head, names, property,
    raw::{Fields, Raw, RawNode, RawPlan},
};
use lines::Lines;

/// Parts of a distributed query that have a plan, and times, of their own.
const TASKS: &[&str] = &["Task", "Distributed Subplan", "MapMergeJob"];

/// All plans of a text that was cleaned.
pub(super) fn plans(text: &str) -> Vec<RawPlan> {
    let lines = Lines::new(text);
    let mut reader = Reader::default();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if lines::is_separator(line) {
            reader.after_separator = true;
            if line.trim().starts_with("```") {
                reader.end_plan();
            }
            at += 1;
            continue;
        }
        let in_plan = reader.in_plan && !lines::is_foreign(line);
        let (text, next) = lines.logical(at, in_plan);
        let heads_subplan = lines.get(next).is_some_and(|next| next.trim().starts_with("->"));
        reader.line(&Line { column: lines::column(line), text: &text, heads_subplan }, &lines);
        reader.after_separator = false;
        at = next;
    }
    reader.finish();
    reader.plans
}

/// A line with what was wrapped off it.
struct Line<'a> {
    column: usize,
    text: &'a str,
    /// A node follows.
    heads_subplan: bool,
}

#[derive(Default)]
struct Reader {
    plans: Vec<RawPlan>,
    in_plan: bool,
    after_separator: bool,
    /// Lines before a plan.
    preamble: Vec<String>,
    /// Column of each node that may get children, with its place.
    stack: Vec<(usize, usize)>,
    /// Where the last property stands.
    column: usize,
    /// Properties that hold others.
    sections: Vec<Section>,
    /// What the next node is called, and where that stands: `InitPlan 1 (returns $0)`.
    subplan: Option<(usize, String)>,
}

/// A property that holds others, such as `JIT:` or `Worker 0:`.
struct Section {
    column: usize,
    key: Text,
    fields: Fields,
    /// The node that it belongs to; `None` for the whole.
    node: Option<usize>,
}

impl Reader {
    fn line(&mut self, line: &Line<'_>, lines: &Lines<'_>) {
        if lines::is_foreign(line.text) && !line.text.starts_with("->") {
            self.end_plan();
            self.preamble.push(line.text.to_owned());
        } else if let Some(name) = line.text.strip_prefix("->") {
            self.node(line.column, name.trim());
        } else if self.is_root(line, lines) {
            self.begin_plan(line);
        } else if !self.in_plan {
            self.preamble.push(line.text.to_owned());
        } else if line.heads_subplan && lines::is_subplan(line.text) {
            self.subplan = Some((line.column, line.text.to_owned()));
        } else {
            self.property(line);
        }
    }

    fn is_root(&self, line: &Line<'_>, lines: &Lines<'_>) -> bool {
        if property::entry(line.text).is_some() || line.text.starts_with("Worker ") {
            return false;
        }
        if lines.has_figures {
            return head::has_figures(line.text);
        }
        head::is_known(line.text) && (!self.in_plan || self.after_separator)
    }

    fn begin_plan(&mut self, line: &Line<'_>) {
        self.end_plan();
        let mut plan = RawPlan::default();
        preamble::read(&std::mem::take(&mut self.preamble), &mut plan.fields);
        self.plans.push(plan);
        self.in_plan = true;
        self.node(line.column, line.text);
    }

    fn end_plan(&mut self) {
        self.close_sections(0);
        self.in_plan = false;
        self.stack.clear();
        self.subplan = None;
    }

    fn node(&mut self, column: usize, text: &str) {
        self.close_sections(0);
        if self.plans.is_empty() || !self.in_plan {
            // The root was lost: what is there is read all the same.
            self.plans.push(RawPlan::default());
            self.in_plan = true;
        }
        let Some(plan) = self.plans.last_mut() else { return };
        // A subplan belongs to the node below whose properties its name stands.
        let left = self.subplan.as_ref().map_or(column, |(left, _)| column.min(*left));
        while 1 < self.stack.len() && self.stack.last().is_some_and(|(above, _)| left <= *above) {
            self.stack.pop();
        }
        if let [(root, _)] = self.stack.as_slice()
            && left <= *root
            && plan.notes.is_empty()
        {
            plan.notes.push("the indentation was lost, so the tree may be wrong".to_owned());
        }
        let parent = self.stack.last().map(|(_, place)| *place);
        let depth = parent
            .and_then(|parent| plan.nodes.get(parent))
            .map_or(0, |parent: &RawNode| parent.depth + 1);
        let mut fields = head::fields(text);
        if let Some((_, subplan)) = self.subplan.take() {
            fields.push((Text::from("Subplan Name"), Raw::text(&subplan)));
        }
        self.stack.push((column, plan.nodes.len()));
        plan.nodes.push(RawNode { parent, depth, fields });
    }

    fn property(&mut self, line: &Line<'_>) {
        self.column = line.column;
        let entry = property::entry(line.text);
        self.close_sections_before(line.column, entry.map(|(key, _)| key));
        if let Some((number, rest)) = worker_number(line.text) {
            let mut fields = vec![(Text::from("Worker Number"), Raw::text(number))];
            property::worker(rest, &self.node_type(), &mut fields);
            self.open(line.column, "Worker", fields, false);
        } else if let Some(trigger) = line.text.strip_prefix("Trigger").and_then(property::trigger)
        {
            self.add_to_list(None, "Triggers", trigger);
        } else if let Some(target) = self.target(line.text) {
            self.open(line.column, "Target Table", target, false);
        } else if let Some((key, value)) = entry {
            self.entry(line.column, key, value);
        } else if self.after_separator {
            // Somebody goes on to write.
            self.end_plan();
            self.preamble.push(line.text.to_owned());
        } else {
            let text = line.text;
            if let Some(plan) = self.plans.last_mut() {
                plan.notes.push(format!("not understood: {text}"));
            }
            self.add(Text::from("Remark"), Raw::text(text));
        }
    }

    fn entry(&mut self, column: usize, key: &str, value: &str) {
        let in_section = !self.sections.is_empty();
        match names::whole(key) {
            Some("Settings") => self.add_to_whole(column, "Settings", property::settings(value)),
            Some("Serialization") => {
                self.open(column, "Serialization", property::serialization(value), true);
            }
            Some(name) if value.is_empty() => self.open(column, name, Vec::new(), !in_section),
            Some(name) => {
                let mut fields = Vec::new();
                property::fields(name, value, "", &mut fields);
                for (key, value) in fields {
                    self.add_to_whole(column, &key, value);
                }
            }
            None if value.is_empty() => {
                let of_whole = !in_section && self.is_left_of_root(column);
                self.open(column, key, Vec::new(), of_whole);
            }
            None => {
                let mut fields = Vec::new();
                property::fields(key, value, &self.node_type(), &mut fields);
                let of_whole =
                    !in_section && self.is_left_of_root(column) && !property::is_of_node(key);
                for (key, value) in fields {
                    match self.plans.last_mut() {
                        Some(plan) if of_whole => plan.fields.push((key, value)),
                        _ => self.add(key, value),
                    }
                }
            }
        }
    }

    fn is_left_of_root(&self, column: usize) -> bool {
        self.stack.first().is_some_and(|(root, _)| column <= *root)
    }

    /// A property of the whole, or of a part of a distributed query.
    fn add_to_whole(&mut self, column: usize, key: &str, value: Raw) {
        let Some(plan) = self.plans.last_mut() else { return };
        let task = self.stack.iter().rev().find(|(left, place)| {
            let node_type = plan.nodes.get(*place).and_then(node_type_of);
            *left < column && node_type.is_some_and(|name| TASKS.contains(&name))
        });
        let node = task.and_then(|(_, place)| plan.nodes.get_mut(*place));
        let fields = node.map_or(&mut plan.fields, |node| &mut node.fields);
        fields.push((Text::from(key), value));
    }

    /// `Update on public.orders o` below a `ModifyTable`.
    fn target(&self, text: &str) -> Option<Fields> {
        if self.node_type() != "ModifyTable" {
            return None;
        }
        let (foreign, rest) =
            text.strip_prefix("Foreign ").map_or((false, text), |rest| (true, rest));
        let (operation, target) = rest.split_once(" on ")?;
        matches!(operation, "Insert" | "Update" | "Delete" | "Merge").then(|| {
            let mut fields = Vec::new();
            head::target_of("ModifyTable", target, &mut fields);
            if foreign {
                fields.push((Text::from("Foreign"), Raw::text("true")));
            }
            fields
        })
    }

    fn node_type(&self) -> String {
        let node = self.owner().and_then(|place| self.plans.last()?.nodes.get(place));
        node.and_then(node_type_of).unwrap_or_default().to_owned()
    }

    /// The node that a property belongs to: the last one, or one further up whose own it is by its column, as
    /// those of a distributed query stand behind its parts.
    fn owner(&self) -> Option<usize> {
        let last = self.plans.last()?.nodes.len().checked_sub(1)?;
        let is_of_last = self.stack.last().is_none_or(|(arrow, _)| *arrow < self.column);
        if is_of_last {
            return Some(last);
        }
        let above = self.stack.iter().rev().find(|(arrow, _)| *arrow < self.column);
        Some(above.map_or(last, |(_, place)| *place))
    }

    /// Adds to the section that is open, else to the last node.
    fn add(&mut self, key: Text, value: Raw) {
        if let Some(section) = self.sections.last_mut() {
            section.fields.push((key, value));
        } else if let Some(place) = self.owner()
            && let Some(node) = self.plans.last_mut().and_then(|plan| plan.nodes.get_mut(place))
        {
            node.fields.push((key, value));
        }
    }

    fn add_to_list(&mut self, node: Option<usize>, key: &str, value: Raw) {
        let Some(plan) = self.plans.last_mut() else { return };
        let fields = match node {
            Some(place) => plan.nodes.get_mut(place).map(|node| &mut node.fields),
            None => Some(&mut plan.fields),
        };
        let Some(fields) = fields else { return };
        let known = fields.iter_mut().find(|(known, _)| known == key);
        if let Some((_, Raw::List(items))) = known {
            items.push(value);
        } else {
            fields.push((Text::from(key), Raw::List(vec![value])));
        }
    }

    fn open(&mut self, column: usize, key: &str, fields: Fields, of_whole: bool) {
        let node = if of_whole { None } else { self.owner() };
        self.sections.push(Section { column, key: Text::from(key), fields, node });
    }

    /// Closes sections that a line at `column` is not in. Where indentation was lost, what can only
    /// belong to a section stays in it.
    fn close_sections_before(&mut self, column: usize, key: Option<&str>) {
        while let Some(section) = self.sections.last() {
            let key = key.unwrap_or_default();
            let belongs = match section.key.as_str() {
                "JIT" => matches!(key, "Functions" | "Options" | "Timing"),
                "Planning" | "Serialization" => matches!(key, "Buffers" | "I/O Timings" | "Memory"),
                _ => false,
            };
            if section.column < column || (section.column == column && belongs) {
                break;
            }
            let depth = self.sections.len() - 1;
            self.close_sections(depth);
        }
    }

    fn close_sections(&mut self, depth: usize) {
        while depth < self.sections.len() {
            let Some(section) = self.sections.pop() else { return };
            let list = match section.key.as_str() {
                "Worker" => Some("Workers"),
                "Target Table" => Some("Target Tables"),
                _ => None,
            };
            if let Some(list) = list {
                self.add_to_list(section.node, list, Raw::Map(section.fields));
            } else if let (None, None, Some(plan)) =
                (section.node, self.sections.last(), self.plans.last_mut())
            {
                plan.fields.push((section.key, Raw::Map(section.fields)));
            } else {
                self.add(section.key, Raw::Map(section.fields));
            }
        }
    }

    fn finish(&mut self) {
        self.end_plan();
    }
}

fn node_type_of(node: &RawNode) -> Option<&str> {
    super::raw::get(&node.fields, "Node Type").and_then(Raw::scalar).map(Text::as_str)
}

/// `Worker 0:  rest`
fn worker_number(text: &str) -> Option<(&str, &str)> {
    let (number, rest) = text.strip_prefix("Worker ")?.split_once(':')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number, rest.trim()))
}
