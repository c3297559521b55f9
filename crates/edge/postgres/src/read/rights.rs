//! What may be missing, what it costs, and how to get it: one table for the messages and for the guide.

use model::database::Database;

use super::Reader;

/// Something without which less is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// What is wanted.
    pub what: &'static str,
    /// What is not known without it; `{}` is what it is about.
    pub costs: &'static str,
    /// How to get it: a statement, or words; `{role}` is the role that reads.
    pub hint: &'static str,
}

/// Everything that may be missing.
pub const RIGHTS: &[Right] = &[
    PRELOAD,
    EXTENSION,
    EXTENSION_VERSION,
    EXTENSION_TRACK,
    ALL_STATS,
    ALL_SETTINGS,
    TABLES,
    SEQUENCES,
    COUNTS,
    ACTIVITIES,
    IO_TIMING,
    QUERY_IDS,
    STANDBYS,
];

pub(super) const PRELOAD: Right = Right {
    what: "shared_preload_libraries",
    costs: "which statements there are, how often they run and how long they take: `pg_stat_statements` counts \
            nothing until the server loads it",
    hint: "add `pg_stat_statements` to `shared_preload_libraries` in `postgresql.conf`, then restart the server",
};

pub(super) const EXTENSION: Right = Right {
    what: "pg_stat_statements",
    costs: "which statements there are, how often they run and how long they take",
    hint: "create extension pg_stat_statements",
};

pub(super) const EXTENSION_VERSION: Right = Right {
    what: "pg_stat_statements 1.8",
    costs: "which statements there are: version {} of the extension, left from an older server, is not read",
    hint: "alter extension pg_stat_statements update",
};

pub(super) const EXTENSION_TRACK: Right = Right {
    what: "pg_stat_statements.track",
    costs: "which statements there are: `pg_stat_statements.track` is `none`",
    hint: "alter system set pg_stat_statements.track = 'top'; select pg_reload_conf()",
};

pub(super) const ALL_STATS: Right = Right {
    what: "pg_read_all_stats",
    costs: "statements, sessions, waits and replication of other roles",
    hint: "grant pg_monitor to {role}",
};

pub(super) const ALL_SETTINGS: Right = Right {
    what: "pg_read_all_settings",
    costs: "settings that only superusers may see",
    hint: "grant pg_monitor to {role}",
};

pub(super) const TABLES: Right = Right {
    what: "pg_read_all_data",
    costs: "widths, distinct values and nulls of the columns of {}, and plans of statements that read them: sizes \
            and selectivities of indexes there are guesses",
    hint: "grant pg_read_all_data to {role} (14 and later; before: grant select on the tables)",
};

pub(super) const SEQUENCES: Right = Right {
    what: "select on sequences",
    costs: "how near their end {} are",
    hint: "grant pg_read_all_data to {role} (14 and later; before: grant select on all sequences in schema …)",
};

pub(super) const COUNTS: Right = Right {
    what: "track_counts",
    costs: "scans, rows read and rows written of tables and indexes; autovacuum needs them too",
    hint: "alter system set track_counts = on; select pg_reload_conf()",
};

pub(super) const ACTIVITIES: Right = Right {
    what: "track_activities",
    costs: "what sessions run and wait for",
    hint: "alter system set track_activities = on; select pg_reload_conf()",
};

pub(super) const IO_TIMING: Right = Right {
    what: "track_io_timing",
    costs: "how much of a statement's time is spent on reading and writing blocks",
    hint: "alter system set track_io_timing = on; select pg_reload_conf() (`pg_test_timing` tells what it costs)",
};

pub(super) const QUERY_IDS: Right = Right {
    what: "compute_query_id",
    costs: "which statement of the statistics a session runs, where its text does not tell",
    hint: "alter system set compute_query_id = auto; select pg_reload_conf()",
};

pub(crate) const STANDBYS: Right = Right {
    what: "observe.postgres.standbys",
    costs: "whether an index that nobody uses here is used on {}",
    hint: "name the standbys in `observe.postgres.standbys`",
};

/// Settings that are off, and what that costs.
pub(super) fn settings(reader: &mut Reader<'_>, database: &Database) {
    let is = |name: &str, value: &str| database.setting(name) == Some(value);
    for (name, right) in [
        ("track_counts", &COUNTS),
        ("track_activities", &ACTIVITIES),
        ("track_io_timing", &IO_TIMING),
        ("compute_query_id", &QUERY_IDS),
    ] {
        if is(name, "off") {
            reader.lacks(right, "");
        }
    }
    if is("pg_stat_statements.track", "none") {
        reader.lacks(&EXTENSION_TRACK, "");
    }
    if !reader.sees_stats {
        reader.lacks(&ALL_STATS, "");
    }
    if !reader.sees_settings {
        reader.lacks(&ALL_SETTINGS, "");
    }
}

/// Standbys that nobody asked.
pub(crate) fn standbys(reader: &mut Reader<'_>, database: &Database) {
    match database.standbys.len() {
        0 => {}
        1 => reader.lacks(&STANDBYS, "the standby"),
        count => reader.lacks(&STANDBYS, &format!("the {count} standbys")),
    }
}

#[cfg(test)]
mod tests {
    use super::RIGHTS;

    #[test]
    fn the_guide_says_of_each_right_what_it_costs() {
        let page = include_str!("../../../../../docs/postgres.md");
        for right in RIGHTS {
            let row = format!("| `{}` | {} | {} |", right.what, right.costs, right.hint);
            let row = row.replace("{}", "…").replace("{role}", "taut");
            assert!(page.contains(&row), "docs/postgres.md lacks this line:\n{row}");
        }
    }
}
