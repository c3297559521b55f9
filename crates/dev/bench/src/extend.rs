//! Extend, the algorithm that Taut's choice of indexes is held against.
//!
//! As published (Schlosser, Kossmann, Boissier, "Efficient scalable multi-attribute index selection using
//! recursive strategies", ICDE 2019) and as its authors' testbed runs it: from nothing, again and again the one
//! step that saves most for each byte, where a step adds an index of one column or appends a column to an index
//! that was chosen. Costs are cached by query and by those indexes that have a column of the query.

use std::collections::{BTreeMap, BTreeSet};

use find::advisor::Costs;
use model::database::{IndexColumn, IndexKey, NewIndex, TableName};

/// A step has to make the workload this much cheaper, as in the testbed.
const IMPROVEMENT_MIN: f64 = 1.003;

/// What Extend chose.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// The set.
    pub indexes: Vec<NewIndex>,
    /// Its bytes, as `HypoPG` estimates.
    pub bytes: u64,
}

/// A column of a table that some query names.
type Attribute = (TableName, i16);

/// Runs it. `columns` are those of each query.
pub fn extend(
    costs: &mut dyn Costs,
    columns: &[BTreeSet<Attribute>],
    budget_bytes: u64,
    width_max: usize,
) -> Chosen {
    let mut cache = Cache { costs, columns, known: BTreeMap::new(), bytes: BTreeMap::new() };
    let attributes: BTreeSet<Attribute> = columns.iter().flatten().cloned().collect();
    let mut set: Vec<NewIndex> = Vec::new();
    let mut cost = cache.total(&set);
    loop {
        let mut best: Option<(f64, Vec<NewIndex>, f64)> = None;
        for after in steps(&set, &attributes, width_max) {
            let more = cache.size(&after) - cache.size(&set);
            #[expect(clippy::cast_precision_loss, reason = "a budget of bytes")]
            if budget_bytes as f64 <= cache.size(&after) {
                continue;
            }
            let then = cache.total(&after);
            if cost <= then * IMPROVEMENT_MIN {
                continue;
            }
            let ratio = (cost - then) / more;
            if best.as_ref().is_none_or(|(most, ..)| *most < ratio) {
                best = Some((ratio, after, then));
            }
        }
        match best {
            Some((_, after, then)) => (set, cost) = (after, then),
            None => break,
        }
    }
    let bytes = set.iter().map(|index| cache.bytes_of(index)).sum();
    Chosen { indexes: set, bytes }
}

/// The sets one step away.
fn steps(
    set: &[NewIndex],
    attributes: &BTreeSet<Attribute>,
    width_max: usize,
) -> Vec<Vec<NewIndex>> {
    let mut steps = Vec::new();
    for (table, column) in attributes {
        let single =
            NewIndex { table: table.clone(), keys: vec![key(*column)], ..NewIndex::default() };
        if !set.contains(&single) {
            let mut after = set.to_vec();
            after.push(single);
            steps.push(after);
        }
        for (place, index) in set.iter().enumerate() {
            let is_new = index.table == *table && !index.keys.contains(&key(*column));
            if is_new && index.keys.len() < width_max {
                let mut wider = index.clone();
                wider.keys.push(key(*column));
                if !set.contains(&wider) {
                    let mut after = set.to_vec();
                    after[place] = wider;
                    steps.push(after);
                }
            }
        }
    }
    steps
}

fn key(column: i16) -> IndexColumn {
    IndexColumn { key: IndexKey::Column(column), ..IndexColumn::default() }
}

struct Cache<'a> {
    costs: &'a mut dyn Costs,
    columns: &'a [BTreeSet<Attribute>],
    known: BTreeMap<(usize, Vec<NewIndex>), f64>,
    bytes: BTreeMap<NewIndex, u64>,
}

impl Cache<'_> {
    fn total(&mut self, set: &[NewIndex]) -> f64 {
        (0..self.columns.len()).map(|query| self.cost(query, set)).sum()
    }

    fn cost(&mut self, query: usize, set: &[NewIndex]) -> f64 {
        let named = |index: &&NewIndex| {
            index.keys.iter().any(|key| match key.key {
                IndexKey::Column(column) => {
                    self.columns[query].contains(&(index.table.clone(), column))
                }
                IndexKey::Expression(_) => false,
            })
        };
        let mut relevant: Vec<NewIndex> = set.iter().filter(named).cloned().collect();
        relevant.sort();
        let key = (query, relevant);
        if let Some(cost) = self.known.get(&key) {
            return *cost;
        }
        let list: Vec<&NewIndex> = key.1.iter().collect();
        let cost = self.costs.cost(query, &list).map_or(0.0, |planned| planned.cost);
        self.known.insert(key, cost);
        cost
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes of a few indexes")]
    fn size(&mut self, set: &[NewIndex]) -> f64 {
        set.iter().map(|index| self.bytes_of(index) as f64).sum()
    }

    fn bytes_of(&mut self, index: &NewIndex) -> u64 {
        if let Some(bytes) = self.bytes.get(index) {
            return *bytes;
        }
        let bytes = self.costs.bytes(index).unwrap_or(0);
        self.bytes.insert(index.clone(), bytes);
        bytes
    }
}
