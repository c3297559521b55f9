//! Everything that is asked of a server, in one table: what, from which version on, and how.
//!
//! Versions are `server_version_num`s for the server, and 10,000 times the major part plus 100 times the
//! minor part for `pg_stat_statements`, whose columns follow the extension and not the server:
//! an upgraded server keeps the old extension until somebody updates it.
//!
//! Each statement has [`MARK`] after its first word, where no version drops comments, so that its own time can be
//! found in the server's statistics, and qualifies what it names, so that no `search_path` changes its meaning.

/// Stands after the first word of every statement that Taut runs for itself.
const MARK: &str = "/* taut */";

/// Whether Taut ran a statement.
pub(crate) fn is_ours(text: &str) -> bool {
    let word = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    0 < word && text.get(word..).is_some_and(|rest| rest.trim_start().starts_with(MARK))
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    Server,
    Change,
    SystemIdentifier,
    Extensions,
    Settings,
    DatabaseBytes,
    Totals,
    Checkpoints,
    Io,
    Tables,
    TableUse,
    Columns,
    ColumnStatistics,
    DistinctGroups,
    Unreadable,
    Indexes,
    IndexUse,
    ForeignKeys,
    Sequences,
    StatementsInfo,
    Statements,
    Sessions,
    Connections,
    Waiting,
    Blocking,
    Standbys,
    Slots,
    ReplayLag,
    Prepared,
    Progress,
}

/// One way of asking.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) ask: Ask,
    /// The first version that it works with.
    pub(super) since: u32,
    pub(super) sql: &'static str,
}

/// The way of asking that fits a version; `None` if it knows nothing of that.
pub(super) fn query(ask: Ask, version: u32) -> Option<&'static str> {
    let fits = |query: &&Query| query.ask == ask && query.since <= version;
    QUERIES.iter().filter(fits).max_by_key(|query| query.since).map(|query| query.sql)
}

const fn from(since: u32, ask: Ask, sql: &'static str) -> Query {
    Query { ask, since, sql }
}

/// `{schema}` is where the extension is.
#[rustfmt::skip]
pub(super) const QUERIES: &[Query] = &[
    from(130_000, Ask::Server, include_str!("sql/server.sql")),
    from(130_000, Ask::Change, include_str!("sql/change.sql")),
    from(130_000, Ask::SystemIdentifier, include_str!("sql/system_identifier.sql")),
    from(130_000, Ask::Extensions, include_str!("sql/extensions.sql")),
    from(130_000, Ask::Settings, include_str!("sql/settings.sql")),
    from(130_000, Ask::DatabaseBytes, include_str!("sql/database_bytes.sql")),
    from(130_000, Ask::Totals, include_str!("sql/totals_13.sql")),
    from(140_000, Ask::Totals, include_str!("sql/totals_14.sql")),
    from(130_000, Ask::Checkpoints, include_str!("sql/checkpoints_13.sql")),
    from(170_000, Ask::Checkpoints, include_str!("sql/checkpoints_17.sql")),
    from(160_000, Ask::Io, include_str!("sql/io_16.sql")),
    from(180_000, Ask::Io, include_str!("sql/io_18.sql")),
    from(130_000, Ask::Tables, include_str!("sql/tables.sql")),
    from(130_000, Ask::TableUse, include_str!("sql/table_use_13.sql")),
    from(160_000, Ask::TableUse, include_str!("sql/table_use_16.sql")),
    from(130_000, Ask::Columns, include_str!("sql/columns.sql")),
    from(130_000, Ask::ColumnStatistics, include_str!("sql/column_statistics.sql")),
    from(130_000, Ask::DistinctGroups, include_str!("sql/distinct_groups.sql")),
    from(130_000, Ask::Unreadable, include_str!("sql/unreadable.sql")),
    from(130_000, Ask::Indexes, include_str!("sql/indexes.sql")),
    from(130_000, Ask::IndexUse, include_str!("sql/index_use_13.sql")),
    from(160_000, Ask::IndexUse, include_str!("sql/index_use_16.sql")),
    from(130_000, Ask::ForeignKeys, include_str!("sql/foreign_keys.sql")),
    from(130_000, Ask::Sequences, include_str!("sql/sequences.sql")),
    from(10_900, Ask::StatementsInfo, include_str!("sql/statements_info.sql")),
    from(10_800, Ask::Statements, include_str!("sql/statements_1_8.sql")),
    from(10_900, Ask::Statements, include_str!("sql/statements_1_9.sql")),
    from(11_000, Ask::Statements, include_str!("sql/statements_1_10.sql")),
    from(11_100, Ask::Statements, include_str!("sql/statements_1_11.sql")),
    from(130_000, Ask::Sessions, include_str!("sql/sessions_13.sql")),
    from(140_000, Ask::Sessions, include_str!("sql/sessions_14.sql")),
    from(130_000, Ask::Connections, include_str!("sql/connections.sql")),
    from(130_000, Ask::Waiting, include_str!("sql/waiting.sql")),
    from(130_000, Ask::Blocking, include_str!("sql/blocking_13.sql")),
    from(140_000, Ask::Blocking, include_str!("sql/blocking_14.sql")),
    from(130_000, Ask::Standbys, include_str!("sql/standbys.sql")),
    from(130_000, Ask::Slots, include_str!("sql/slots.sql")),
    from(130_000, Ask::ReplayLag, include_str!("sql/replay_lag.sql")),
    from(130_000, Ask::Prepared, include_str!("sql/prepared.sql")),
    from(130_000, Ask::Progress, include_str!("sql/progress_13.sql")),
    from(140_000, Ask::Progress, include_str!("sql/progress_14.sql")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_marked_as_ours_and_reads_only() {
        for query in QUERIES {
            assert!(is_ours(query.sql), "{query:?}");
            let text = query.sql.to_lowercase();
            for word in ["insert ", "update ", "delete from", "create ", "alter ", "for share"] {
                assert!(!text.contains(word), "{word} in {query:?}");
            }
        }
    }

    #[test]
    fn what_begins_with_a_word_and_the_mark_is_ours() {
        for text in [
            "select /* taut */ 1",
            "explain /* taut */ (format json) select 1",
            "set /* taut */ a = 1",
        ] {
            assert!(is_ours(text), "{text}");
        }
        for text in [
            "",
            "select 1 /* taut */",
            "/* taut */ select 1",
            "select '/* taut */'",
            "é /* taut */",
        ] {
            assert!(!is_ours(text), "{text}");
        }
    }

    #[test]
    fn the_newest_way_that_fits_is_taken() {
        let check = |ask, version, file: &str| {
            assert_eq!(query(ask, version), Some(file), "{ask:?} on {version}");
        };
        check(Ask::Totals, 130_023, include_str!("sql/totals_13.sql"));
        check(Ask::Totals, 180_004, include_str!("sql/totals_14.sql"));
        check(Ask::Statements, 11_200, include_str!("sql/statements_1_11.sql"));
        assert_eq!(query(Ask::Io, 150_018), None);
        assert_eq!(query(Ask::StatementsInfo, 10_800), None);
    }
}
