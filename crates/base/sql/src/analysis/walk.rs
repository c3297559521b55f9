//! Through a statement, block by block.

mod output;

use model::database::{Database, IndexKey, Table};
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, JoinConstraint, JoinOperator,
    LimitClause, OrderBy, Query, Select, SetExpr, Statement, TableAlias, TableFactor,
    TableWithJoins, Update, UpdateTableFromKind,
};

use super::{
    Analysis, TableNeeds,
    children::parts,
    conditions::Holds,
    scope::{self, Columns, Meaning, Place, Scope, Scopes, Source, folded},
};

/// Namings of tables that are told of: more are a generated statement.
const TABLES_MAX: usize = 64;

/// What is known so far.
pub(super) struct Walk<'database> {
    pub(super) database: &'database Database,
    pub(super) analysis: Analysis,
    /// The table of each naming, beside `analysis.tables`.
    pub(super) catalog: Vec<&'database Table>,
    pub(super) scopes: Scopes<'database>,
}

/// What becomes of the columns that a block puts out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Read,
    /// `EXISTS (SELECT *)` reads none.
    Ignored,
}

pub(super) fn statement(statement: &Statement, database: &Database) -> Analysis {
    let mut walk = Walk {
        database,
        analysis: Analysis::default(),
        catalog: Vec::new(),
        scopes: Scopes(Vec::new()),
    };
    walk.statement(statement);
    let mut analysis = walk.analysis;
    for table in &mut analysis.tables {
        table.read.sort_unstable();
        table.read.dedup();
    }
    analysis
}

impl<'database> Walk<'database> {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => drop(self.query(query, Output::Read)),
            Statement::Insert(insert) => {
                if let Some(source) = &insert.source {
                    self.query(source, Output::Read);
                }
            }
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            _ => self.analysis.partial = true,
        }
    }

    fn update(&mut self, update: &Update) {
        let target = self.catalog.len();
        let from = match &update.from {
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => {
                from.as_slice()
            }
            None => &[],
        };
        let assigned = update.assignments.iter().map(|assignment| &assignment.value);
        self.change(std::slice::from_ref(&update.table), from, update.selection.as_ref(), assigned);
        self.assigned(&update.assignments, target);
    }

    /// Notes which columns of the target are set.
    fn assigned(&mut self, assignments: &[Assignment], target: usize) {
        let Some(table) = self.catalog.get(target) else { return };
        let names = assignments.iter().flat_map(|assignment| match &assignment.target {
            AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
            AssignmentTarget::Tuple(names) => names,
        });
        let last = names.filter_map(|name| name.0.last()?.as_ident());
        let columns = last.filter_map(|name| table.column_named(&folded(name)));
        let numbers: Vec<i16> = columns.map(|column| column.number).collect();
        if let Some(needs) = self.analysis.tables.get_mut(target) {
            needs.sets = numbers;
        }
    }

    fn delete(&mut self, delete: &Delete) {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let using = delete.using.as_deref().unwrap_or_default();
        self.change(from, using, delete.selection.as_ref(), std::iter::empty());
    }

    fn change<'expr>(
        &mut self,
        target: &[TableWithJoins],
        others: &[TableWithJoins],
        selection: Option<&'expr Expr>,
        values: impl Iterator<Item = &'expr Expr>,
    ) {
        self.scopes.0.push(Scope::default());
        let first = self.catalog.len();
        for table in target {
            self.from(table);
        }
        for needs in self.analysis.tables.iter_mut().skip(first) {
            needs.whole_rows = true;
        }
        for table in others {
            self.from(table);
        }
        for expr in selection.into_iter().chain(values) {
            self.reads(expr);
        }
        if let Some(selection) = selection {
            self.conditions(selection, Holds::Always);
        }
        self.scopes.0.pop();
    }

    fn query(&mut self, query: &Query, output: Output) -> Columns {
        self.scopes.0.push(Scope::default());
        for common in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&common.query, Output::Read);
            let columns = renamed(columns, &common.alias);
            if let Some(scope) = self.scopes.0.last_mut() {
                scope.common.insert(folded(&common.alias.name), columns);
            }
        }
        let limited = query.fetch.is_some()
            || matches!(&query.limit_clause, Some(LimitClause::LimitOffset { limit: Some(_), .. }));
        let columns = self.body(&query.body, query.order_by.as_ref(), limited, output);
        self.scopes.0.pop();
        columns
    }

    fn body(
        &mut self,
        body: &SetExpr,
        order: Option<&OrderBy>,
        limited: bool,
        output: Output,
    ) -> Columns {
        match body {
            SetExpr::Select(select) => self.select(select, order, limited, output),
            SetExpr::Query(query) => self.query(query, output),
            SetExpr::SetOperation { left, right, .. } => {
                let columns = self.body(left, None, false, output);
                self.body(right, None, false, output);
                // Which side a row is from is not known.
                columns.into_iter().map(|(name, _)| (name, None)).collect()
            }
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => {
                self.statement(statement);
                Columns::new()
            }
            SetExpr::Values(_) => Columns::new(),
            SetExpr::Table(_) => {
                self.analysis.partial = true;
                Columns::new()
            }
        }
    }

    fn select(
        &mut self,
        select: &Select,
        order: Option<&OrderBy>,
        limited: bool,
        output: Output,
    ) -> Columns {
        self.scopes.0.push(Scope::default());
        let first = self.catalog.len();
        for table in &select.from {
            self.from(table);
        }
        for expr in select.selection.iter().chain(&select.having) {
            self.reads(expr);
        }
        if let Some(selection) = &select.selection {
            self.conditions(selection, Holds::Always);
        }
        let columns = self.projected(&select.projection, output);
        self.grouped(select, &columns);
        self.smallest(select);
        if let Some(order) = order {
            self.ordered(order, &columns, select);
        }
        if limited {
            for needs in self.analysis.tables.iter_mut().skip(first) {
                needs.limited = true;
            }
        }
        self.scopes.0.pop();
        columns
    }

    fn from(&mut self, table: &TableWithJoins) {
        self.factor(&table.relation);
        for join in &table.joins {
            self.factor(&join.relation);
            match constraint(&join.join_operator) {
                Some(JoinConstraint::On(expr)) => {
                    self.reads(expr);
                    self.conditions(expr, Holds::Always);
                }
                Some(JoinConstraint::Using(names)) => {
                    for name in names.iter().filter_map(|name| name.0.last()?.as_ident()) {
                        self.shared(&folded(name));
                    }
                }
                Some(JoinConstraint::Natural) => self.analysis.partial = true,
                Some(JoinConstraint::None) | None => {}
            }
        }
    }

    /// A column of `USING`: all sources of the block that have it are joined by it.
    fn shared(&mut self, name: &str) {
        let Some(scope) = self.scopes.0.last() else { return };
        for (_, source) in &scope.sources {
            if let Source::Table(place, table) = source
                && let Some(column) = table.column_named(name)
                && let Some(needs) = self.analysis.tables.get_mut(*place)
            {
                needs.read.push(column.number);
                let key = IndexKey::Column(column.number);
                if !needs.joins.contains(&key) {
                    needs.joins.push(key);
                }
            }
        }
    }

    fn factor(&mut self, factor: &TableFactor) {
        let (name, source) = match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let last =
                    name.0.last().and_then(|part| part.as_ident()).map(folded).unwrap_or_default();
                let common =
                    (name.0.len() == 1).then(|| self.scopes.common(&last)).flatten().cloned();
                let source = match common {
                    Some(columns) => Source::Derived(columns),
                    None => self.named(name),
                };
                (alias.as_ref().map_or(last, |alias| folded(&alias.name)), source)
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.query(subquery, Output::Read);
                let Some(alias) = alias else {
                    return self.bring(String::new(), Source::Derived(columns));
                };
                (folded(&alias.name), Source::Derived(renamed(columns, alias)))
            }
            TableFactor::NestedJoin { table_with_joins, .. } => return self.from(table_with_joins),
            TableFactor::Function { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::Table { alias, .. } => {
                let name = alias.as_ref().map(|alias| folded(&alias.name)).unwrap_or_default();
                (name, Source::Unknown)
            }
            _ => {
                self.analysis.partial = true;
                (String::new(), Source::Unknown)
            }
        };
        self.bring(name, source);
    }

    fn bring(&mut self, name: String, source: Source<'database>) {
        if let Some(scope) = self.scopes.0.last_mut() {
            scope.sources.push((name, source));
        }
    }

    fn named(&mut self, name: &sqlparser::ast::ObjectName) -> Source<'database> {
        let Some(table) = scope::table(name, self.database) else {
            self.analysis.unknown.push(name.to_string());
            return Source::Unknown;
        };
        if self.catalog.len() >= TABLES_MAX {
            self.analysis.partial = true;
            return Source::Unknown;
        }
        self.catalog.push(table);
        self.analysis
            .tables
            .push(TableNeeds { table: table.name.clone(), ..TableNeeds::default() });
        Source::Table(self.catalog.len() - 1, table)
    }

    /// Notes every column that is read, and walks through subqueries.
    pub(super) fn reads(&mut self, expr: &Expr) {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Meaning::Place(place) = self.meaning(expr) {
                self.read(&place);
            }
            let inside = parts(expr);
            self.analysis.partial |= inside.more;
            let output =
                if matches!(expr, Expr::Exists { .. }) { Output::Ignored } else { Output::Read };
            for query in inside.queries {
                let columns = self.query(query, output);
                if let Expr::InSubquery { expr, .. } = expr {
                    self.within(expr, &columns);
                }
            }
            open.extend(inside.exprs);
        }
    }

    /// `x IN (SELECT y …)`: a join of the two.
    fn within(&mut self, expr: &Expr, columns: &Columns) {
        let inner = columns.first().and_then(|(_, place)| place.clone());
        for place in self.place(expr).into_iter().chain(inner) {
            if let Some(needs) = self.analysis.tables.get_mut(place.table)
                && !needs.joins.contains(&place.key)
            {
                needs.joins.push(place.key);
            }
        }
    }

    fn read(&mut self, place: &Place) {
        if let IndexKey::Column(number) = place.key
            && let Some(needs) = self.analysis.tables.get_mut(place.table)
        {
            needs.read.push(number);
        }
    }
}

fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

/// Columns under the names that an alias gives them.
fn renamed(columns: Columns, alias: &TableAlias) -> Columns {
    let mut names = alias.columns.iter();
    columns
        .into_iter()
        .map(|(name, place)| (names.next().map_or(name, |column| folded(&column.name)), place))
        .collect()
}
