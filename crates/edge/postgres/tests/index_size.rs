//! What the advisor's models say of indexes, held against a real server.

use find::advisor::size::{self, SizeBasis};
use model::database::{Database, IndexKey};
use postgres::{
    CalibrateError, CalibrateOptions, Connection, Limits, ReadOptions, Target, calibrate, connect,
    read_database, rehearse::Allowed, sampled_combinations,
};
use testkit::postgres::Postgres;

/// Values that are unique, repeated, few, correlated, null, wide, and names that need quotes.
const TABLE: &str = r#"
create table "Orders ""2024""" (id bigint primary key, customer integer not null, status text not null,
    "Total €" numeric(12,2) not null, created timestamptz not null, paid_on date, country character(2) not null,
    reference uuid not null, email text not null, warehouse integer not null, shelf integer not null, flag boolean not null);
insert into "Orders ""2024""" select i, (hashint8(i) & 2147483647) % 20000,
    (array['paid', 'shipped', 'pending', 'cancelled'])[1 + (hashint8(i + 1) & 2147483647) % 4],
    ((hashint8(i + 2) & 2147483647) % 1000000) / 100.0, timestamptz '2024-01-01' + i * interval '1 minute',
    case when i % 10 < 7 then date '2024-01-01' + (hashint8(i + 3) & 2147483647) % 300 end,
    (array['DE', 'FR', 'US'])[1 + (hashint8(i + 4) & 2147483647) % 3], md5(i::text)::uuid,
    'user' || (hashint8(i + 5) & 2147483647) % 60000 || '@example.com', w, w / 4 * 7, (hashint8(i + 7) & 2147483647) % 10 < 6
from generate_series(1, 200000) i, lateral (select (hashint8(i + 6) & 2147483647) % 50000 as w) as place;
analyze "Orders ""2024"""
"#;

const INDEXES: [&str; 13] = [
    "(customer)",
    "(customer, created)",
    "(customer, created) where status = 'pending'",
    "(created) where flag",
    "(status)",
    "(\"Total €\")",
    "(paid_on)",
    "(paid_on) where paid_on is not null",
    "(reference)",
    "(email)",
    "(lower(email))",
    "(customer) include (status, country)",
    "(country, status, paid_on)",
];

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

async fn writable(server: &Postgres) -> Connection {
    let target = Target::parse(&server.url()).expect("an address of our own");
    let limits = Limits {
        statement: std::time::Duration::from_mins(2),
        read_only: false,
        ..Limits::default()
    };
    connect(&target, &limits).await.expect("a server of our own")
}

async fn read(connection: &Connection) -> Database {
    read_database(connection, &ReadOptions::default()).await.expect("a database")
}

#[test]
fn sizes_are_what_the_server_builds() {
    let server = Postgres::start();
    server.psql(TABLE);
    for index in INDEXES {
        server.psql(&format!("create index on \"Orders \"\"2024\"\"\" {index}"));
    }
    let database = run(async { read(&writable(&server).await).await });
    let table = &database.tables[0];
    let mut errors = Vec::new();
    for index in &database.indexes {
        let share = index.entries / table.rows.unwrap();
        let to_be = size::fresh_bytes(table, &sql::as_new(index, table), share);
        let there = size::fresh_bytes_of(table, index);
        #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
        let error = |bytes: u64| (bytes as f64 / index.bytes as f64).ln().abs();
        assert!(error(to_be.bytes) < 0.25, "{}: {to_be:?} of {}", index.definition, index.bytes);
        assert!(error(there.bytes) < 0.25, "{}: {there:?} of {}", index.definition, index.bytes);
        errors.push(error(to_be.bytes));
    }
    assert_eq!(errors.len(), INDEXES.len() + 1);
    let mean = errors.iter().sum::<f64>() / 14.0;
    assert!(mean < 0.05, "{mean:.3} of {errors:?}");
}

#[test]
fn a_sample_finds_columns_that_depend_on_each_other() {
    let server = Postgres::start();
    server.psql(TABLE);
    run(async {
        let connection = writable(&server).await;
        let mut database = read(&connection).await;
        let numbers = |database: &Database, names: [&str; 2]| -> Vec<i16> {
            names.map(|name| database.tables[0].column_named(name).unwrap().number).to_vec()
        };
        // Each warehouse has one shelf: 50,000 combinations, not 625 million.
        let both = numbers(&database, ["warehouse", "shelf"]);
        let found = sampled_combinations(&connection, &database.tables[0], &both).await.unwrap();
        let found = found.expect("they depend on each other");
        assert!((40_000.0..60_000.0).contains(&found), "{found}");
        let free = numbers(&database, ["customer", "status"]);
        let free = sampled_combinations(&connection, &database.tables[0], &free).await.unwrap();
        assert_eq!(free, None);
        let nothing = sampled_combinations(&connection, &database.tables[0], &[99]).await.unwrap();
        assert_eq!(nothing, None);

        connection
            .batch_execute("create index on \"Orders \"\"2024\"\"\" (warehouse, shelf)")
            .await
            .unwrap();
        database = read(&connection).await;
        let shelf = IndexKey::Column(both[1]);
        let index = database.indexes.iter().find(|one| one.keys.iter().any(|key| key.key == shelf));
        let index = index.unwrap();
        let table = &mut database.tables[0];
        let new = sql::as_new(index, table);
        let guess = size::fresh_bytes(table, &new, 1.0);
        assert_eq!(guess.basis, SizeBasis::Combinations);
        table.distinct_groups.push((both, found));
        let known = size::fresh_bytes(table, &new, 1.0);
        #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
        let ratio = known.bytes as f64 / index.bytes as f64;
        assert!((0.9..1.1).contains(&ratio), "{ratio} {guess:?} {known:?}");
    });
}

#[test]
fn writes_are_measured_where_it_is_allowed_and_leave_nothing_behind() {
    let server = Postgres::start();
    run(async {
        let mut connection = writable(&server).await;
        let options =
            CalibrateOptions { rows: 5000, batch: 1000, rounds: 3, ..CalibrateOptions::default() };
        let refused = calibrate(&mut connection, &options).await;
        assert!(matches!(refused, Err(CalibrateError::NotAClone { .. })), "{refused:?}");
        let allowed = CalibrateOptions { primary: Allowed::Yes, ..options };
        let calibration = calibrate(&mut connection, &allowed).await.unwrap();
        assert!(0.0 < calibration.entry_micros && calibration.sort_micros.is_finite());
        let left = "select count(*) from pg_namespace where nspname = 'taut_calibration'";
        assert_eq!(server.psql(left), "0");
        let short = CalibrateOptions { timeout: std::time::Duration::from_millis(1), ..allowed };
        let ended = calibrate(&mut connection, &short).await;
        assert!(matches!(ended, Err(CalibrateError::Server { .. })), "{ended:?}");
        assert_eq!(server.psql(left), "0");
        connection.query_one("select 1", &[]).await.expect("the connection can still be used");
    });
}
