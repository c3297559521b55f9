//! Groups: of rows, and of roll-ups where they answer the same, sooner and for longer.
//!
//! As in the folder ([`crate::rolled`]): whole minutes are answered by roll-ups, what the window has beside them by
//! spans. Where steps of time cut minutes in two, only what was thinned is answered by roll-ups.

use std::time::Duration;

use keep::{
    query::{Field, Groups, Measure, Query},
    rollup::{self, MINUTE_NANOS},
};

use super::{
    Bounds, ClickHouse,
    ask::{self, Here},
    binary,
    terms::Terms,
    thinned::{Thinned, Which},
    trouble::Trouble,
};

impl ClickHouse {
    /// Groups of all rows but those of the segments `here` of this folder.
    ///
    /// # Errors
    ///
    /// ClickHouse is away or refuses, or a limit was reached.
    pub fn groups(&self, query: &Query, bounds: Bounds, here: &[u32]) -> Result<Groups, Trouble> {
        let thinned = self.thinned_of(query.table, bounds)?;
        let of = |query: &Query, which| {
            let here = Here { which, ..self.here(here, &thinned) };
            self.groups_of(query, bounds, here)
        };
        let Some((minutes, rest)) = self.rolled(query) else { return of(query, Which::All) };
        let mut groups = Groups::default();
        if rollup::fits(query) {
            groups.merge(of(&minutes, Which::All)?);
            if rollup::inner(query.window) != Some(query.window) {
                groups.merge(of(&rest, Which::All)?);
            }
            return Ok(groups);
        }
        if !is_minute_or_longer(query) || thinned.is_empty() {
            return of(query, Which::All);
        }
        groups.merge(of(query, Which::Whole)?);
        groups.merge(of(&minutes, Which::Thinned)?);
        groups.merge(of(&rest, Which::Thinned)?);
        Ok(groups)
    }

    /// The same question of roll-ups for whole minutes, and what is left of it for spans.
    fn rolled(&self, query: &Query) -> Option<(Query, Query)> {
        // Roll-ups that go before spans do not tell of all of them.
        if self.schema.minutes_days < self.schema.days {
            return None;
        }
        rollup::split(query, &rollup::asked(query)?)
    }

    fn groups_of(&self, query: &Query, bounds: Bounds, here: Here<'_>) -> Result<Groups, Trouble> {
        let mut fields: Vec<&Field> = query.group.iter().collect();
        fields.extend(query.measures.iter().filter_map(Measure::field));
        query.filter.fields(&mut fields);
        let resources = self.resources(query.table, query.window, &fields, bounds)?;
        let terms = Terms { table: query.table, resources: &resources };
        let from = self.schema.table(query.table.name);
        if ask::are_merged_there(query) {
            let sql = ask::groups_sql(query, terms, &from, here);
            let reply = self.question(&self.told(sql)?, bounds)?;
            return self.told(ask::read_groups(query, terms, &reply.body, reply.rows_read));
        }
        let sql = ask::rows_sql(query, terms, &from, here);
        let reply = self.question(&self.told(sql)?, bounds)?;
        let mut groups = Groups::default();
        groups.add(query, &self.told(binary::read_rows(query.table, &reply.body))?);
        Ok(groups)
    }

    /// What was thinned of a table.
    pub(super) fn thinned_of(
        &self,
        table: &keep::Table,
        bounds: Bounds,
    ) -> Result<Vec<Thinned>, Trouble> {
        if super::schema::thins(table) { self.thinned(bounds) } else { Ok(Vec::new()) }
    }
}

fn is_minute_or_longer(query: &Query) -> bool {
    query.step.is_none_or(|step| Duration::from_nanos(MINUTE_NANOS) <= step)
}
