//! The plans that are known, in a form in which sets of indexes are weighed quickly.
//!
//! A search looks at a hundred thousand sets that differ by an index or two: what each statement takes is kept, and
//! only statements that have a plan with what changes are looked at again.

use std::collections::{BTreeMap, BTreeSet};

use super::{bits::Bits, choice::Limits, pool::Pool};

/// Plans of all statements, cheapest first, and their bundles. Candidates have numbers of its own.
#[derive(Debug)]
pub(super) struct Book {
    statements: Vec<Vec<Plan>>,
    pub(super) bundles: Vec<Bundle>,
    /// Statements that have a plan with this candidate.
    with: Vec<Vec<usize>>,
    /// Each candidate's place in the pool.
    places: Vec<usize>,
    pub(super) bytes: Vec<u64>,
    pub(super) write: Vec<f64>,
}

/// Indexes that belong together, as some plan uses them.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) numbers: Vec<usize>,
    /// Statements that have a plan with one of them.
    statements: Vec<usize>,
}

/// The indexes that it needs, and its cost by its statement's weight.
#[derive(Debug)]
struct Plan {
    needs: Vec<usize>,
    cost: f64,
}

/// A set of candidates, and which plan each statement has with it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    inside: Vec<bool>,
    plans: Vec<usize>,
    pub(super) count: usize,
    pub(super) bytes: u64,
    /// What the workload takes, writing included.
    pub(super) cost: f64,
}

impl Book {
    pub(super) fn of(pool: &Pool<'_>, limits: &Limits<'_>) -> Self {
        let kept: Vec<Vec<(Bits, f64)>> =
            (0..pool.known.len()).map(|statement| worth_having(pool, limits, statement)).collect();
        let used: BTreeSet<usize> =
            kept.iter().flatten().flat_map(|(used, _)| used.iter().collect::<Vec<_>>()).collect();
        let places: Vec<usize> = used.into_iter().collect();
        let numbers: BTreeMap<usize, usize> =
            places.iter().enumerate().map(|(number, place)| (*place, number)).collect();
        let mut with: Vec<Vec<usize>> = vec![Vec::new(); places.len()];
        let mut bundles = BTreeSet::new();
        let mut statements = Vec::new();
        for (statement, plans) in kept.into_iter().enumerate() {
            let weight = pool.known[statement].weight;
            let mut page = Vec::new();
            for (used, cost) in plans {
                let needs: Vec<usize> = used.iter().map(|place| numbers[&place]).collect();
                for number in &needs {
                    if with[*number].last() != Some(&statement) {
                        with[*number].push(statement);
                    }
                }
                if !needs.is_empty() {
                    bundles.insert(needs.clone());
                }
                page.push(Plan { needs, cost: cost * weight });
            }
            statements.push(page);
        }
        let bundle = |numbers: Vec<usize>| Bundle { statements: touched(&with, &numbers), numbers };
        Self {
            statements,
            bundles: bundles.into_iter().map(bundle).collect(),
            with,
            bytes: places.iter().map(|place| limits.bytes[*place]).collect(),
            write: places.iter().map(|place| limits.write[*place]).collect(),
            places,
        }
    }

    /// The set with nothing in it.
    pub(super) fn nothing(&self) -> Held {
        let mut held = Held {
            inside: vec![false; self.places.len()],
            plans: vec![0; self.statements.len()],
            count: 0,
            bytes: 0,
            cost: 0.0,
        };
        for statement in 0..self.statements.len() {
            held.plans[statement] = self.next(statement, 0, &held.inside, None);
            held.cost += self.cost_of(statement, held.plans[statement]);
        }
        held
    }

    /// The set with those of `set` that some plan uses.
    pub(super) fn held(&self, set: &Bits) -> Held {
        let mut held = self.nothing();
        let numbers: Vec<usize> =
            (0..self.places.len()).filter(|number| set.contains(self.places[*number])).collect();
        self.add(&mut held, &numbers);
        held
    }

    /// Its candidates by their places in the pool.
    pub(super) fn bits(&self, held: &Held) -> Bits {
        held.members().map(|number| self.places[number]).collect()
    }

    pub(super) fn add(&self, held: &mut Held, numbers: &[usize]) {
        for number in numbers {
            if !held.inside[*number] {
                held.inside[*number] = true;
                held.count += 1;
                held.bytes = held.bytes.saturating_add(self.bytes[*number]);
                held.cost += self.write[*number];
            }
        }
        for statement in touched(&self.with, numbers) {
            let now = held.plans[statement];
            let then = self.next(statement, 0, &held.inside, None).min(now);
            held.cost += self.cost_of(statement, then) - self.cost_of(statement, now);
            held.plans[statement] = then;
        }
    }

    pub(super) fn remove(&self, held: &mut Held, number: usize) {
        held.inside[number] = false;
        held.count -= 1;
        held.bytes = held.bytes.saturating_sub(self.bytes[number]);
        held.cost -= self.write[number];
        for statement in &self.with[number] {
            let now = held.plans[*statement];
            if self.needs(*statement, now, number) {
                let then = self.next(*statement, now, &held.inside, None);
                held.cost += self.cost_of(*statement, then) - self.cost_of(*statement, now);
                held.plans[*statement] = then;
            }
        }
    }

    /// Bytes and number of what the set does not have of a bundle.
    pub(super) fn lacks(&self, held: &Held, bundle: &Bundle) -> (u64, usize) {
        bundle
            .numbers
            .iter()
            .filter(|number| !held.inside[**number])
            .fold((0, 0), |(bytes, count), number| {
                (self.bytes[*number].saturating_add(bytes), count + 1)
            })
    }

    /// What the set would save with the bundle.
    pub(super) fn gain(&self, held: &Held, bundle: &Bundle) -> f64 {
        let has = |need: &usize| held.inside[*need] || bundle.numbers.contains(need);
        let saved = |statement: &usize| {
            let now = held.plans[*statement];
            let better = self.statements[*statement][..now].iter();
            let plan = better.into_iter().find(|plan| plan.needs.iter().all(has));
            plan.map_or(0.0, |plan| self.cost_of(*statement, now) - plan.cost)
        };
        let missing = bundle.numbers.iter().filter(|number| !held.inside[**number]);
        bundle.statements.iter().map(saved).sum::<f64>()
            - missing.map(|number| self.write[*number]).sum::<f64>()
    }

    /// What the set would lose without one that it has; negative where writers gain more than readers lose.
    pub(super) fn loss(&self, held: &Held, number: usize) -> f64 {
        let lost = |statement: &usize| {
            let now = held.plans[*statement];
            if !self.needs(*statement, now, number) {
                return 0.0;
            }
            let then = self.next(*statement, now, &held.inside, Some(number));
            self.cost_of(*statement, then) - self.cost_of(*statement, now)
        };
        self.with[number].iter().map(lost).sum::<f64>() - self.write[number]
    }

    /// The first plan from `from` on that needs nothing but what is inside, and not `but`.
    fn next(&self, statement: usize, from: usize, inside: &[bool], but: Option<usize>) -> usize {
        let plans = &self.statements[statement];
        let allowed =
            |plan: &Plan| plan.needs.iter().all(|need| inside[*need] && Some(*need) != but);
        plans.iter().skip(from).position(allowed).map_or(plans.len(), |at| from + at)
    }

    fn needs(&self, statement: usize, plan: usize, number: usize) -> bool {
        self.statements[statement].get(plan).is_some_and(|plan| plan.needs.contains(&number))
    }

    fn cost_of(&self, statement: usize, plan: usize) -> f64 {
        self.statements[statement].get(plan).map_or(0.0, |plan| plan.cost)
    }
}

fn touched(with: &[Vec<usize>], numbers: &[usize]) -> Vec<usize> {
    let mut touched: Vec<usize> =
        numbers.iter().flat_map(|number| with[*number].iter().copied()).collect();
    touched.sort_unstable();
    touched.dedup();
    touched
}

impl Held {
    pub(super) fn members(&self) -> impl Iterator<Item = usize> + '_ {
        self.inside.iter().enumerate().filter(|(_, inside)| **inside).map(|(number, _)| number)
    }
}

/// The statement's plans that fit, cheapest first. A dearer plan that needs all that a cheaper one needs is
/// never taken.
fn worth_having(pool: &Pool<'_>, limits: &Limits<'_>, statement: usize) -> Vec<(Bits, f64)> {
    let mut plans: Vec<(Bits, f64)> =
        pool.plans(statement).iter().filter(|(used, _)| limits.allow(used)).cloned().collect();
    plans.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    let mut kept: Vec<(Bits, f64)> = Vec::new();
    for plan in plans {
        if !kept.iter().any(|(used, _)| used.is_within(&plan.0)) {
            kept.push(plan);
        }
    }
    kept
}
