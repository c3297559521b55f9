//! Rehearsals on real servers: what they measure, what they refuse, and what they leave behind.

use std::time::{Duration, SystemTime};

use postgres::{
    Target,
    clone::{self, CloneOptions},
    rehearse::{
        Allowed, Ground, Indexes, Options, Refusal, RehearseError, Rows, Session, Statement, Step,
        Verdict, View, ground, measure, rehearse_indexes, rehearse_rewrite, rehearse_view,
        with_values,
    },
};
use testkit::Postgres;

const TABLES: &str = "
    create table \"Bestellungen\" (id int primary key, \"Kunde \"\"x\"\"\" int, note text);
    insert into \"Bestellungen\" select n, n % 1000, repeat('x', 50) from generate_series(1, 60000) n;
    create table other as select n as id from generate_series(1, 100) n;
    create role alice login;
    grant select on \"Bestellungen\" to alice;
    vacuum analyze";

async fn session(server: &Postgres, user: &str) -> Session {
    let target = Target::parse(&server.url_for("postgres", user)).expect("an address");
    Session::open(&target).await.expect("the server runs")
}

fn allowed() -> Options {
    Options { primary: Allowed::Yes, building: Allowed::Yes, ..Options::default() }
}

fn ground_of_tables() -> Postgres {
    let server = Postgres::start();
    server.psql(TABLES);
    server
}

#[tokio::test]
async fn a_primary_is_refused_and_a_replica_is_not() {
    let primary = ground_of_tables();
    let replica = primary.standby();
    let statement = Statement::new("select count(*) from \"Bestellungen\" where id < 10");
    let mut there = session(&primary, "alice").await;
    assert_eq!(ground(&mut there).await.unwrap(), Ground::Primary);
    let outcome = measure(&mut there, &statement, &Options::default()).await;
    assert!(matches!(outcome, Err(RehearseError::Refused(Refusal::Primary))), "{outcome:?}");
    let mut here = session(&replica, "alice").await;
    assert_eq!(ground(&mut here).await.unwrap(), Ground::Standby);
    let side = measure(&mut here, &statement, &Options::default()).await.unwrap();
    assert_eq!(side.times.len(), 6);
    assert!(side.median.is_some() && side.interval.is_some() && !side.timed_out);
    assert!(side.plan_json.unwrap().contains("\"Actual Rows\""));
    assert!(side.plan_text.contains("Index Only Scan"), "{}", side.plan_text);
    assert!(side.shape.contains("Bestellungen"), "{}", side.shape);
    // On a replica no index can be built, whatever is allowed.
    let indexes =
        Indexes { create: vec!["create index on other (id)".to_owned()], ..Indexes::default() };
    let outcome = rehearse_indexes(&mut here, &indexes, &[statement], &allowed()).await;
    assert!(matches!(outcome, Err(RehearseError::Refused(Refusal::Building))), "{outcome:?}");
}

#[tokio::test]
async fn parameters_are_planned_as_the_values_that_they_are() {
    for version in Postgres::every_version() {
        let server = Postgres::builder().version(version).start();
        server.psql(TABLES);
        let mut session = session(&server, "alice").await;
        let statement = Statement {
            sql: "select * from \"Bestellungen\" where id = $1 and note like $2 -- done".to_owned(),
            parameters: vec![Some("77".to_owned()), Some("x%".to_owned())],
        };
        let side = measure(&mut session, &statement, &allowed()).await.unwrap();
        assert!(side.plan_text.contains("(id = 77)"), "{version}: {}", side.plan_text);
        let lacking = Statement { parameters: vec![Some("77".to_owned())], ..statement };
        assert!(measure(&mut session, &lacking, &allowed()).await.is_err());
    }
}

#[tokio::test]
async fn an_index_is_proven_by_turns_and_gone_afterwards() {
    let server = ground_of_tables();
    server.psql("create index spare on \"Bestellungen\" (note)");
    let statements = [
        Statement::new("select * from \"Bestellungen\" where \"Kunde \"\"x\"\"\" = 7"),
        Statement::new("select count(*) from other"),
        Statement::new("select nextval('nothing')"),
        Statement::new("select id from \"Bestellungen\" where length(note) = 7"),
    ];
    let indexes = Indexes {
        create: vec![
            "CREATE INDEX CONCURRENTLY \"Über \"\"x\"\"\" ON \"Bestellungen\" (\"Kunde \"\"x\"\"\");".to_owned(),
            "create index on \"Bestellungen\" (length(note))".to_owned(),
        ],
        drop: vec![("public".to_owned(), "spare".to_owned())],
    };
    let before = server
        .psql("select indexrelid::regclass from pg_index where indexrelid > 16383 order by 1");
    let mut session = session(&server, "postgres").await;
    let told = rehearse_indexes(&mut session, &indexes, &statements, &allowed()).await.unwrap();
    assert_eq!(told.built.len(), 2);
    assert_eq!(
        (told.built[0].schema.as_str(), told.built[0].name.as_str()),
        ("public", "Über \"x\"")
    );
    assert!(told.built[0].bytes >= 8192);
    let first = told.statements[0].as_ref().unwrap();
    assert!(matches!(first.verdict, Verdict::Faster { .. }), "{:?}", first.verdict);
    assert!(first.before.shape.contains("Seq Scan") && first.after.shape.contains("Über"));
    assert!(first.before.blocks > first.after.blocks);
    let second = told.statements[1].as_ref().unwrap();
    assert_eq!(second.before.shape, second.after.shape);
    assert!(!matches!(second.verdict, Verdict::Slower { .. } | Verdict::Faster { .. }));
    assert!(told.statements[2].is_err());
    // The planner knows how many rows an expression leaves.
    assert!(told.statements[3].as_ref().unwrap().after.shape.contains("Index"));
    let after = server
        .psql("select indexrelid::regclass from pg_index where indexrelid > 16383 order by 1");
    assert_eq!(before, after);
}

#[tokio::test]
async fn what_was_built_goes_even_if_the_next_index_cannot_be_built() {
    let server = ground_of_tables();
    let indexes = Indexes {
        create: vec![
            "create index good on other (id)".to_owned(),
            "create index bad on other (missing)".to_owned(),
        ],
        drop: Vec::new(),
    };
    let mut session = session(&server, "postgres").await;
    let outcome = rehearse_indexes(&mut session, &indexes, &[], &allowed()).await;
    assert!(matches!(outcome, Err(RehearseError::Invalid(_))), "{outcome:?}");
    assert_eq!(server.psql("select count(*) from pg_class where relname in ('good', 'bad')"), "0");
    let other = Indexes { create: vec!["drop table other".to_owned()], drop: Vec::new() };
    let outcome = rehearse_indexes(&mut session, &other, &[], &allowed()).await;
    assert!(matches!(outcome, Err(RehearseError::Refused(Refusal::NotAnIndex { .. }))));
    let outcome = rehearse_indexes(&mut session, &indexes, &[], &Options::default()).await;
    assert!(matches!(outcome, Err(RehearseError::Refused(Refusal::Building))));
}

#[tokio::test]
async fn a_rewrite_must_return_the_same_rows() {
    let server = ground_of_tables();
    let mut session = session(&server, "alice").await;
    let mut compare = async |before: &str, after: &str| {
        let options = Options { runs: 1, ..allowed() };
        rehearse_rewrite(&mut session, &Statement::new(before), &Statement::new(after), &options)
            .await
            .unwrap()
            .rows
    };
    let table = "\"Bestellungen\"";
    assert_eq!(
        compare(
            &format!("select id, note from {table} order by id limit 5 offset 100"),
            &format!("select id, note from {table} where id > 100 order by id limit 5; -- keyset"),
        )
        .await,
        Rows::Same { count: 5, ordered: true }
    );
    assert_eq!(
        compare(
            &format!("select id from {table} order by id limit 9"),
            &format!(
                "select id from (select id from {table} order by id limit 9) a order by id desc"
            ),
        )
        .await,
        Rows::OtherOrder { count: 9 }
    );
    // As often as they come, and whatever a column is called.
    assert_eq!(
        compare("values (1), (1), (null)", "values (null), (1), (1)").await,
        Rows::Same { count: 3, ordered: false }
    );
    assert_eq!(
        compare("select 1 as taut_row", "select 1 as taut_text union all select 1").await,
        Rows::Different { before: 1, after: 2, limited: false }
    );
    assert_eq!(
        compare("values (1), (1), (2)", "values (1), (2), (2)").await,
        Rows::Different { before: 3, after: 3, limited: false }
    );
    assert!(matches!(compare("select random()", "select 1").await, Rows::Unknown { .. }));
    assert!(matches!(compare("select 1, 1 as taut_row", "select 1, 1").await, Rows::Same { .. }));
}

#[tokio::test]
async fn a_view_that_is_kept_is_measured_on_a_clone_and_gone_afterwards() {
    let server = ground_of_tables();
    let target = Target::parse(&server.url()).unwrap();
    let query = "SELECT id % 7 AS day, count(*) AS count FROM \"Bestellungen\" GROUP BY 1";
    let view = |query: &str| View {
        name: "public.\"Summen \"\"x\"\"\"".to_owned(),
        query: query.to_owned(),
        indexes: vec![
            "CREATE UNIQUE INDEX sums_idx ON public.\"Summen \"\"x\"\"\" (day)".to_owned(),
        ],
    };
    let statements = [Statement::new("select id % 7, count(*) from \"Bestellungen\" group by 1")];
    let options = Options { runs: 3, ..allowed() };
    let mut tell = |_: Step<'_>| ();
    // Not where somebody works, whatever is allowed.
    let mut there = Session::open(&target).await.unwrap();
    let outcome = rehearse_view(&mut there, &view(query), &statements, &options, &mut tell).await;
    assert!(matches!(outcome, Err(RehearseError::Refused(Refusal::Building))), "{outcome:?}");
    let copy = CloneOptions { same_server: Allowed::Yes, ..CloneOptions::default() };
    let cloned = clone::make(&target, &target, &copy, SystemTime::now()).await.unwrap();
    let mut here = Session::open(&cloned.target).await.unwrap();
    let done =
        rehearse_view(&mut here, &view(query), &statements, &options, &mut tell).await.unwrap();
    let names: Vec<&str> = done.built.iter().map(|built| built.name.as_str()).collect();
    assert_eq!(names, ["Summen \"x\"", "sums_idx"]);
    let rehearsal = done.statements[0].as_ref().unwrap();
    assert_eq!(rehearsal.rows, Rows::Same { count: 7, ordered: false });
    assert!(rehearsal.after.blocks < rehearsal.before.blocks, "{rehearsal:?}");
    let left = "select count(*) from pg_matviews";
    assert_eq!(server.psql_in(&cloned.name, left), "0");
    // Nor is anything run for a view that would write, or that cannot be made whole.
    let writes = "SELECT nextval('s') AS day";
    server.psql_in(&cloned.name, "create sequence s");
    let refused = rehearse_view(&mut here, &view(writes), &statements, &options, &mut tell).await;
    assert!(matches!(refused, Err(RehearseError::Refused(_))), "{refused:?}");
    let doubled = "SELECT 1 AS day FROM \"Bestellungen\"";
    let failed = rehearse_view(&mut here, &view(doubled), &statements, &options, &mut tell).await;
    assert!(matches!(failed, Err(RehearseError::Invalid(_))), "{failed:?}");
    assert_eq!(server.psql_in(&cloned.name, left), "0");
    drop(here);
    cloned.drop_database().await.unwrap();
}

#[tokio::test]
async fn what_a_rehearsal_asks_is_marked_as_ours() {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .extension("pg_stat_statements")
        .start();
    server.psql(TABLES);
    let mut session = session(&server, "alice").await;
    let theirs = "select note from \"Bestellungen\" where id = $1 and \"Kunde \"\"x\"\"\" < $2";
    server.psql("select pg_stat_statements_reset()");
    let valued = with_values(&mut session, theirs, &allowed()).await.unwrap();
    let after = Statement { sql: format!("{theirs} and true"), ..valued.statement.clone() };
    rehearse_rewrite(&mut session, &valued.statement, &after, &allowed()).await.unwrap();
    let asked = "select count(*) filter (where query ~* '^(select|with|explain) /\\* taut'),
        string_agg(query, ';') filter (where query ~* '^(select|with|explain)'
            and query !~* '^(select|with|explain) /\\* taut' and query !~ 'pg_stat_statements|set_config')
        from pg_stat_statements";
    let told = server.psql(asked);
    let (marked, others) = told.split_once('|').unwrap();
    assert!(3 < marked.parse::<u32>().unwrap(), "{told}");
    assert_eq!(others, "");
}

#[tokio::test]
async fn a_statement_that_does_not_end_in_time_is_ended_and_told() {
    let server = ground_of_tables();
    let mut session = session(&server, "alice").await;
    let options = Options { statement_timeout: Duration::from_millis(300), runs: 3, ..allowed() };
    let (slow, quick) = (Statement::new("select 1 from pg_sleep(20)"), Statement::new("select 1"));
    let told = rehearse_rewrite(&mut session, &slow, &quick, &options).await.unwrap();
    assert!(told.before.timed_out && told.before.times.is_empty() && told.before.median.is_none());
    assert!(
        matches!(told.verdict, Verdict::EndsNow { ratio } if ratio < 1.0),
        "{:?}",
        told.verdict
    );
    let told = rehearse_rewrite(&mut session, &quick, &slow, &options).await.unwrap();
    assert_eq!(told.verdict, Verdict::TimesOut);
    // Nothing of it is left on the server.
    let left = "select count(*) from pg_stat_activity where query like '%pg_sleep(20)%' and state = 'active' \
                and pid <> pg_backend_pid()";
    assert_eq!(server.psql(left), "0");
}

#[tokio::test]
async fn a_lock_of_somebody_else_is_not_waited_for() {
    let server = ground_of_tables();
    let locker = session(&server, "postgres").await;
    let (client, connection) =
        tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("begin; lock table other in access exclusive mode").await.unwrap();
    let mut session = session(&server, "postgres").await;
    let options = Options { lock_timeout: Duration::from_millis(100), ..allowed() };
    let outcome = measure(&mut session, &Statement::new("select * from other"), &options).await;
    assert!(matches!(outcome, Err(RehearseError::Locked { .. })), "{outcome:?}");
    client.batch_execute("rollback").await.unwrap();
    assert!(measure(&mut session, &Statement::new("select * from other"), &options).await.is_ok());
    drop((client, locker));
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn missing_rights_and_failing_statements_are_told_as_such() {
    let server = ground_of_tables();
    let mut session = session(&server, "alice").await;
    for (sql, says) in [
        ("select * from other", "permission denied"),
        ("select 1 / (id - id) from \"Bestellungen\"", "division by zero"),
        ("select missing from \"Bestellungen\"", "does not exist"),
    ] {
        let outcome = measure(&mut session, &Statement::new(sql), &allowed()).await;
        let Err(RehearseError::Invalid(source)) = outcome else { panic!("{sql}: {outcome:?}") };
        assert!(source.as_db_error().unwrap().message().contains(says), "{sql}: {source}");
    }
    assert!(measure(&mut session, &Statement::new("select 1"), &allowed()).await.is_ok());
}

#[tokio::test]
async fn a_server_that_restarts_in_the_middle_is_told_and_nothing_hangs() {
    let mut server = ground_of_tables();
    let mut running = session(&server, "alice").await;
    let statement = Statement::new("select pg_sleep(20)");
    let options = allowed();
    let rehearsal = tokio::spawn(async move { measure(&mut running, &statement, &options).await });
    let is_running = "select count(*) from pg_stat_activity where query like '%pg_sleep(20)%' \
                      and wait_event = 'PgSleep'";
    while server.psql(is_running) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.restart();
    let outcome = rehearsal.await.unwrap();
    assert!(matches!(outcome, Err(RehearseError::Server { .. })), "{outcome:?}");
    let mut session = session(&server, "alice").await;
    assert!(measure(&mut session, &Statement::new("select 1"), &allowed()).await.is_ok());
}

#[tokio::test]
async fn a_rehearsal_that_is_given_up_leaves_no_transaction() {
    let server = ground_of_tables();
    let mut session = session(&server, "alice").await;
    let options = Options { statement_timeout: Duration::from_secs(1), ..allowed() };
    let sleep = Statement::new("select pg_sleep(20)");
    let given_up =
        tokio::time::timeout(Duration::from_millis(300), measure(&mut session, &sleep, &options));
    assert!(given_up.await.is_err());
    // The same connection is clean again.
    assert!(measure(&mut session, &Statement::new("select 1"), &options).await.is_ok());
    let open = "select count(*) from pg_stat_activity where state like 'idle in transaction%'";
    assert_eq!(server.psql(open), "0");
}

#[tokio::test]
async fn values_of_parameters_are_from_the_rows_of_their_tables() {
    // The oldest, the first that prints trees from generated code, the newest.
    for version in [13, 16, 18] {
        let server = Postgres::builder().version(version).start();
        server.psql(
            "create table people (id int primary key, \"E-Mail\" text, born date, kind text, tags text[]);
             insert into people select n, 'P' || n || '@example.com', date '1950-01-01' + n % 9000, 'kind ' || n % 4,
                 array['a', 'b'] from generate_series(1, 5000) n;
             create table visits (person int, at timestamptz);
             insert into visits select n % 5000 + 1, timestamptz '2020-01-01' + n * interval '1 hour'
                 from generate_series(1, 20000) n;
             create view adults as select id as number, kind as sort from people where born < '2000-01-01';
             vacuum analyze",
        );
        let mut session = session(&server, "postgres").await;
        let told = async |session: &mut Session, sql: &str| {
            let valued = with_values(session, sql, &allowed()).await.unwrap();
            assert_eq!(valued.guessed, Vec::<String>::new(), "{version}: {sql}");
            let once = Options { runs: 1, ..allowed() };
            let side = measure(session, &valued.statement, &once).await.unwrap();
            (valued.statement.parameters, side.rows.unwrap())
        };
        for (sql, rows) in [
            // Of one row, so that both hold.
            ("select * from people where lower(\"E-Mail\") = $1 and kind = $2", 1..=1),
            ("select * from people p join visits v on v.person = p.id where p.id = $1", 4..=4),
            ("select * from people where id in ($1, $2, $3)", 3..=3),
            ("select * from people where id = any($1)", 5..=5),
            ("select * from visits where at >= $1 and at < $2", 1..=4000),
            ("select * from visits where at between $1 and $2 order by at limit $3", 1..=20),
            ("select * from people where kind like $1 limit $2", 20..=20),
            ("select * from adults where number = $1 and sort = $2", 1..=1),
            (
                "select id from people p where (select count(*) from visits where person = p.id) > $1",
                5000..=5000,
            ),
        ] {
            let (parameters, found) = told(&mut session, sql).await;
            assert!(rows.contains(&found), "{version}: {sql}: {found} rows with {parameters:?}");
        }
        let unknown = "select id * $1 from people where id + $2 = 7";
        let valued = with_values(&mut session, unknown, &allowed()).await.unwrap();
        assert_eq!(valued.guessed.len(), 2, "{version}: {valued:?}");
    }
}
