//! What a rehearsal refuses to run, told by real servers.

use postgres::{
    Target,
    rehearse::{Checked, Options, Refusal, RehearseError, Session, Statement, check_read_only},
};
use testkit::Postgres;

/// What becomes of a statement: nothing to say against it, or why not.
async fn check(
    server: &Postgres,
    user: &str,
    sql: &str,
    options: &Options,
) -> Result<Checked, Refusal> {
    let target = Target::parse(&server.url_for("postgres", user)).expect("an address");
    let mut session = Session::open(&target).await.expect("the server runs");
    match check_read_only(&mut session, &Statement::new(sql), options).await {
        Ok(checked) => Ok(checked),
        Err(RehearseError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{sql}: {error} {:?}", std::error::Error::source(&error)),
    }
}

const TABLES: &str = "
    create table orders (id int primary key, note text, total numeric);
    create sequence numbers;
    create table marks (n int);
    create schema \"Größe\";
    create function \"Größe\".\"Tu \"\"was\"\"\"(int) returns int language sql as 'select $1';
    create function quiet(int) returns int language sql stable as 'select $1 + 1';
    create function sly(int) returns int language plpgsql stable as
        'begin return pg_advisory_lock($1) is null; end';
    create function slier(int) returns int language sql stable as 'select sly($1)';
    create function dynamic(int) returns int language plpgsql immutable as
        $$begin execute 'select pg_advisory_lock(1)'; return 1; end$$;
    create function marking() returns int language plpgsql as
        'begin insert into marks values (1); return 1; end';
    create view plain as select id, note from orders;
    create view wicked as select id, nextval('numbers') as n from orders;
    create view on_wicked as select id from wicked;
    create function through_view() returns bigint language sql stable as
        'select count(*) from on_wicked';
    create function row_wise(orders) returns int language sql as 'select 1';
    create function through_row() returns bigint language sql stable as
        'select sum(o.row_wise) from orders o';
    create operator ### (leftarg = int, rightarg = int,
        function = \"Größe\".add_all);
";

async fn refused(server: &Postgres, sql: &str) -> Refusal {
    match check(server, "alice", sql, &Options::default()).await {
        Err(refusal) => refusal,
        Ok(checked) => panic!("let through: {sql} {checked:?}"),
    }
}

fn ground(version: u32) -> Postgres {
    let server = Postgres::builder().version(version).start();
    let tables = TABLES.replace(
        "create operator",
        "create function \"Größe\".add_all(int, int) returns int language plpgsql as \
         'begin return $1 + $2; end'; create operator",
    );
    server.psql(&tables);
    server.psql(
        "create domain positive as int check (\"Größe\".add_all(value, 1) > 0);
         create function first_of(int, int) returns int language sql immutable as 'select $1';
         create function slow_add(int, int) returns int language sql volatile as 'select $1 + $2';
         create aggregate worse_sum(int) (sfunc = slow_add, stype = int);
         create function with_default(int default nextval('numbers')) returns int
             language sql stable as 'select $1';
         create type wrapped as (id int);
         create function wrap(int) returns wrapped language plpgsql as
             'begin return row(marking()); end';
         create cast (int as wrapped) with function wrap(int) as assignment;
         create function turning(int) returns int language plpgsql stable as
             'declare inner_one wrapped; begin inner_one := $1; return 1; end';
         create type holder as (kept positive);
         create function holding(int) returns int language plpgsql stable as
             $$declare one holder; begin one.kept := $1; return 1; end$$;
         create table secret (id int, owner text);
         alter table secret enable row level security;
         create policy own on secret using (marking() = 1);
         create table parted (id int) partition by range (id);
         create table far_parent (id int);
         create role alice login; grant all on all tables in schema public to alice;
         grant usage on schema \"Größe\" to alice",
    );
    server
}

#[tokio::test]
async fn whatever_may_do_more_than_read_is_refused_in_every_version() {
    for version in Postgres::every_version() {
        let server = ground(version);
        for sql in [
            "select nextval('numbers')",
            "select setval('numbers', 7) from orders",
            "select pg_terminate_backend(pid) from pg_stat_activity",
            "select pg_advisory_lock(1)",
            "select 1 where pg_try_advisory_xact_lock(1)",
            "select pg_notify('a', 'b')",
            "select set_config('statement_timeout', '0', false)",
            "select lo_create(0)",
            "select lo_import('/etc/passwd')",
            "select * from pg_read_file('postgresql.conf')",
            "select query_to_xml('delete from orders', true, true, '')",
            "select * from ts_stat('select to_tsvector(note) from orders')",
            "select \"Größe\".\"Tu \"\"was\"\"\"(id) from orders",
            "select id from orders order by \"Größe\".\"Tu \"\"was\"\"\"(id)",
            "with a as (select marking()) select 1 from a",
            "select (select marking())",
            "select * from marking()",
            "select 1 ### 2",
            "select * from wicked",
            "select * from on_wicked where id = 1",
            "select slier(1)",
            "select sly(id) from orders",
            "select dynamic(1)",
            "select through_view()",
            "select through_row()",
            "select o.row_wise from orders o",
            "select id::positive from orders",
            "select worse_sum(id) from orders",
            "select with_default()",
            "select turning(1)",
            "select holding(1)",
            "select 1::wrapped",
            "select '(1)'::holder",
            "select * from secret",
            "select count(*) filter (where nextval('numbers') > 1) from orders",
            "select sum(total) over (order by id rows nextval('numbers') preceding) from orders",
            "select * from orders limit nextval('numbers')",
            "values (nextval('numbers'))",
            "select * from orders tablesample bernoulli (nextval('numbers'))",
            "select a.x from orders, lateral (select marking() as x) a",
        ] {
            let refusal = refused(&server, sql).await;
            assert!(
                matches!(refusal, Refusal::Volatile { .. } | Refusal::Opaque { .. }),
                "{version}: {sql}: {refusal}"
            );
        }
        assert_eq!(
            server.psql("select is_called from numbers; select count(*) from marks"),
            "f\n0"
        );
    }
}

#[tokio::test]
async fn what_writes_or_locks_is_refused_in_every_version() {
    for version in Postgres::every_version() {
        let server = ground(version);
        for sql in [
            "with a as (delete from orders returning *) select * from a",
            "with a as (select 1) insert into marks select * from a",
            "select 1 into made",
            "with a as (select 1 as n) select n into made from a",
            "select * from (with b as (insert into marks values (1) returning n) select * from b) c",
        ] {
            // The server itself does not take the last one.
            let target = Target::parse(&server.url_for("postgres", "alice")).unwrap();
            let mut session = Session::open(&target).await.unwrap();
            let statement = Statement::new(sql);
            let outcome = check_read_only(&mut session, &statement, &Options::default()).await;
            assert!(
                matches!(outcome, Err(RehearseError::Refused(Refusal::Writes { .. }))),
                "{version}: {sql}: {outcome:?}"
            );
        }
        for sql in [
            "select * from orders for update",
            "select * from orders o for key share of o",
            "select * from (select * from orders for share) a",
        ] {
            assert_eq!(refused(&server, sql).await, Refusal::Locks, "{version}: {sql}");
        }
        for sql in [
            "delete from orders",
            "copy orders to stdout",
            "do 'begin end'",
            "call p()",
            "explain analyze select 1",
            "execute e",
            "vacuum",
            "declare c cursor for select 1",
        ] {
            let refusal = refused(&server, sql).await;
            assert!(matches!(refusal, Refusal::NotAQuery { .. }), "{version}: {sql}: {refusal}");
        }
        assert_eq!(refused(&server, "select 1; select 2").await, Refusal::Several);
    }
}

#[tokio::test]
async fn what_reads_passes_with_the_least_rights_in_every_version() {
    for version in Postgres::every_version() {
        let server = ground(version);
        for sql in [
            "select o.*, count(*) over () from orders o where note like 'a%' order by total desc limit 3;",
            "select quiet(id), first_of(1, 2) from orders",
            "select * from plain join orders using (id) where lower(plain.note) = any(array['a'])",
            "with recursive r(n) as (select 1 union all select n + 1 from r where n < 9) select * from r",
            "select sum(total), string_agg(note, ',' order by id) from orders group by rollup (id)",
            "select '{\"a\": [1]}'::jsonb @> '{}', now(), current_user, '2020-01-01'::date + 1",
            "select (array[1, 2])[1], row(1, 2) = row(1, 2), generate_series(1, 3)",
            "select * from pg_stat_activity, pg_locks, pg_class where relkind = 'r'",
            "select count(*) from orders tablesample system (10) repeatable (1)",
            "table orders",
            "(select id from orders) union (select 1) except select 2",
            "select \"select\".id as \":funcid\", 1 as \"}) {QUERY :commandType 3\" from orders \"select\"",
        ] {
            let outcome = check(&server, "alice", sql, &Options::default()).await;
            assert!(outcome.is_ok(), "{version}: {sql}: {outcome:?}");
        }
        let dice =
            check(&server, "alice", "select random(), pg_sleep(0)", &Options::default()).await;
        assert_eq!(dice.unwrap().volatile, ["pg_sleep(double precision)", "random()"]);
        let log = std::fs::read_to_string(server.log_path()).unwrap();
        assert!(
            !log.contains("ERROR") || log.contains("permission denied to set parameter"),
            "{log}"
        );
    }
}

#[tokio::test]
async fn a_function_passes_once_it_is_named_as_harmless() {
    let server = ground(Postgres::default_version());
    let options = Options { harmless: vec!["public.marking".to_owned()], ..Options::default() };
    assert!(check(&server, "alice", "select marking()", &options).await.is_ok());
    assert!(check(&server, "alice", "select slier(1)", &options).await.is_err());
}

#[tokio::test]
async fn tables_of_other_servers_are_refused_below_their_parents_too() {
    let server = ground(Postgres::default_version());
    server.psql(
        "create extension file_fdw; create server files foreign data wrapper file_fdw;
         create foreign table \"Far \"\"away\"\"\" (id int) server files options (program 'touch /tmp/x');
         create foreign table far_child () inherits (far_parent) server files options (program 'true');
         create foreign table far_part partition of parted for values from (1) to (2)
             server files options (program 'true');
         grant select on all tables in schema public to alice",
    );
    for sql in [
        "select * from \"Far \"\"away\"\"\"",
        "select * from far_parent",
        "select id from parted where id = 5",
    ] {
        let refusal = refused(&server, sql).await;
        assert!(matches!(refusal, Refusal::ForeignTable { .. }), "{sql}: {refusal}");
    }
}

#[tokio::test]
async fn tables_named_like_catalogs_deceive_nobody() {
    let server = ground(Postgres::default_version());
    server.psql(
        "create schema evil;
         create table evil.pg_proc (oid oid, proname name, provolatile \"char\");
         create function evil.lower(text) returns text language sql as 'select marking()::text';
         grant usage on schema evil to alice; grant select on evil.pg_proc to alice;
         alter role alice set search_path = evil, public, pg_catalog",
    );
    let refusal = refused(&server, "select lower(note) from orders").await;
    assert!(refusal.to_string().contains("evil.lower(text)"), "{refusal}");
    assert!(
        check(&server, "alice", "select upper(note) from orders", &Options::default())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_statement_that_the_server_does_not_take_is_no_refusal() {
    let server = ground(Postgres::default_version());
    let target = Target::parse(&server.url_for("postgres", "alice")).unwrap();
    let mut session = Session::open(&target).await.unwrap();
    for sql in [
        "select nothing_of_this from orders",
        "select * from pg_authid where",
        "select * from numbers, missing",
    ] {
        let outcome =
            check_read_only(&mut session, &Statement::new(sql), &Options::default()).await;
        assert!(matches!(outcome, Err(RehearseError::Invalid(_))), "{sql}: {outcome:?}");
    }
    // The same connection still serves.
    assert!(
        check_read_only(&mut session, &Statement::new("select 1"), &Options::default())
            .await
            .is_ok()
    );
}
