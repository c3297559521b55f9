//! What rows have to pass: comparisons, joins, and what could stand in the `WHERE` of an index.

use model::database::IndexKey;
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::{
    Condition, ConditionKind, Parameter, Predicate, PredicateKind, places::begins_fixed,
    scope::Place, spelling, walk::Walk,
};

/// Sides of an `OR` that are looked at: more is a generated list.
const SIDES_MAX: usize = 16;

/// Whether all rows have to pass, or those of one side of an `OR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Always,
    OnOneSide,
}

impl Walk<'_> {
    /// Takes the conditions of a `WHERE` or `ON` in.
    pub(super) fn conditions(&mut self, expr: &Expr, holds: Holds) {
        for conjunct in conjuncts(expr) {
            let sides = sides(conjunct);
            if sides.len() > 1 {
                self.either(&sides);
                if holds == Holds::Always {
                    self.predicate(conjunct);
                }
            } else {
                self.condition(conjunct, holds);
            }
        }
    }

    /// What is common to all sides holds always.
    fn either(&mut self, sides: &[&Expr]) {
        let all: Vec<Vec<&Expr>> = sides.iter().map(|side| conjuncts(side)).collect();
        let Some((first, rest)) = all.split_first() else { return };
        let common: Vec<&Expr> = first
            .iter()
            .filter(|conjunct| rest.iter().all(|side| side.contains(conjunct)))
            .copied()
            .collect();
        for conjunct in &common {
            self.conditions(conjunct, Holds::Always);
        }
        for conjunct in all.into_iter().flatten().filter(|conjunct| !common.contains(conjunct)) {
            self.conditions(conjunct, Holds::OnOneSide);
        }
    }

    fn condition(&mut self, expr: &Expr, holds: Holds) {
        if holds == Holds::Always {
            self.predicate(expr);
        }
        match expr {
            Expr::BinaryOp { left, op, right } => self.compared(left, op, right, holds),
            Expr::InList { expr, negated: false, .. } => {
                self.add(expr, &[], ConditionKind::In, holds);
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
                self.add(left, &[right], ConditionKind::In, holds);
                // `$1 = ANY (tags)`
                self.add(right, &[left], ConditionKind::Contains, holds);
            }
            Expr::Between { expr, negated: false, low, high } => {
                self.add(expr, &[low, high], ConditionKind::Range, holds);
            }
            Expr::Like { negated: false, expr, pattern, .. } => {
                let kind = if begins_fixed(pattern) {
                    ConditionKind::Prefix
                } else {
                    ConditionKind::Pattern
                };
                self.add(expr, &[pattern], kind, holds);
            }
            Expr::ILike { negated: false, expr, pattern, .. }
            | Expr::SimilarTo { negated: false, expr, pattern, .. } => {
                self.add(expr, &[pattern], ConditionKind::Pattern, holds);
            }
            Expr::IsNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
                self.add(inner, &[], ConditionKind::Equal, holds);
            }
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                self.add(expr, &[], ConditionKind::Equal, holds);
            }
            _ => {}
        }
    }

    fn compared(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr, holds: Holds) {
        if let (Expr::Tuple(lefts), Expr::Tuple(rights)) = (left, right) {
            if *op == BinaryOperator::Eq {
                for (left, right) in lefts.iter().zip(rights) {
                    self.compared(left, op, right, holds);
                }
            } else if let (Some(left), Some(right)) = (lefts.first(), rights.first()) {
                // Rows are compared by their first members first: the way of keyset pagination.
                self.compared(left, op, right, holds);
            }
            return;
        }
        let Some(kind) = kind(op) else { return };
        self.add(left, &[right], kind, holds);
        self.add(right, &[left], kind, holds);
    }

    /// Adds that `key` is compared with `others`, if an index on it could serve.
    fn add(&mut self, key: &Expr, others: &[&Expr], kind: ConditionKind, holds: Holds) {
        let Some(Place { table, key }) = self.place(key) else { return };
        if !others.iter().all(|other| self.is_known_without(other, table)) {
            return;
        }
        let of_others = others.iter().any(|other| self.is_of_others(other));
        if let ([other], IndexKey::Column(column), ConditionKind::Equal) = (others, &key, kind)
            && let Some(number) = parameter(other)
            && let Some(catalog) = self.catalog.get(table)
        {
            let known = Parameter { number, table: catalog.name.clone(), column: *column };
            if !self.analysis.parameters.contains(&known) {
                self.analysis.parameters.push(known);
            }
        }
        let Some(needs) = self.analysis.tables.get_mut(table) else { return };
        if of_others && kind == ConditionKind::Equal {
            if !needs.joins.contains(&key) {
                needs.joins.push(key);
            }
            return;
        }
        let alternative = holds == Holds::OnOneSide;
        let condition = Condition { key, kind, alternative };
        if !needs.conditions.contains(&condition) {
            needs.conditions.push(condition);
        }
    }

    /// Adds it as something that could stand in the `WHERE` of an index.
    fn predicate(&mut self, expr: &Expr) {
        let Some(kind) = self.predicate_kind(expr) else { return };
        let Some(tables) = self.tables_in(expr) else { return };
        let Ok([table]) = <[usize; 1]>::try_from(tables.into_iter().collect::<Vec<_>>()) else {
            return;
        };
        let Some(catalog) = self.catalog.get(table) else { return };
        let Some(sql) = spelling::of(expr, catalog) else { return };
        let columns = spelling::columns_of(expr, catalog);
        let Some(needs) = self.analysis.tables.get_mut(table) else { return };
        if !needs.predicates.iter().any(|known| known.sql == sql) {
            needs.predicates.push(Predicate { sql, columns, kind });
        }
    }

    fn predicate_kind(&self, expr: &Expr) -> Option<PredicateKind> {
        match expr {
            Expr::Nested(inner) => self.predicate_kind(inner),
            Expr::IsNull(_) => Some(PredicateKind::Null),
            Expr::IsNotNull(_) => Some(PredicateKind::NotNull),
            Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::UnaryOp { op: UnaryOperator::Not, .. } => Some(PredicateKind::Equal),
            Expr::InList { negated: false, .. } => Some(PredicateKind::In),
            Expr::InList { negated: true, .. } => Some(PredicateKind::NotEqual),
            Expr::Between { .. } => Some(PredicateKind::Range),
            Expr::BinaryOp { left, op, right } => {
                let columns = self.is_of_others(left) && self.is_of_others(right);
                match kind(op) {
                    Some(_) if columns => Some(PredicateKind::Columns),
                    Some(ConditionKind::Equal) => Some(PredicateKind::Equal),
                    Some(ConditionKind::Range) => Some(PredicateKind::Range),
                    None if *op == BinaryOperator::NotEq => Some(PredicateKind::NotEqual),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The number of a parameter that stands alone, a cast aside.
fn parameter(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => parameter(inner),
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => name.strip_prefix('$')?.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// What is joined by `AND`.
pub(super) fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                open.extend([&**right, &**left]);
            }
            Expr::Nested(inner) => open.push(inner),
            other => found.push(other),
        }
    }
    found
}

/// What is joined by `OR`; the expression alone if nothing is.
fn sides(expr: &Expr) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                open.extend([&**right, &**left]);
            }
            Expr::Nested(inner) if is_or(inner) => open.push(inner),
            other => found.push(other),
        }
    }
    found.truncate(SIDES_MAX);
    found
}

fn is_or(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op: BinaryOperator::Or, .. })
}

fn kind(op: &BinaryOperator) -> Option<ConditionKind> {
    Some(match op {
        BinaryOperator::Eq => ConditionKind::Equal,
        BinaryOperator::Lt | BinaryOperator::Gt | BinaryOperator::LtEq | BinaryOperator::GtEq => {
            ConditionKind::Range
        }
        BinaryOperator::PGStartsWith => ConditionKind::Prefix,
        BinaryOperator::PGRegexMatch
        | BinaryOperator::PGRegexIMatch
        | BinaryOperator::PGLikeMatch
        | BinaryOperator::PGILikeMatch => ConditionKind::Pattern,
        BinaryOperator::AtArrow
        | BinaryOperator::ArrowAt
        | BinaryOperator::PGOverlap
        | BinaryOperator::Question
        | BinaryOperator::QuestionAnd
        | BinaryOperator::QuestionPipe => ConditionKind::Contains,
        BinaryOperator::AtAt => ConditionKind::Search,
        _ => return None,
    })
}
