//! What all formats are read into first: named values in order, nothing interpreted yet.
//!
//! Built by a [`Stack`] instead of by recursion, so that depth is a number to be checked, not a thread's stack.

use model::{
    Text,
    plan::{PlanFormat, PlanValue},
};

use super::PlanError;

/// Levels of lists and maps. A node of a plan takes two; PostgreSQL itself gives up on statements
/// nested some hundred deep, as its stack is 2 MB.
const DEPTH_MAX: usize = 1_000;

/// Levels of a value whose name is not known: those of plans are nodes by then.
const EXTRA_DEPTH_MAX: usize = 64;

/// A value as some format spells it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Null,
    Scalar(Text),
    List(Vec<Self>),
    Map(Fields),
}

/// Named values in order; a name may come twice.
pub(super) type Fields = Vec<(Text, Raw)>;

impl Raw {
    pub(super) fn text(text: &str) -> Self {
        Self::Scalar(Text::from(text))
    }

    pub(super) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(items.into_iter().map(Self::text).collect())
    }

    pub(super) fn scalar(&self) -> Option<&Text> {
        match self {
            Self::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// All scalars: of a list its items, of a scalar itself.
    pub(super) fn texts(&self) -> Vec<Text> {
        match self {
            Self::Scalar(text) => vec![text.clone()],
            Self::List(items) => items.iter().filter_map(|item| item.scalar().cloned()).collect(),
            Self::Null | Self::Map(_) => Vec::new(),
        }
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Scalar(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(fields) => fields.is_empty(),
        }
    }

    /// As it is kept where its name is not known.
    pub(super) fn value(&self) -> PlanValue {
        self.value_within(EXTRA_DEPTH_MAX)
    }

    fn value_within(&self, levels: usize) -> PlanValue {
        let Some(levels) = levels.checked_sub(1) else { return PlanValue::Text("…".into()) };
        match self {
            Self::Null => PlanValue::Null,
            Self::Scalar(text) => scalar(text),
            Self::List(items) => {
                PlanValue::List(items.iter().map(|item| item.value_within(levels)).collect())
            }
            Self::Map(fields) => PlanValue::Map(
                fields
                    .iter()
                    .map(|(key, value)| (key.clone(), value.value_within(levels)))
                    .collect(),
            ),
        }
    }
}

/// A scalar by how it is spelt.
pub(super) fn scalar(text: &str) -> PlanValue {
    match text {
        "true" => return PlanValue::Bool(true),
        "false" => return PlanValue::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = !whole.is_empty()
        && is_digits(whole)
        && is_digits(fraction)
        && (whole == "0" || !whole.starts_with('0'));
    if is_plain && !digits.contains('.') {
        return text.parse().map_or_else(|_| PlanValue::Text(text.into()), PlanValue::Int);
    }
    // 15 digits are what a double keeps.
    if is_plain && !fraction.is_empty() && whole.len() + fraction.len() <= 15 {
        return text.parse().map_or_else(|_| PlanValue::Text(text.into()), PlanValue::Number);
    }
    PlanValue::Text(text.into())
}

/// The first value of this name.
pub(super) fn get<'a>(fields: &'a Fields, key: &str) -> Option<&'a Raw> {
    fields.iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

/// Takes the first value of this name out.
pub(super) fn take(fields: &mut Fields, key: &str) -> Option<Raw> {
    let place = fields.iter().position(|(known, _)| known == key)?;
    Some(fields.remove(place).1)
}

/// A plan before its properties are told apart by name.
#[derive(Debug, Default)]
pub(super) struct RawPlan {
    pub(super) format: PlanFormat,
    /// In the order of the text, parents first.
    pub(super) nodes: Vec<RawNode>,
    /// Properties of the whole.
    pub(super) fields: Fields,
    pub(super) notes: Vec<String>,
}

/// A node before its properties are told apart by name.
#[derive(Debug, Default)]
pub(super) struct RawNode {
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
    pub(super) fields: Fields,
}

/// Builds a value from the outside in.
#[derive(Debug, Default)]
pub(super) struct Stack {
    open: Vec<(Text, Raw)>,
    done: Option<Raw>,
}

impl Stack {
    /// Begins a list; `key` is its name in the map around it.
    pub(super) fn open_list(&mut self, key: Text) -> Result<(), PlanError> {
        self.open(key, Raw::List(Vec::new()))
    }

    /// Begins a map; `key` is its name in the map around it.
    pub(super) fn open_map(&mut self, key: Text) -> Result<(), PlanError> {
        self.open(key, Raw::Map(Vec::new()))
    }

    fn open(&mut self, key: Text, value: Raw) -> Result<(), PlanError> {
        if DEPTH_MAX <= self.open.len() {
            return Err(PlanError::TooDeep { levels_max: DEPTH_MAX });
        }
        self.open.push((key, value));
        Ok(())
    }

    /// Adds a value to what is open.
    pub(super) fn add(&mut self, key: Text, value: Raw) {
        match self.open.last_mut() {
            Some((_, Raw::Map(fields))) => fields.push((key, value)),
            // EXPLAIN puts what belongs to a `ModifyTable` into the list of its tables, with names.
            Some((_, Raw::List(items))) if is_named(&key, &value) => {
                items.push(Raw::Map(vec![(key, value)]));
            }
            Some((_, Raw::List(items))) => items.push(value),
            _ => self.done = Some(value),
        }
    }

    /// Ends what was opened last.
    pub(super) fn close(&mut self) {
        if let Some((key, value)) = self.open.pop() {
            self.add(key, value);
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Ends all that is open and gives the whole.
    pub(super) fn finish(mut self) -> Option<Raw> {
        while !self.open.is_empty() {
            self.close();
        }
        self.done
    }
}

/// Whether a value of a list has a name, which only values of maps should have.
fn is_named(key: &str, value: &Raw) -> bool {
    matches!(value, Raw::Scalar(_)) && !key.is_empty() && key != "Item"
}
