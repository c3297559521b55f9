//! Where an expression gets its values: which naming of a table, which column.

use std::collections::BTreeSet;

use model::database::IndexKey;
use sqlparser::ast::{DataType, Expr, Value};

use super::{
    children::parts,
    scope::{Meaning, Place},
    spelling,
    walk::Walk,
};

impl Walk<'_> {
    /// The column or expression of one table that an index could hold for it.
    pub(super) fn place(&self, expr: &Expr) -> Option<Place> {
        match expr {
            Expr::Nested(inner) => self.place(inner),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => match self.meaning(expr) {
                Meaning::Place(place) => Some(place),
                Meaning::Other | Meaning::Nothing => None,
            },
            Expr::Cast { expr: inner, data_type, .. } if is_text(data_type) => {
                let place = self.place(inner)?;
                let IndexKey::Column(number) = place.key else { return self.computed(expr) };
                // From one type of text to another nothing is computed, and an index on the column serves.
                let column = self.catalog.get(place.table)?.column(number)?;
                if column.type_category == 'S' { Some(place) } else { self.computed(expr) }
            }
            Expr::Value(_) | Expr::TypedString(_) => None,
            _ => self.computed(expr),
        }
    }

    /// The expression as an index would hold it.
    fn computed(&self, expr: &Expr) -> Option<Place> {
        let tables = self.tables_in(expr)?;
        let [table] = tables.into_iter().collect::<Vec<_>>().try_into().ok()?;
        let text = spelling::of(expr, self.catalog.get(table)?)?;
        Some(Place { table, key: IndexKey::Expression(text) })
    }

    /// Namings of tables whose columns take part in it; `None` if that cannot be told.
    pub(super) fn tables_in(&self, expr: &Expr) -> Option<BTreeSet<usize>> {
        let mut tables = BTreeSet::new();
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Expr::Identifier(_) | Expr::CompoundIdentifier(_) = expr {
                match self.meaning(expr) {
                    Meaning::Place(place) => {
                        tables.insert(place.table);
                    }
                    Meaning::Other => return None,
                    Meaning::Nothing => {}
                }
            }
            let inside = parts(expr);
            if inside.more || !inside.queries.is_empty() {
                return None;
            }
            open.extend(inside.exprs);
        }
        Some(tables)
    }

    /// Whether a value stands there before this table is read: what is not of it, subqueries included.
    pub(super) fn is_known_without(&self, expr: &Expr, table: usize) -> bool {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Expr::Identifier(_) | Expr::CompoundIdentifier(_) = expr
                && matches!(self.meaning(expr), Meaning::Place(place) if place.table == table)
            {
                return false;
            }
            open.extend(parts(expr).exprs);
        }
        true
    }

    /// Whether columns of other tables take part in it.
    pub(super) fn is_of_others(&self, expr: &Expr) -> bool {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Expr::Identifier(_) | Expr::CompoundIdentifier(_) = expr
                && !matches!(self.meaning(expr), Meaning::Nothing)
            {
                return true;
            }
            open.extend(parts(expr).exprs);
        }
        false
    }

    pub(super) fn meaning(&self, expr: &Expr) -> Meaning {
        match expr {
            Expr::Identifier(name) => self.scopes.column(name),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [.., source, name] => self.scopes.qualified(source, name),
                _ => Meaning::Nothing,
            },
            _ => Meaning::Nothing,
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::Char(_)
    )
}

/// Whether a pattern is there to be seen, and begins with something else than a wildcard.
pub(super) fn begins_fixed(pattern: &Expr) -> bool {
    match pattern {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                !text.starts_with(['%', '_']) && !text.is_empty()
            }
            _ => false,
        },
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => begins_fixed(inner),
        _ => false,
    }
}
