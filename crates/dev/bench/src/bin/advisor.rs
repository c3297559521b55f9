//! Indexes for a workload: Taut's choice and Extend's, on the same server, by the same planner.
//!
//! `advisor [--scale S] [--rows N] [--only sizes|writes|selection|real] [--budget MB]`. First the estimated cost of TPC-H by budget, as those who
//! compare advisors report it; then what counts: sets chosen by measured time, built for real, before and after
//! interleaved.

use std::{
    collections::BTreeSet,
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use bench::{advisor_tables, extend::extend, machine, real, table, tpch, write_costs::Effort};
use find::advisor::{AdvisedStatement, Costs as _, Options, Sizes, advise};
use model::{
    IndexSet,
    database::{Database, NewIndex, TableName},
};
use postgres::{Limits, ReadOptions, Target, WhatIf, connect, read_database};
use testkit::postgres::Postgres;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const BUDGETS_MB: [u64; 6] = [5, 10, 25, 50, 100, 150];
/// As the testbed counts.
const MB: u64 = 1_000_000;
/// Budgets of the sets that are built: megabytes, as who estimates them, and what is to become less.
const MEASURED: [(u64, &str, &str); 6] = [
    (5, "HypoPG", "time"),
    (16, "HypoPG", "time"),
    (5, "real", "time"),
    (8, "real", "time"),
    (50, "real", "cost"),
    (50, "real", "time"),
];
/// What is published for Extend with two columns at these budgets: share of the cost, plans asked.
const PUBLISHED: [(f64, u64); 6] =
    [(96.64, 328), (94.40, 524), (81.54, 714), (72.01, 1641), (60.20, 2773), (58.47, 3563)];

fn main() -> Outcome<()> {
    let (mut scale, mut rows, mut rounds, mut only) = (0.1, 1_000_000, 5, None::<String>);
    let mut budget = None;
    let words: Vec<String> = env::args().skip(1).collect();
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--scale" => scale = value.parse()?,
            [name, value] if name == "--rows" => rows = value.parse()?,
            [name, value] if name == "--rounds" => rounds = value.parse()?,
            [name, value] if name == "--budget" => budget = Some(value.parse()?),
            [name, value] if name == "--only" => only = Some(value.clone()),
            _ => return Err(format!("unknown: {pair:?}").into()),
        }
    }
    table::say(&format!("{}\n\n", machine::describe()));
    let wanted = |table: &str| only.as_deref().is_none_or(|only| only == table);
    if wanted("sizes") {
        advisor_tables::sizes(rows)?;
    }
    if wanted("writes") {
        advisor_tables::write_costs(Effort { rows, ..Effort::default() })?;
    }
    if !wanted("selection") && !wanted("real") {
        return Ok(());
    }
    let server = tpch::server(
        scale,
        &[
            ("max_parallel_workers_per_gather", "0"),
            ("work_mem", "32MB"),
            ("shared_buffers", "512MB"),
        ],
    )?;
    let bench = Bench::new(&server)?;
    if wanted("selection") {
        bench.selection(budget)?;
    }
    if wanted("real") {
        bench.measured(&server, rounds)?;
    }
    Ok(())
}

struct Bench {
    target: Target,
    database: Database,
    texts: Vec<Arc<str>>,
    statements: Vec<AdvisedStatement>,
}

impl Bench {
    fn new(server: &Postgres) -> Outcome<Self> {
        let target = Target::parse(&server.url())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let database = runtime.block_on(async {
            let connection = connect(&target, &Limits::default()).await?;
            Ok::<_, Box<dyn std::error::Error>>(
                read_database(&connection, &ReadOptions::default()).await?,
            )
        })?;
        let queries = tpch::queries();
        let texts: Vec<Arc<str>> = queries.iter().map(|(_, text)| Arc::from(*text)).collect();
        let mut known = sql::Statements::default();
        let statements = queries
            .iter()
            .zip(&texts)
            .map(|((number, text), sql)| AdvisedStatement {
                text: known.read(text).0,
                sql: Arc::clone(sql),
                query_id: i64::from(*number),
                calls_per_day: 1.0,
                mean_millis: None,
            })
            .collect();
        Ok(Self { target, database, texts, statements })
    }

    fn what_if(&self) -> Outcome<WhatIf> {
        Ok(WhatIf::open(&self.target, &self.database, &self.texts)?)
    }

    /// Columns that each query names.
    fn columns(&self) -> Outcome<Vec<BTreeSet<(TableName, i16)>>> {
        let mut what_if = self.what_if()?;
        let mut all = Vec::new();
        for text in &self.texts {
            let mut columns = BTreeSet::new();
            let mut open = vec![text.to_string()];
            while let Some(text) = open.pop() {
                let analysis =
                    sql::analyse(&text, &self.database).ok_or("a query is not understood")?;
                for needs in analysis.tables {
                    columns.extend(needs.read.iter().map(|column| (needs.table.clone(), *column)));
                }
                open.extend(analysis.unknown.iter().filter_map(|name| what_if.view(name)));
            }
            all.push(columns);
        }
        Ok(all)
    }

    /// Share of the cost without indexes, by a session that knows nothing of the search.
    fn share(&self, indexes: &[NewIndex]) -> Outcome<f64> {
        let mut what_if = self.what_if()?;
        let list: Vec<&NewIndex> = indexes.iter().collect();
        let (mut before, mut after) = (0.0, 0.0);
        for query in 0..self.texts.len() {
            before += what_if.cost(query, &[])?.cost;
            after += what_if.cost(query, &list)?.cost;
        }
        Ok(100.0 * after / before)
    }

    /// At each budget, or at one of them.
    fn selection(&self, only: Option<u64>) -> Outcome<()> {
        let columns = self.columns()?;
        let mut rows = Vec::new();
        let budgets = BUDGETS_MB.into_iter().zip(PUBLISHED);
        for (budget, published) in
            budgets.filter(|(budget, _)| only.is_none_or(|only| only == *budget))
        {
            let mut what_if = self.what_if()?;
            let start = Instant::now();
            let theirs = extend(&mut what_if, &columns, budget * MB, 2);
            let took = start.elapsed();
            let share = self.share(&theirs.indexes)?;
            let size = (theirs.bytes, theirs.indexes.len());
            let effort = (what_if.asked(), took);
            rows.push(row(budget, "Extend, 2 columns", size, share, effort));
            rows.push(vec![
                budget.to_string(),
                "Extend, published".into(),
                String::new(),
                String::new(),
                table::fine(published.0),
                published.1.to_string(),
                String::new(),
            ]);
            for (name, options) in variants(budget) {
                let (set, took) = self.advised(&options)?;
                let indexes: Vec<NewIndex> =
                    set.create.iter().map(|one| one.index.clone()).collect();
                let size = (set.create.iter().map(|one| one.bytes).sum(), indexes.len());
                let share = self.share(&indexes)?;
                rows.push(row(budget, name, size, share, (set.plans_asked, took)));
            }
        }
        table::say(
            "Estimated cost of TPC-H, 19 queries, relative to no index; sizes as HypoPG estimates\n\n",
        );
        table::print(&["budget MB", "who", "MB", "indexes", "cost %", "EXPLAINs", "s"], &rows);
        Ok(())
    }

    /// What counts: chosen by measured time, built for real, before and after in turn.
    fn measured(&self, server: &Postgres, rounds: usize) -> Outcome<()> {
        let queries = tpch::queries();
        let texts: Vec<&str> = queries.iter().map(|(_, text)| *text).collect();
        let first = real::build(server, &IndexSet::default(), "")?.run(&queries, 1)?;
        let mut timed = self.statements.clone();
        for (statement, (number, _)) in timed.iter_mut().zip(&queries) {
            statement.mean_millis = first.get(number).map(|pair| pair.medians().0);
        }
        let mut rows = Vec::new();
        for (budget, basis, weights) in MEASURED {
            let sizes = if basis == "real" { Sizes::Model } else { Sizes::Planner };
            let options = Options { sizes, ..base(budget) };
            let statements = if weights == "time" { &timed } else { &self.statements };
            let (set, took) = self.advised_for(statements, &options)?;
            let built = real::build(server, &set, "")?;
            let (before, after) = built.costs(&texts)?;
            let rounds = if budget == 50 { rounds } else { 1 };
            let pairs = built.run(&queries, rounds)?;
            let sums = pairs.iter().filter(|(number, _)| **number != 21).fold(
                (0.0, 0.0),
                |sums, (_, pair)| {
                    let (before, after) = pair.medians();
                    (sums.0 + before, sums.1 + after)
                },
            );
            let q21 = pairs.get(&21).map(real::Pair::medians).unwrap_or_default();
            let estimated: u64 = set.create.iter().map(|one| one.bytes).sum();
            rows.push(vec![
                format!("{budget} MB, {basis}, by {weights}"),
                set.create.len().to_string(),
                megabytes(estimated),
                megabytes(built.bytes),
                table::fine(100.0 * after / before),
                format!("{:.0} -> {:.0}", sums.0, sums.1),
                format!("{:.0} -> {:.0}", q21.0, q21.1),
                table::fine(took.as_secs_f64()),
            ]);
            if budget == 50 && weights == "time" {
                table::say(&format!(
                    "The set for 50 MB of real size\n\n{}\n\n",
                    real::listed(&set, &self.database)
                ));
                pairs_table(&pairs);
            }
        }
        table::say(
            "Chosen by measured time; built for real; ms are sums of medians without query 21\n\n",
        );
        table::print(
            &["budget", "indexes", "MB est.", "MB real", "cost %", "ms", "q21 ms", "s"],
            &rows,
        );
        Ok(())
    }

    fn advised_for(
        &self,
        statements: &[AdvisedStatement],
        options: &Options<'_>,
    ) -> Outcome<(IndexSet, Duration)> {
        let mut what_if = self.what_if()?;
        let start = Instant::now();
        let set = advise(&self.database, statements, &mut what_if, options);
        Ok((set, start.elapsed()))
    }

    fn advised(&self, options: &Options<'_>) -> Outcome<(IndexSet, Duration)> {
        let mut what_if = self.what_if()?;
        let start = Instant::now();
        let set = advise(&self.database, &self.statements, &mut what_if, options);
        Ok((set, start.elapsed()))
    }
}

fn variants(budget: u64) -> Vec<(&'static str, Options<'static>)> {
    let base = || base(budget);
    vec![
        ("Taut, 2 columns", Options { keys_max: 2, covering: false, partial: false, ..base() }),
        ("Taut, 3 columns", Options { keys_max: 3, covering: false, partial: false, ..base() }),
        ("Taut, 3 + INCLUDE", Options { partial: false, ..base() }),
        ("Taut, all", base()),
    ]
}

/// A line of the table: bytes and number of the indexes, share of the cost, plans asked and time taken.
fn row(
    budget: u64,
    who: &str,
    (bytes, count): (u64, usize),
    share: f64,
    (asked, took): (u64, Duration),
) -> Vec<String> {
    vec![
        budget.to_string(),
        who.to_owned(),
        megabytes(bytes),
        count.to_string(),
        table::fine(share),
        asked.to_string(),
        table::fine(took.as_secs_f64()),
    ]
}

fn base(budget: u64) -> Options<'static> {
    Options {
        budget_bytes: Some(budget * MB),
        sizes: Sizes::Planner,
        plan_texts: false,
        gain_min: 0.0,
        indexes_max: 30,
        // The rows that were just loaded are no workload.
        write_weight: 0.0,
        ..Options::default()
    }
}

fn pairs_table(pairs: &std::collections::BTreeMap<u32, real::Pair>) {
    let mut rows = Vec::new();
    for (number, pair) in pairs {
        let (before, after) = pair.medians();
        let slower = before * 1.1 < after;
        let said = match (slower, pair.plan_changed) {
            (true, true) => "slower, another plan",
            (true, false) => "same plan: noise",
            (false, true) => "",
            (false, false) => "same plan",
        };
        rows.push(vec![
            number.to_string(),
            format!("{before:.0}"),
            format!("{after:.0}"),
            table::fine(after / before.max(0.001)),
            said.to_owned(),
        ]);
    }
    table::print(&["query", "before ms", "after ms", "x", ""], &rows);
    table::say("\n");
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a few indexes, in megabytes")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MB as f64)
}
