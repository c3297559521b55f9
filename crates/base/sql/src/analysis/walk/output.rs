//! What a query gives: columns, groups and order.

use model::database::IndexKey;
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Select,
    SelectItem, Value,
};

use super::{Output, Walk};
use crate::analysis::{
    SortKey,
    children::parts,
    scope::{Columns, Place, Source, folded},
};

impl<'database> Walk<'database> {
    pub(super) fn projected(&mut self, items: &[SelectItem], output: Output) -> Columns {
        let mut columns = Columns::new();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    if output == Output::Read {
                        self.reads(expr);
                    }
                    let name = match (item, expr) {
                        (SelectItem::ExprWithAlias { alias, .. }, _) => folded(alias),
                        (_, Expr::Identifier(name)) => folded(name),
                        (_, Expr::CompoundIdentifier(names)) => {
                            names.last().map(folded).unwrap_or_default()
                        }
                        _ => String::new(),
                    };
                    columns.push((name, self.place(expr)));
                }
                SelectItem::Wildcard(_) if output == Output::Ignored => {}
                SelectItem::Wildcard(_) => {
                    let all = self.scopes.0.last().map(|scope| scope.sources.clone());
                    for (_, source) in all.into_iter().flatten() {
                        columns.extend(self.all_of(&source));
                    }
                }
                SelectItem::QualifiedWildcard(..) => {
                    let named = item.to_string();
                    let alias = named.trim_end_matches(".*").trim_matches('"').to_owned();
                    let source = self.scopes.source(&alias.as_str().into()).cloned();
                    columns.extend(
                        source.iter().flat_map(|source| self.all_of(source)).collect::<Columns>(),
                    );
                }
                SelectItem::ExprWithAliases { .. } => self.analysis.partial = true,
            }
        }
        columns
    }

    pub(super) fn all_of(&mut self, source: &Source<'database>) -> Columns {
        match source {
            Source::Table(place, table) => {
                if let Some(needs) = self.analysis.tables.get_mut(*place) {
                    needs.whole_rows = true;
                }
                let column = |number| Place { table: *place, key: IndexKey::Column(number) };
                let columns = table.columns.iter();
                columns.map(|known| (known.name.to_string(), Some(column(known.number)))).collect()
            }
            Source::Derived(columns) => columns.clone(),
            Source::Unknown => Columns::new(),
        }
    }

    /// What a key of `GROUP BY` or `ORDER BY` means: a number, a name that is put out, or an expression.
    pub(super) fn sorted_by(&self, expr: &Expr, columns: &Columns) -> Option<Place> {
        if let Expr::Value(value) = expr
            && let Value::Number(number, _) = &value.value
        {
            let number: usize = number.parse().ok()?;
            return columns.get(number.checked_sub(1)?)?.1.clone();
        }
        if let Expr::Identifier(name) = expr
            && let Some((_, place)) = columns.iter().find(|(known, _)| *known == folded(name))
        {
            return place.clone();
        }
        self.place(expr)
    }

    pub(super) fn grouped(&mut self, select: &Select, columns: &Columns) {
        let mut keys: Vec<Place> = Vec::new();
        if let GroupByExpr::Expressions(exprs, _) = &select.group_by {
            for expr in exprs {
                self.reads(expr);
                keys.extend(self.sorted_by(expr, columns));
            }
        }
        match &select.distinct {
            Some(Distinct::Distinct) => {
                keys.extend(columns.iter().filter_map(|(_, place)| place.clone()));
            }
            Some(Distinct::On(exprs)) => {
                for expr in exprs {
                    self.reads(expr);
                    keys.extend(self.sorted_by(expr, columns));
                }
            }
            Some(Distinct::All) | None => {}
        }
        for place in keys {
            if let Some(needs) = self.analysis.tables.get_mut(place.table)
                && !needs.group.contains(&place.key)
            {
                needs.group.push(place.key);
            }
        }
    }

    /// `min` and `max` alone take the first row of an order.
    pub(super) fn smallest(&mut self, select: &Select) {
        let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
            select.projection.as_slice()
        else {
            return;
        };
        let Expr::Function(function) = expr else { return };
        let called = function.name.to_string().to_lowercase();
        if !matches!(called.as_str(), "min" | "max") {
            return;
        }
        let Some(place) = parts(expr).exprs.first().and_then(|argument| self.place(argument))
        else {
            return;
        };
        if let Some(needs) = self.analysis.tables.get_mut(place.table)
            && needs.order.is_empty()
        {
            needs.order.push(SortKey { key: place.key, descending: false, nulls_first: false });
            needs.limited = true;
        }
    }

    pub(super) fn ordered(&mut self, order: &OrderBy, columns: &Columns, select: &Select) {
        let OrderByKind::Expressions(keys) = &order.kind else { return };
        for key in keys {
            self.reads(&key.expr);
        }
        let mut table = None;
        let mut sort = Vec::new();
        for OrderByExpr { expr, options, .. } in keys {
            let Some(place) = self.sorted_by(expr, columns) else { break };
            if *table.get_or_insert(place.table) != place.table {
                break;
            }
            let descending = matches!(options.sort, Some(OrderBySort::Desc));
            let nulls_first = options.nulls_first.unwrap_or(descending);
            sort.push(SortKey { key: place.key, descending, nulls_first });
        }
        let aggregated =
            matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if !exprs.is_empty());
        if let Some(needs) = table.and_then(|table| self.analysis.tables.get_mut(table))
            && needs.order.is_empty()
            && (!aggregated || sort.iter().all(|key| needs.group.contains(&key.key)))
        {
            needs.order = sort;
        }
    }
}
