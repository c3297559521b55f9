//! A streaming replica, through the server's own interface for backups: `pg_basebackup` is not there for every version.

use std::{
    fs::{self, File},
    thread,
    time::{Duration, Instant},
};

use super::{Cluster, Postgres, ready};

/// What was committed before arrives within milliseconds on one machine; a busy one takes its time.
const CATCH_UP_MAX: Duration = Duration::from_mins(1);

pub(super) fn make(primary: &Postgres) -> Postgres {
    let cluster = Cluster::empty();
    copy(primary, &cluster);
    File::create(cluster.data().join("standby.signal")).expect("a file in our own folder");
    cluster.give(&cluster.data().join("standby.signal"));
    let from = format!("host=127.0.0.1 port={} user=postgres", primary.port());
    cluster.configure(&[
        ("primary_conninfo", &from),
        ("hot_standby", "on"),
        // A query is cancelled rather than replay held up, but not while a test looks.
        ("max_standby_streaming_delay", "30s"),
        ("wal_receiver_status_interval", "1s"),
        ("wal_retrieve_retry_interval", "200ms"),
    ]);
    let mut standby =
        Postgres { binaries: primary.binaries.clone(), cluster, port: 0, keeper: None };
    standby.run();
    let target = primary.psql("select pg_current_wal_lsn()");
    let since = Instant::now();
    let arrived = format!("select pg_last_wal_replay_lsn() >= '{target}'::pg_lsn");
    while standby.psql(&arrived) != "t" {
        assert!(since.elapsed() < CATCH_UP_MAX, "the replica does not catch up");
        thread::sleep(Duration::from_millis(20));
    }
    standby
}

/// The data as they are on the disk, copied while the server is told of a backup, in one session.
fn copy(primary: &Postgres, cluster: &Cluster) {
    let (begin, end) = if primary.version() < 15 {
        ("pg_start_backup('testkit', true, false)", "pg_stop_backup(false)")
    } else {
        ("pg_backup_start('testkit', true)", "pg_backup_stop(false)")
    };
    let quoted = |path: &std::path::Path| format!("'{}'", path.display());
    let data = cluster.data();
    let label = data.join("backup_label");
    // `cp` complains about files that vanish meanwhile, which is as it should be.
    let session = format!(
        "select {begin} is null;\n\
         \\! cp -a {from} {to} 2>/dev/null; true\n\
         \\! rm -rf {to}/postmaster.pid {to}/postmaster.opts {to}/pg_wal/*\n\
         \\o {label}\n\
         select labelfile from {end};\n",
        from = quoted(&primary.data_path()),
        to = quoted(&data),
        label = quoted(&label),
    );
    ready::psql(&primary.url(), &session).unwrap_or_else(|error| panic!("backup: {error}"));
    let text = fs::read_to_string(&label).expect("psql wrote it");
    assert!(text.starts_with("START WAL LOCATION"), "no label of a backup: {text}");
    cluster.give(&label);
    fs::create_dir_all(data.join("pg_wal/archive_status")).expect("a folder in our own folder");
    cluster.give(&data.join("pg_wal/archive_status"));
}
