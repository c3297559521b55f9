//! A server with a table, a journal in memory, and what is true of the catalogs afterwards.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use model::{Change, Text, database::TableName};
use postgres::{
    Target,
    apply::{
        ApplyError, Done, IndexTarget, Intent, Journal, JournalError, News, Options, Outcome, Past,
        Stop,
    },
};
use testkit::Postgres;
use tokio::sync::watch;

/// What was noted, shared with the test while the run goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(pub(crate) Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) intents: Vec<Intent>,
    pub(crate) outcomes: Vec<(i64, Outcome)>,
    pub(crate) news: Vec<News>,
}

impl Journal for Notes {
    fn intend(&mut self, intent: &Intent) -> Result<i64, JournalError> {
        let mut noted = self.noted();
        noted.intents.push(intent.clone());
        Ok(i64::try_from(noted.intents.len())?)
    }

    fn settle(&mut self, intent: i64, outcome: &Outcome) -> Result<(), JournalError> {
        self.noted().outcomes.push((intent, outcome.clone()));
        Ok(())
    }

    fn tell(&mut self, news: News) {
        self.noted().news.push(news);
    }
}

impl Notes {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().expect("nobody panics while noting")
    }

    /// What the next run knows of this one.
    pub(crate) fn past(&self) -> Past {
        let noted = self.noted();
        let mut past = Past::default();
        for (number, intent) in (1_i64..).zip(&noted.intents) {
            let outcome = noted.outcomes.iter().find(|(settled, _)| *settled == number);
            match (outcome, &intent.index) {
                (None, _) => past.open.push((number, intent.clone())),
                (Some((_, Outcome::Ran { .. })), Some(index)) if index.made => {
                    past.made.push(index.clone());
                }
                (Some((_, Outcome::Ran { .. })), Some(index)) => past.dropped.push(index.clone()),
                _ => {}
            }
        }
        past
    }

    pub(crate) fn sql(&self) -> Vec<String> {
        self.noted().intents.iter().map(|intent| intent.sql.clone()).collect()
    }

    pub(crate) fn saw(&self, wanted: impl Fn(&News) -> bool) -> bool {
        self.noted().news.iter().any(wanted)
    }

    pub(crate) fn open(&self) -> usize {
        self.past().open.len()
    }
}

/// Quick to give up, quick to try again.
pub(crate) fn options() -> Options {
    Options {
        lock: Duration::from_millis(200),
        attempts: 4,
        pause: Duration::from_millis(50),
        wait: Duration::from_mins(1),
        reconnect: Duration::from_secs(20),
    }
}

pub(crate) fn target(server: &Postgres) -> Target {
    Target::parse(&server.url()).expect("the address is right")
}

/// A server with a table of orders.
pub(crate) fn shop() -> Postgres {
    let server = Postgres::start();
    orders(&server, 20_000);
    server
}

pub(crate) fn orders(server: &Postgres, rows: u32) {
    server.psql(&format!(
        "create table orders (id int primary key, customer_id int not null, mail text, at timestamptz);
         insert into orders select n, n % 500, 'u' || n % 300 || '@x', now() from generate_series(1, {rows}) n;
         analyze orders;"
    ));
}

/// The change that creates an index.
pub(crate) fn creates(table: TableName, name: &str, sql: &str) -> Change {
    let drop = sql::drop_index(&table.schema, name, sql::Locking::Concurrently);
    Change {
        database: Text::from("postgres"),
        apply: vec![sql.to_owned()],
        revert: vec![drop],
        creates: vec![(table, Text::from(name))],
        ..Change::default()
    }
}

pub(crate) fn by_customer() -> Change {
    creates(
        TableName::new("public", "orders"),
        "orders_customer",
        "CREATE INDEX CONCURRENTLY orders_customer ON public.orders (customer_id)",
    )
}

/// Never told to stop.
pub(crate) fn never() -> Stop {
    let (sender, receiver) = watch::channel(0);
    // A sender that is gone never tells.
    drop(sender);
    Stop::new(receiver)
}

pub(crate) async fn apply(
    server: &Postgres,
    change: &Change,
    past: &Past,
    notes: &Notes,
) -> Result<Done, ApplyError> {
    let mut notes = notes.clone();
    postgres::apply::apply(&target(server), change, past, options(), (&mut notes, never())).await
}

/// As somebody else, less patiently, or to be stopped.
pub(crate) async fn apply_as(
    target: &Target,
    (change, past): (&Change, &Past),
    options: Options,
    (notes, stop): (&Notes, Stop),
) -> Result<Done, ApplyError> {
    postgres::apply::apply(target, change, past, options, (&mut notes.clone(), stop)).await
}

pub(crate) async fn revert(
    server: &Postgres,
    change: &Change,
    past: &Past,
    notes: &Notes,
) -> Result<Done, ApplyError> {
    let mut notes = notes.clone();
    postgres::apply::revert(&target(server), change, past, options(), (&mut notes, never())).await
}

/// All indexes but those of constraints, with whether they are valid.
pub(crate) fn indexes(server: &Postgres) -> String {
    server.psql(
        "select c.relname || case when indisvalid and indisready then '' else ' INVALID' end
         from pg_index join pg_class c on c.oid = indexrelid join pg_namespace n on n.oid = relnamespace
         where nspname not like 'pg\\_%' and nspname <> 'information_schema'
           and not exists (select from pg_constraint where conindid = c.oid) order by 1",
    )
}

/// Waits for what is bound to happen.
pub(crate) async fn until(mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_mins(1), "it does not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A session that runs `sql` and keeps what it has begun open until it is dropped.
pub(crate) async fn session(server: &Postgres, sql: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.expect("it runs");
    tokio::spawn(connection);
    client.batch_execute(sql).await.expect("the statements are right");
    client
}

pub(crate) fn made(table: TableName, name: &str) -> IndexTarget {
    IndexTarget { table, name: name.to_owned(), definition: String::new(), made: true }
}
