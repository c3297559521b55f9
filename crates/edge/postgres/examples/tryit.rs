//! scratch
#![allow(warnings, clippy::all, clippy::pedantic)]
use find::advisor::{AdvisedStatement, Costs, Options, Sizes, advise};
use model::{
    IndexSet,
    database::{Database, NewIndex, TableName},
};
use postgres::{Limits, ReadOptions, Target, WhatIf, connect, read_database};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use testkit::Postgres;
#[path = "/tmp/b_extend.rs"]
mod extend;
const QUERIES: &str = include_str!("../../../dev/bench/src/tpch/queries.sql");
const SCHEMA: &str = include_str!("../../../dev/bench/src/tpch/schema.sql");
const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem"];
fn queries() -> Vec<(u32, &'static str)> {
    QUERIES
        .split("\n-- ")
        .skip(1)
        .filter_map(|part| {
            let (n, t) = part.split_once('\n')?;
            Some((n.trim().parse().ok()?, t.trim().trim_end_matches(';')))
        })
        .collect()
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let budgets: Vec<u64> = args[0].split(',').map(|b| b.parse().unwrap()).collect();
    let wanted: Vec<&str> = args[1].split(',').collect();
    let url = std::fs::read_to_string("/tmp/b_url").unwrap_or_default();
    let mut keep = None;
    let url = if url.is_empty() {
        let server = Postgres::builder()
            .version(15)
            .extension("hypopg")
            .setting("max_parallel_workers_per_gather", "0")
            .setting("work_mem", "32MB")
            .setting("shared_buffers", "512MB")
            .start();
        server.psql(SCHEMA);
        for table in TABLES {
            server.psql(&format!("\\copy {table} from '/root/.cache/taut/bench/tpch-0.1/{table}.tbl' with (delimiter '|')"));
        }
        server.psql("vacuum analyze");
        let url = server.url();
        keep = Some(server);
        if args.len() > 2 && args[2] == "serve" {
            std::fs::write("/tmp/b_url", &url).unwrap();
            loop {
                std::thread::sleep(Duration::from_secs(1));
                if std::path::Path::new("/tmp/b_stop").exists() {
                    std::fs::remove_file("/tmp/b_url");
                    return;
                }
            }
        }
        url
    } else {
        url
    };
    let target = Target::parse(&url).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(async {
        let c = connect(&target, &Limits::default()).await.unwrap();
        read_database(&c, &ReadOptions::default()).await.unwrap()
    });
    let queries = queries();
    let texts: Vec<Arc<str>> = queries.iter().map(|(_, t)| Arc::from(*t)).collect();
    let mut known = sql::Statements::default();
    let statements: Vec<AdvisedStatement> = queries
        .iter()
        .zip(&texts)
        .map(|((n, t), sql)| AdvisedStatement {
            text: known.read(t).0,
            sql: Arc::clone(sql),
            query_id: i64::from(*n),
            calls_per_day: 1.0,
            mean_millis: None,
        })
        .collect();
    let open = || WhatIf::open(&target, &database, &texts).unwrap();
    let share = |set: &[NewIndex]| {
        let mut w = open();
        let list: Vec<&NewIndex> = set.iter().collect();
        let (mut a, mut b) = (0.0, 0.0);
        for q in 0..texts.len() {
            a += w.cost(q, &[]).unwrap().cost;
            b += w.cost(q, &list).unwrap().cost;
        }
        100.0 * b / a
    };
    let base = |mb: u64| Options {
        budget_bytes: (mb < 100000).then_some(mb * 1_000_000),
        sizes: Sizes::Planner,
        plan_texts: false,
        gain_min: 0.0,
        indexes_max: if mb < 100000 { 30 } else { 1000 },
        write_weight: 0.0,
        ..Options::default()
    };
    for mb in budgets {
        for name in &wanted {
            let options = match *name {
                "extend" => {
                    let columns = columns(&texts, &database, &mut open());
                    let mut w = open();
                    let start = Instant::now();
                    let theirs = extend::extend(&mut w, &columns, mb * 1_000_000, 2);
                    println!(
                        "{mb:>6} {name:>8} {:>6.1} MB {:>3} {:>6.2} % {:>5} plans {:.2?}",
                        theirs.bytes as f64 / 1e6,
                        theirs.indexes.len(),
                        share(&theirs.indexes),
                        w.asked(),
                        start.elapsed()
                    );
                    if std::env::var("SHOW").is_ok() {
                        for i in &theirs.indexes {
                            println!(
                                "    {} {:?}",
                                i.table.name,
                                i.keys.iter().map(|k| format!("{:?}", k.key)).collect::<Vec<_>>()
                            );
                        }
                    }
                    continue;
                }
                "1" => Options { keys_max: 1, covering: false, partial: false, ..base(mb) },
                "2" => Options { keys_max: 2, covering: false, partial: false, ..base(mb) },
                "3" => Options { keys_max: 3, covering: false, partial: false, ..base(mb) },
                "inc" => Options { partial: false, ..base(mb) },
                _ => base(mb),
            };
            let mut w = Timed {
                inner: open(),
                spent: Duration::ZERO,
                sum: 0,
                bytes: Duration::ZERO,
                by: Default::default(),
            };
            let start = Instant::now();
            let set = advise(&database, &statements, &mut w, &options);
            let took = start.elapsed();
            let list: Vec<NewIndex> = set.create.iter().map(|o| o.index.clone()).collect();
            let bytes: u64 = set.create.iter().map(|o| o.bytes).sum();
            println!(
                "{mb:>6} {name:>8} {:>6.1} MB {:>3} {:>6.2} % (said {:.2}) {:>5} plans {:.2?} planner {:.2?} sizes {:.2?}",
                bytes as f64 / 1e6,
                list.len(),
                share(&list),
                100.0 * set.cost_then / set.cost_now,
                set.plans_asked,
                took,
                w.spent,
                w.bytes
            );
            if std::env::var("BY").is_ok() {
                println!("    {:?}", w.by);
            }
            if std::env::var("SHOW").is_ok() {
                for o in &set.create {
                    println!("    {} {:.1}", o.ddl, o.bytes as f64 / 1e6);
                }
            }
            if std::env::var("EFF").is_ok() {
                let mut w = open();
                let l: Vec<&NewIndex> = list.iter().collect();
                for q in 0..texts.len() {
                    println!(
                        "    q{} {:.0} -> {:.0}",
                        queries[q].0,
                        w.cost(q, &[]).unwrap().cost,
                        w.cost(q, &l).unwrap().cost
                    );
                }
            }
        }
    }
}
fn columns(
    texts: &[Arc<str>],
    database: &Database,
    w: &mut WhatIf,
) -> Vec<BTreeSet<(TableName, i16)>> {
    let mut all = Vec::new();
    for text in texts {
        let mut columns = BTreeSet::new();
        let mut open = vec![text.to_string()];
        while let Some(text) = open.pop() {
            let analysis = sql::analyse(&text, database).unwrap();
            for needs in analysis.tables {
                columns.extend(needs.read.iter().map(|c| (needs.table.clone(), *c)));
            }
            open.extend(analysis.unknown.iter().filter_map(|n| w.view(n)));
        }
        all.push(columns);
    }
    all
}
struct Timed {
    inner: WhatIf,
    spent: Duration,
    sum: usize,
    bytes: Duration,
    by: std::collections::BTreeMap<usize, (usize, Duration)>,
}
impl Costs for Timed {
    fn basis(&self) -> model::Basis {
        self.inner.basis()
    }
    fn cost(
        &mut self,
        statement: usize,
        indexes: &[&NewIndex],
    ) -> Result<find::advisor::Planned, find::advisor::CostError> {
        let start = Instant::now();
        let r = self.inner.cost(statement, indexes);
        self.spent += start.elapsed();
        self.sum += indexes.len();
        let e = self
            .by
            .entry(if indexes.len() < 10 {
                indexes.len() / 5 * 5
            } else if indexes.len() < 40 {
                indexes.len() / 10 * 10
            } else {
                indexes.len() / 40 * 40
            })
            .or_default();
        e.0 += 1;
        e.1 += start.elapsed();
        r
    }
    fn bytes(&mut self, index: &NewIndex) -> Option<u64> {
        let start = Instant::now();
        let r = self.inner.bytes(index);
        self.bytes += start.elapsed();
        r
    }
    fn can_plan(&self, index: &NewIndex) -> bool {
        self.inner.can_plan(index)
    }
    fn view(&mut self, name: &str) -> Option<String> {
        self.inner.view(name)
    }
    fn selectivity(&mut self, index: &NewIndex) -> Option<f64> {
        self.inner.selectivity(index)
    }
    fn has_extension(&mut self, name: &str) -> bool {
        self.inner.has_extension(name)
    }
    fn asked(&self) -> u64 {
        self.inner.asked()
    }
}
