//! What is chosen without `HypoPG`: TPC-H by the model's costs, judged by the planner's.
//!
//! `advisor_model [--scale S]`. Each set is chosen twice, by hypothetical plans and by the model, and both are costed by
//! hypothetical plans. Without partial indexes: `HypoPG` offers those to the first table of a statement alone, and
//! cannot judge them in joins.

use std::{env, sync::Arc};

use bench::{machine, table, tpch};
use find::advisor::{AdvisedStatement, Costs, ModelCosts, Options, Sizes, advise};
use model::{
    IndexSet,
    database::{Database, NewIndex},
};
use postgres::{Limits, PlainPlans, ReadOptions, Target, WhatIf, connect, read_database};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const BUDGETS_MB: [u64; 3] = [25, 50, 100];
/// As the testbed counts.
const MB: u64 = 1_000_000;

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let scale = match words.as_slice() {
        [] => 0.1,
        [name, value] if name == "--scale" => value.parse()?,
        _ => return Err(format!("unknown: {words:?}").into()),
    };
    table::say(&format!("{}\n\n", machine::describe()));
    let settings = [("max_parallel_workers_per_gather", "0"), ("work_mem", "32MB")];
    let server = tpch::server(scale, &settings)?;
    let target = Target::parse(&server.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(async {
        let connection = connect(&target, &Limits::default()).await?;
        let read = read_database(&connection, &ReadOptions::default()).await?;
        Ok::<_, Box<dyn std::error::Error>>(read)
    })?;
    let queries = tpch::queries();
    let texts: Vec<Arc<str>> = queries.iter().map(|(_, text)| Arc::from(*text)).collect();
    let mut known = sql::Statements::default();
    let statements: Vec<AdvisedStatement> = texts
        .iter()
        .map(|sql| AdvisedStatement {
            text: known.read(sql).0,
            sql: Arc::clone(sql),
            query_id: 0,
            calls_per_day: 1.0,
            mean_millis: None,
        })
        .collect();
    let bench = Bench { target, database, texts, statements };
    let rows: Result<Vec<Vec<String>>, _> =
        BUDGETS_MB.into_iter().map(|budget| bench.row(budget)).collect();
    table::print(
        &["MB", "HypoPG's choice", "plans", "the model's choice", "as it says", "weighed"],
        &rows?,
    );
    Ok(())
}

struct Bench {
    target: Target,
    database: Database,
    texts: Vec<Arc<str>>,
    statements: Vec<AdvisedStatement>,
}

impl Bench {
    fn row(&self, budget: u64) -> Outcome<Vec<String>> {
        let options = Options {
            budget_bytes: Some(budget * MB),
            sizes: Sizes::Model,
            write_weight: 0.0,
            plan_texts: false,
            partial: false,
            ..Options::default()
        };
        let choose =
            |costs: &mut dyn Costs| advise(&self.database, &self.statements, costs, &options);
        let mut what_if = WhatIf::open(&self.target, &self.database, &self.texts)?;
        let planned = choose(&mut what_if);
        let mut plans = PlainPlans::open(&self.target, &self.database, &self.texts)?;
        let mut model = ModelCosts::new(&self.database, &self.texts, &mut plans);
        let modelled = choose(&mut model);
        Ok(vec![
            budget.to_string(),
            self.left(&mut what_if, &planned)?,
            planned.plans_asked.to_string(),
            self.left(&mut what_if, &modelled)?,
            self.left(&mut model, &modelled)?,
            modelled.plans_asked.to_string(),
        ])
    }

    /// What a set leaves of the workload's cost.
    fn left(&self, judge: &mut dyn Costs, set: &IndexSet) -> Outcome<String> {
        let indexes: Vec<&NewIndex> = set.create.iter().map(|one| &one.index).collect();
        let (mut now, mut then) = (0.0, 0.0);
        for place in 0..self.texts.len() {
            now += judge.cost(place, &[])?.cost;
            then += judge.cost(place, &indexes)?.cost;
        }
        Ok(format!("{:.1} %", 100.0 * then / now))
    }
}
