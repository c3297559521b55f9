//! Orders of joins, searched set by set.

use sql::ConditionKind;

use super::{
    super::{
        leaf::{Access, Clause, Offered},
        prepared::Prepared,
        prices::{Prices, Rows},
        tree::{pruned, united},
    },
    Cluster,
};

/// What is searched through.
pub(super) struct Search<'a> {
    pub(super) cluster: &'a Cluster,
    /// Ways to read each input by itself.
    pub(super) inputs: &'a [Vec<Access>],
    pub(super) prepared: &'a Prepared<'a>,
    pub(super) offered: &'a [Offered],
    pub(super) prices: &'a Prices,
}

impl Search<'_> {
    /// All ways to join all inputs that are worth keeping.
    pub(super) fn paths(&self) -> Vec<Access> {
        let count = self.cluster.units.len();
        let mut best: Vec<Vec<Access>> = vec![Vec::new(); 1 << count];
        for (place, paths) in self.inputs.iter().enumerate() {
            best[1 << place].clone_from(paths);
        }
        for set in 1..1_usize << count {
            if set.count_ones() < 2 {
                continue;
            }
            let mut found = Vec::new();
            let connected = (0..count)
                .any(|place| set & (1 << place) != 0 && self.is_joined(set & !(1 << place), place));
            for place in (0..count).filter(|place| set & (1 << place) != 0) {
                let rest = set & !(1 << place);
                if connected && !self.is_joined(rest, place) {
                    continue;
                }
                let out = self.cluster.rows(set);
                for path in &best[rest] {
                    found.extend(self.hashed(path, rest, place, out));
                    if self.cluster.driver.is_none_or(|driver| driver != place) {
                        found.extend(self.looked_up(path, rest, place));
                    }
                }
            }
            best[set] = pruned(found);
        }
        best.pop().unwrap_or_default()
    }

    fn is_joined(&self, set: usize, place: usize) -> bool {
        self.cluster.members.iter().filter(|member| member.unit == place).any(|member| {
            self.cluster
                .members
                .iter()
                .any(|other| other.class == member.class && set & (1 << other.unit) != 0)
        })
    }

    /// By a table of hashes over either side.
    fn hashed(&self, path: &Access, set: usize, place: usize, out: f64) -> Vec<Access> {
        let width: f64 = self
            .cluster
            .units
            .iter()
            .enumerate()
            .filter(|(unit, _)| set & (1 << unit) != 0)
            .map(|(_, unit)| unit.rows.width)
            .sum();
        let mine = Rows { rows: self.cluster.rows(set), width };
        let theirs = self.cluster.units[place].rows;
        let Some(other) = self.inputs[place].iter().min_by(|a, b| a.total.total_cmp(&b.total))
        else {
            return Vec::new();
        };
        let joined = |outer: &Access, inner: &Access, sizes: (Rows, Rows)| {
            let (start, total) = self.prices.hash_join(sizes.0, sizes.1, out, 1.0);
            Access {
                startup: outer.startup + inner.total + start,
                total: outer.total + inner.total + total,
                ordered: None,
                used: united(&outer.used, &inner.used),
            }
        };
        vec![joined(path, other, (mine, theirs)), joined(other, path, (theirs, mine))]
    }

    /// By looking each row up in an index of the added table.
    fn looked_up(&self, path: &Access, set: usize, place: usize) -> Vec<Access> {
        let Some(leaf) = self.cluster.units[place].leaf else { return Vec::new() };
        let leaf = &self.prepared.leaves[leaf];
        let joined: Vec<Clause> = self
            .cluster
            .members
            .iter()
            .filter(|member| member.unit == place)
            .filter(|member| {
                self.cluster
                    .members
                    .iter()
                    .any(|other| other.class == member.class && set & (1 << other.unit) != 0)
            })
            .map(|member| Clause {
                keys: vec![(member.key.clone(), ConditionKind::Equal)],
                alternatives: false,
                values: 1.0,
                share: 1.0 / member.distinct,
            })
            .collect();
        let outer = self.cluster.rows(set).max(1.0);
        let mut found = Vec::new();
        for one in self.offered {
            let serves = one.index.keys.first().is_some_and(|first| {
                joined.iter().any(|clause| clause.keys.iter().any(|(key, _)| *key == first.key))
                    || leaf.clauses.iter().any(|clause| {
                        clause
                            .keys
                            .iter()
                            .any(|(key, kind)| *key == first.key && *kind == ConditionKind::Equal)
                    })
            });
            if !serves {
                continue;
            }
            let matches: f64 =
                leaf.passed * joined.iter().map(|clause| clause.share).product::<f64>();
            for access in leaf.by_index(one, &joined, outer.max(1.000_001), self.prices) {
                let mut each = access.total;
                if self.cluster.first_match && 1.0 < matches {
                    let run = (access.total - access.startup) * 2.0 / (matches + 1.0);
                    each = access.startup + run;
                }
                let out = outer * matches.max(f64::MIN_POSITIVE);
                let total = path.total + outer * each + out * self.prices.tuple;
                found.push(Access {
                    startup: path.startup + access.startup,
                    total,
                    ordered: path.ordered,
                    used: united(&path.used, &access.used),
                });
            }
        }
        found
    }
}
