//! `taut fix`: changes are made, taken back and judged; a kill in the middle leaves nothing that the next run does not clear.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use insta::assert_snapshot;
use testkit::Postgres;

use crate::kit::{self, Ran, taut};

const INDEX: &str = "CREATE INDEX orders_customer ON orders (customer_id)";

/// A transaction that every concurrent build has to wait for, until `psql` is ended.
const SNAPSHOT: &str =
    "begin isolation level repeatable read; select count(*) from pg_class; select pg_sleep(600);";

fn shop() -> Postgres {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .extension("pg_stat_statements")
        .start();
    server.psql(
        "create table orders (id int primary key, customer_id int not null, note text);
         insert into orders select n, n % 2000, repeat('x', 50) from generate_series(1, 40000) n;
         vacuum analyze orders;",
    );
    server
}

/// A run with a store of its own.
fn fix(server: &Postgres, store: &Path, arguments: &[&str]) -> Ran {
    kit::ran(&command(server, store, arguments).output().expect("the binary runs"))
}

fn command(server: &Postgres, store: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = taut();
    command.args(["fix", "--postgres", &server.url(), "--store"]).arg(store).args(arguments);
    command
}

/// All indexes but that of the primary key.
fn indexes(server: &Postgres) -> String {
    server.psql(
        "select relname || case when indisvalid then '' else ' INVALID' end
         from pg_index join pg_class on oid = indexrelid
         where indrelid = 'orders'::regclass and not indisprimary order by 1",
    )
}

fn until(mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_mins(1), "it does not happen");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A session that holds every build up; the first kill ends it.
struct Blocker<'a>(Child, &'a Postgres);

impl Drop for Blocker<'_> {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
        // The server notices when it is told.
        self.1.psql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' \
                     and pid <> pg_backend_pid()");
    }
}

fn blocker(server: &Postgres) -> Blocker<'_> {
    let child = server.client("psql").args(["-c", SNAPSHOT]).stdout(Stdio::null()).spawn();
    let sleeps = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    let blocker = Blocker(child.expect("psql runs"), server);
    until(|| server.psql(sleeps) == "1");
    blocker
}

/// Begins to apply, and waits until the index is there and not valid.
fn building(server: &Postgres, store: &Path) -> Child {
    let child = command(server, store, &["--index", INDEX, "--apply", "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    until(|| indexes(server) == "orders_customer INVALID");
    child
}

#[test]
fn an_index_is_applied_listed_and_taken_back() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let plan = fix(&server, store.path(), &["--index", INDEX]);
    assert_eq!(plan.code, Some(0), "{}", plan.words);
    assert_eq!(indexes(&server), "", "a plan changes nothing");
    let told = plan.data.lines().skip(3).collect::<Vec<_>>().join("\n");
    assert_snapshot!(told.trim_start(), @"
    What is run
      CREATE INDEX CONCURRENTLY orders_customer ON public.orders USING btree (customer_id);

    What takes it back
      DROP INDEX CONCURRENTLY IF EXISTS public.orders_customer;

    Locks
      reads and writes go on; other changes of the table have to wait

    --rehearse tries it on a clone; --apply does it; --migration TOOL writes it down
    ");
    let id = plan.data.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let start = id.get(..6).unwrap();
    let applied = fix(&server, store.path(), &["--index", INDEX, "--apply", "--yes"]);
    assert_eq!(applied.code, Some(0), "{}", applied.words);
    assert!(applied.data.starts_with("applied on "), "{}", applied.data);
    assert_eq!(indexes(&server), "orders_customer");
    let again = fix(&server, store.path(), &["--index", INDEX, "--apply", "--yes"]);
    assert!(
        again.data.starts_with("nothing was to be done: the index orders_customer is there"),
        "{}",
        again.data
    );
    let list = fix(&server, store.path(), &[]);
    assert!(list.data.contains(&format!("{}  applied ", id.get(..8).unwrap())), "{}", list.data);
    // The beginning of the id is enough, and the ledger knows the rest.
    let because = ["--because", "writes got slower"];
    let early = fix(&server, store.path(), &[&[start, "--apply", "--yes"], &because[..]].concat());
    assert_eq!(early.code, Some(2), "that is why it is taken back: {}", early.words);
    let taken = fix(&server, store.path(), &[&[start, "--revert", "--yes"], &because[..]].concat());
    assert_eq!(taken.code, Some(0), "{}", taken.words);
    assert_eq!(indexes(&server), "");
    let folder = store.path().to_str().unwrap();
    let board = kit::run(["report", "board", "--store", folder]);
    assert!(board.data.contains("(by Taut): writes got slower"), "{}", board.data);
    let twice = fix(&server, store.path(), &[start, "--revert", "--yes"]);
    assert_eq!(twice.code, Some(3));
    assert!(twice.words.starts_with("error: it is reverted, and not applied"), "{}", twice.words);
    let shown = fix(&server, store.path(), &[start]);
    for told in [
        "sent: CREATE INDEX CONCURRENTLY",
        "applied",
        "sent: DROP INDEX CONCURRENTLY",
        "reverted: writes got slower",
    ] {
        assert!(shown.data.contains(told), "{told}: {}", shown.data);
    }
}

#[test]
fn nothing_is_changed_without_a_yes() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let refused = fix(&server, store.path(), &["--index", INDEX, "--apply"]);
    assert_eq!(refused.code, Some(2));
    assert_snapshot!(refused.words, @"
    error: nobody is there to be asked

    hint: --yes does it without asking
    ");
    assert_eq!(indexes(&server), "");
}

#[test]
fn a_kill_in_the_middle_of_a_build_leaves_nothing_after_reverting() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let blocker = blocker(&server);
    let mut child = building(&server, store.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let list = fix(&server, store.path(), &[]);
    assert!(list.data.contains("  unfinished"), "{}", list.data);
    // What it was waiting for still lasts.
    let taken = fix(&server, store.path(), &["--index", INDEX, "--revert", "--yes"]);
    assert_eq!(taken.code, Some(0), "{}", taken.words);
    assert_eq!(indexes(&server), "");
    drop(blocker);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(indexes(&server), "", "nobody goes on with it");
}

#[test]
fn a_kill_in_the_middle_of_a_build_leaves_an_index_after_applying_again() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let blocker = blocker(&server);
    let mut child = building(&server, store.path());
    child.kill().unwrap();
    child.wait().unwrap();
    let mut again = command(&server, store.path(), &["--index", INDEX, "--apply", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(again.stderr.take().unwrap()).lines().map(Result::unwrap);
    // What it waits for lasts until it has seen that somebody works on it.
    let has_seen = words.any(|line| line.contains("still works on it for an earlier run"));
    drop(blocker);
    let rest: Vec<String> = words.collect();
    assert!(has_seen, "{rest:?}");
    assert_eq!(again.wait().unwrap().code(), Some(0), "{rest:?}");
    assert_eq!(indexes(&server), "orders_customer");
    // It counts as ours, though another process began it.
    fix(&server, store.path(), &["--index", INDEX, "--revert", "--yes"]);
    assert_eq!(indexes(&server), "");
}

#[test]
fn an_interrupt_cancels_the_build_and_clears_up() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let _blocker = blocker(&server);
    let child = building(&server, store.path());
    // Long enough for a look at how far it is.
    thread::sleep(Duration::from_millis(1_500));
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("there is kill").success());
    let ran = kit::ran(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.words);
    assert!(ran.words.ends_with("stopped: nothing of it is left behind\n"), "{}", ran.words);
    assert!(ran.words.contains("waiting for old snapshots: pid "), "{}", ran.words);
    assert_eq!(indexes(&server), "");
}

#[test]
fn two_at_once_do_not_do_the_same() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let blocker = blocker(&server);
    let child = building(&server, store.path());
    let second = fix(&server, store.path(), &["--index", INDEX, "--apply", "--yes"]);
    assert_eq!(second.code, Some(3));
    assert!(
        second.words.starts_with("error: another process of taut is at it"),
        "{}",
        second.words
    );
    // Nor does one with another ledger.
    let other = tempfile::tempdir().unwrap();
    let third = fix(&server, other.path(), &["--index", INDEX, "--apply", "--yes"]);
    assert_eq!(third.code, Some(3));
    assert!(
        third.words.starts_with("error: another run of taut is at it: pid "),
        "{}",
        third.words
    );
    drop(blocker);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(indexes(&server), "orders_customer");
}

/// Runs a statement so often, each time for another customer.
fn work(server: &Postgres, times: u32) {
    let statement = "select count(*), max(note) from orders where customer_id = :c";
    let script = server.data_path().with_file_name("work.sql");
    std::fs::write(&script, format!("\\set c random(1, 1999)\n{statement};\n"))
        .expect("the folder is ours");
    let done = server
        .client("pgbench")
        .args(["-n", "-M", "simple", "-t", &times.to_string(), "-f"])
        .arg(&script)
        .output()
        .expect("pgbench runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn an_index_that_helps_is_proven_and_one_that_does_not_had_better_go() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    work(&server, 60);
    fix(&server, store.path(), &["--index", INDEX, "--apply", "--yes"]);
    let early = fix(&server, store.path(), &["--index", INDEX, "--check"]);
    assert_eq!(early.code, Some(1));
    assert!(
        early.data.starts_with("not settled: its statements ran 0 times since"),
        "{}",
        early.data
    );
    work(&server, 60);
    let proven = fix(&server, store.path(), &["--index", INDEX, "--check"]);
    assert_eq!(proven.code, Some(0), "{}{}", proven.data, proven.words);
    assert!(proven.data.starts_with("proven: mean fell from "), "{}", proven.data);
    assert!(proven.data.contains("the index was used 60 times"), "{}", proven.data);
    let list = fix(&server, store.path(), &[]);
    assert!(list.data.contains("  proven "), "{}", list.data);

    let useless = "CREATE INDEX useless ON orders (note)";
    fix(&server, store.path(), &["--index", useless, "--apply", "--yes"]);
    work(&server, 60);
    let none = fix(&server, store.path(), &["--index", useless, "--check"]);
    assert_eq!(none.code, Some(1));
    assert!(none.data.starts_with("no gain: "), "{}", none.data);
    assert!(none.data.contains("It had better go: taut fix "), "{}", none.data);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_done() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let words = |arguments: &[&str]| {
        let ran = fix(&server, store.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.data, ran.words);
        ran.words.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(words(&["xyz"]), "error: `xyz` is no id of a finding");
    assert_eq!(
        words(&["0123456789abcdef"]),
        "error: nothing that can be applied has the id `0123456789abcdef`"
    );
    assert_eq!(words(&["0123", "--revert"]), "error: the ledger has nothing of `0123`");
    assert_eq!(
        words(&["--index", INDEX, "--migration", "djngo"]),
        "error: no migrations are written for `djngo`"
    );
    assert_eq!(words(&["--index", INDEX, "--check", "--for", "soon"]), "error: `soon` is no time");
    let without = kit::run(["fix"]);
    assert_eq!(without.code, Some(2));
    assert!(without.words.starts_with("error: no database was given"), "{}", without.words);
    let ran = fix(&server, store.path(), &["--index", "DROP TABLE orders", "--apply", "--yes"]);
    assert_eq!(ran.code, Some(3));
    assert!(
        ran.words.contains("it is no statement that creates or drops one index"),
        "{}",
        ran.words
    );
}

#[test]
fn a_migration_is_written_once() {
    let (server, store) = (shop(), tempfile::tempdir().unwrap());
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let written =
        fix(&server, store.path(), &["--index", INDEX, "--migration", "flyway", "--out", folder]);
    assert_eq!(written.code, Some(0), "{}", written.words);
    let files: Vec<&str> = written.data.lines().collect();
    assert_eq!(files.len(), 2, "{}", written.data);
    let sql = std::fs::read_to_string(files[0]).unwrap();
    assert!(sql.contains("CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_customer"), "{sql}");
    assert_eq!(std::fs::read_to_string(files[1]).unwrap(), "executeInTransaction=false\n");
    let shown = fix(&server, store.path(), &["--index", INDEX, "--migration", "rails"]);
    assert!(shown.data.contains("add_index 'orders'"), "{}", shown.data);
    assert_eq!(indexes(&server), "");
}

/// From the finding to the proof.
#[test]
fn a_finding_is_applied_by_its_id() {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .extension("pg_stat_statements")
        .extension("hypopg")
        .start();
    server.psql(
        "create table orders (id int primary key, customer_id int not null, note text);
         insert into orders select n, n % 20000, repeat('x', 100) from generate_series(1, 200000) n;
         vacuum analyze orders; select pg_stat_statements_reset();",
    );
    let store = tempfile::tempdir().unwrap();
    work(&server, 200);
    let list = fix(&server, store.path(), &[]);
    assert_eq!(list.code, Some(0), "{}", list.words);
    let mut lines = list.data.lines();
    let found = lines.position(|line| {
        line.contains("CREATE INDEX CONCURRENTLY") && line.contains("customer_id")
    });
    let found = found.unwrap_or_else(|| panic!("{}", list.data));
    let id = list.data.lines().take(found).filter(|line| !line.starts_with(' ')).last().unwrap();
    let id = id.split(' ').next().unwrap();
    let plan = fix(&server, store.path(), &[id]);
    assert!(plan.data.contains("It helps"), "{}", plan.data);
    let applied = fix(&server, store.path(), &[id, "--apply", "--yes"]);
    assert_eq!(applied.code, Some(0), "{}", applied.words);
    work(&server, 200);
    let proven = fix(&server, store.path(), &[id, "--check"]);
    assert_eq!(proven.code, Some(0), "{}", proven.data);
    // People who decide are told of it.
    let claim = proven.data.trim_start_matches("proven: ").split('\n').next().unwrap();
    let words = claim.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let board = kit::run(["report", "board", "--store", store.path().to_str().unwrap()]);
    assert!(board.data.contains("## What was proven"), "{}", board.data);
    assert!(board.data.contains(&format!(". {words}")), "{words}: {}", board.data);
    let taken = fix(&server, store.path(), &[id, "--revert", "--yes"]);
    assert_eq!((taken.code, indexes(&server).as_str()), (Some(0), ""), "{}", taken.words);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is what the binary says, in full")]
fn it_tells_how_it_is_used() {
    assert_snapshot!(kit::run(["fix", "--help"]).data, @r#"
    Change a database, or the settings of the gateway: plan or rehearse it, do it, take it back, prove
    that it worked.

    With a database: creates, drops and rebuilds indexes beside the traffic. With `[gateway]` in the
    settings, and without --postgres: caches, compresses, limits and bounds routes, by a patch of the
    settings file.

    Without an id, lists what can be applied and what was. An id is that of a finding, or its beginning.
    Nothing is changed without --apply or --revert; everything that is done is noted in the ledger
    before it is done. --rehearse measures it elsewhere first: code 1 if it brings nothing there, or a
    rewrite returns other rows; --check judges it where it was applied: code 1 unless it is proven.

    Usage: taut fix [OPTIONS] [ID]

    Arguments:
      [ID]
              Which finding: its id, or the beginning of it

    Options:
          --index <SQL>
              Instead of a finding, this `CREATE INDEX` or `DROP INDEX`

          --rewrite <SQL>
              Instead of a finding, this statement in place of the one of --query

          --postgres <URL>
              The database: `postgresql://user@host/database`. Without it, the one of
              `observe.postgres.url`

          --plan
              Show what would be done; what happens unless told otherwise

          --rehearse
              Try it on a replica or a clone: its statements before and after by turns, EXPLAIN
              (ANALYZE, BUFFERS), medians

          --apply
              Do it

          --revert
              Take it back

          --because <TEXT>
              Why it is taken back: the ledger and the board report tell it

          --check
              Compare what its statements cost before and since, and see whether they are planned with
              it now

          --json
              Write everything as JSON

          --migration <TOOL>
              Write it as a migration for this tool: alembic, django, flyway, prisma, rails, sqlx

          --for <TIME>
              Watch for so long before judging: with --check, or after --apply

          --wait <TIME>
              How long a build may wait for each transaction that is older than itself
              
              [default: 30m]

          --yes
              Do not ask

          --out <FOLDER>
              Write the files of a migration below this folder, instead of showing them

          --store <FOLDER>
              Where the ledger is kept

          --config <FILE>
              Settings file, instead of `taut.toml` in the working folder

      -h, --help
              Print help (see a summary with '-h')

    Rehearsal:
          --on <URL>
              Rehearse on this replica; with --clone, its rows are read there

          --on-primary
              Let --on be a server that takes writes: statements are run there, read-only and rolled
              back

          --clone <URL|here>
              Rehearse on a clone: schema and a sample of the rows, made on this server, or `here` on
              the one of the database; dropped afterwards. Indexes need one

          --clone-bytes <SIZE>
              Bytes that the rows of a clone may have together
              
              [default: 1GB]

          --clone-rows <N>
              Rows that a table of a clone may have, more or less
              
              [default: 20000000]

          --query <SQL>
              Rehearse with this statement instead of those that it is for; may be given more than once

          --runs <N>
              Runs of each side that count, 3 to 100; from 6 on there are intervals
              
              [default: 6]

          --timeout <TIME>
              A run that takes longer is ended
              
              [default: 30s]

    Gateway:
          --from <FILE>
              Look for the finding in this recording, instead of asking the `taut up` of the settings;
              may be given more than once

          --operation <METHOD PATH>
              Instead of a finding, this operation, with --set

          --set <KEY=VALUE>
              Set this on its route, instead of what is proposed: `total-timeout="5s"`; may be given
              more than once

          --remedy <NAME>
              Which remedy, where the gateway has several for a finding

          --on-route <ROUTE>
              On which route, where several take such requests for other hosts

    Examples:
      taut fix --postgres URL                         what can be applied, and what was
      taut fix 3f2a --postgres URL                    what it would do, and what it would cost
      taut fix 3f2a --postgres URL --rehearse --clone here
                                                      try it on a clone, before and after by turns
      taut fix 3f2a --postgres URL --apply            do it, beside the traffic
      taut fix 3f2a --postgres URL --check --for 10m  whether it worked
      taut fix 3f2a --postgres URL --revert --because 'writes got slower'
                                                      take it back, and say why
      taut fix 3f2a --postgres URL --migration django --out .
      taut fix --postgres URL --index 'CREATE INDEX ON orders (customer_id)' --apply
      taut fix --postgres URL --query 'SELECT …' --rewrite 'SELECT …' --rehearse --on REPLICA
                                                      whether it is faster, and returns the same rows
      taut fix 3f2a --from spans.json --plan          what the gateway can do about it, as a patch
      taut fix 3f2a --from spans.json --apply         write it; a gateway that runs takes it up
      taut fix --operation 'GET /api/trending' --set 'cache={ttl="5m"}' --apply
    "#);
}
