//! A real database with planted faults and somebody at work in it, for tests of the pages: no index for its most
//! frequent statement, an index that nothing reads, a foreign key without an index, a session that waits for another,
//! sorts that go through files, a standby.
//!
//! `busy_database READY_PORT URL_FILE [--hostile]` writes where the database is to the file, and where its log is to the
//! file of the same name with `.log` behind it, then listens on the port. It ends after half an hour, or when it is
//! told to. `--hostile` adds a table whose name is a script, for whoever shows names as anything but text.

use std::{
    error::Error,
    fs,
    io::Write as _,
    net::TcpListener,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use testkit::postgres::Postgres;

/// Longer than any test of the pages takes.
const TIME_MAX: Duration = Duration::from_mins(30);

const SHOP: &str = "
    create table customers (id int primary key, name text not null, city text not null);
    create table orders (
        id int primary key,
        customer_id int not null references customers (id),
        status smallint not null,
        total int not null,
        created_at timestamptz not null
    );
    create index orders_total_idx on orders (total);
    create table stock (product_id int primary key, quantity int not null);
    insert into customers select n, 'customer ' || n, 'city ' || n % 50 from generate_series(1, 5000) n;
    insert into orders
        select n, 1 + n * 7919 % 5000, n % 5, n % 977, timestamptz '2026-01-01' + n * interval '1 minute'
        from generate_series(1, 200000) n;
    insert into stock select n, 100 from generate_series(1, 100) n;
    analyze;
";

/// What its users do, about forty times a second.
const WORK: &str = "
    \\set customer random(1, 5000)
    \\set product random(1, 100)
    select id, total from orders where customer_id = :customer and status = 1 order by created_at desc limit 20;
    update stock set quantity = quantity - 1 where product_id = :product and product_id <> 7;
";

/// The table of `--hostile`, as it is quoted.
const HOSTILE: &str = r#""<img src=x onerror=window.struck=1>""#;

/// What makes it, and what its users ask of it; `{table}` stands for it.
const HOSTILE_TABLE: &str = "
    create table {table} (product_id int primary key, quantity int not null);
    insert into {table} select n, 100 from generate_series(1, 100) n;
    analyze {table};
";
const HOSTILE_WORK: &str = "
    select quantity from {table} where product_id = :product;
";

/// A report, every few seconds, that does not fit in memory.
const REPORT: &str = "select * from orders order by customer_id % 7, total, id \\g /dev/null\n";

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let usage = "usage: busy_database READY_PORT URL_FILE [--hostile]";
    let (Some(port), Some(file)) = (words.next(), words.next()) else {
        return Err(usage.into());
    };
    let is_hostile = match words.next().as_deref() {
        None => false,
        Some("--hostile") => true,
        Some(_) => return Err(usage.into()),
    };
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements,auto_explain")
        .setting("auto_explain.log_min_duration", "50ms")
        .setting("auto_explain.log_analyze", "on")
        .setting("auto_explain.log_nested_statements", "off")
        .setting("log_line_prefix", "%m [%p] %q%u@%d ")
        .setting("log_lock_waits", "on")
        .setting("deadlock_timeout", "200ms")
        .setting("log_temp_files", "0")
        .setting("work_mem", "1MB")
        .extension("pg_stat_statements")
        .extension("hypopg")
        .start();
    server.psql("create database shop");
    server.psql_in("shop", SHOP);
    let mut work = WORK.to_owned();
    let mut awaited = vec!["stock"];
    if is_hostile {
        server.psql_in("shop", &HOSTILE_TABLE.replace("{table}", HOSTILE));
        work.push_str(&HOSTILE_WORK.replace("{table}", HOSTILE));
        awaited.push(HOSTILE);
    }
    let script = tempfile::NamedTempFile::new()?;
    fs::write(script.path(), work)?;
    let mut users = server.client("pgbench");
    users.args(["--no-vacuum", "--client=2", "--rate=20", "--time=1800", "--file"]);
    users.arg(script.path()).arg("shop");
    let mut running = vec![users.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?];
    // One holds a row and does nothing; another waits for it.
    running.push(session(&server, "begin; update stock set quantity = 1 where product_id = 7;\n")?);
    thread::sleep(Duration::from_millis(500));
    running.push(session(&server, "update stock set quantity = 2 where product_id = 7;\n")?);
    let _standby = server.standby();
    let mut report = session(&server, REPORT)?;
    fs::write(format!("{file}.log"), server.log_path().display().to_string())?;
    fs::write(file, server.url_for("shop", "postgres"))?;
    let _ready = TcpListener::bind(("127.0.0.1", port.parse::<u16>()?))?;
    let began = Instant::now();
    for table in awaited.into_iter().cycle() {
        if TIME_MAX < began.elapsed() {
            break;
        }
        thread::sleep(Duration::from_secs(3));
        if let Some(stdin) = &mut report.stdin {
            stdin.write_all(REPORT.as_bytes())?;
        }
        wait_a_moment(&server, table)?;
    }
    running.push(report);
    for child in &mut running {
        child.kill().ok();
        child.wait().ok();
    }
    Ok(())
}

/// One session holds a row of a table for half a second, another waits for it.
fn wait_a_moment(server: &Postgres, table: &str) -> Result<(), Box<dyn Error>> {
    let update = |to: u32| format!("update {table} set quantity = {to} where product_id = 9;");
    let holds = format!("begin; {} select pg_sleep(0.5); commit;\n", update(3));
    let mut holder = session(server, &holds)?;
    thread::sleep(Duration::from_millis(100));
    let mut waiter = session(server, &format!("{}\n", update(4)))?;
    for child in [&mut holder, &mut waiter] {
        drop(child.stdin.take());
        child.wait()?;
    }
    Ok(())
}

/// A psql that has said something and stays.
fn session(server: &Postgres, words: &str) -> Result<Child, Box<dyn Error>> {
    let mut command = server.client("psql");
    command.args(["--no-psqlrc", "--quiet", "shop"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    if let Some(stdin) = &mut child.stdin {
        stdin.write_all(words.as_bytes())?;
        stdin.flush()?;
    }
    Ok(child)
}
