//! Tables, columns, indexes, keys and sequences of a script.

use std::time::Duration;

use model::{
    Moment, Text,
    database::{
        Column, ColumnStatistics, Database, ForeignKey, Index, IndexColumn, IndexKey, IndexMethod,
        IndexUse, NewIndex, Recovery, Role, Sequence, Server, Table, TableKind, TableName,
        TableUse,
    },
};

use super::words::Words;

pub(super) fn server(major: u32) -> Server {
    Server {
        version_num: major * 10_000 + 3,
        version: Text::from(format!("{major}.3")),
        recovery: Recovery::Primary,
        extensions: vec![(Text::from("pg_stat_statements"), Text::from("1.10"))],
        role: Role { name: Text::from("taut"), superuser: false, monitor: true },
        ..Server::default()
    }
}

pub(super) fn table_named<'a>(database: &'a Database, name: &str) -> &'a Table {
    let found = database.tables.iter().find(|table| table.name.to_string() == name);
    found.unwrap_or_else(|| panic!("no table `{name}` stands above"))
}

fn table_name(text: &str) -> TableName {
    let (schema, name) = text.split_once('.').unwrap_or(("public", text));
    TableName::new(schema, name)
}

pub(super) fn table(words: &Words<'_>, before: &[Table], now: Moment) -> Table {
    let ago = |key: &str| {
        let days = words.set(key)?;
        let days: f64 = days.parse().expect("days");
        Some(now - Duration::from_secs_f64(days * 86_400.0))
    };
    let (sequential_scans, sequential_rows) = words.two("seq");
    let (index_scans, index_rows) = words.two("idx");
    let bytes = words.mega("mb");
    let rows = words.number("rows", 0.0);
    let parent = words.set("part-of").map(|name| {
        before.iter().find(|table| table.name == table_name(name)).expect("a parent above").oid
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small in tests")]
    let live = rows as u64;
    Table {
        oid: 16_000 + u32::try_from(before.len()).expect("few tables"),
        name: table_name(words.plain(0)),
        kind: match words.set("kind") {
            Some("partitioned") => TableKind::Partitioned,
            Some("view") => TableKind::MaterializedView,
            _ => TableKind::Ordinary,
        },
        parent_oid: parent,
        rows: (!words.flag("never-analyzed")).then_some(rows),
        pages: bytes / 8_192,
        bytes,
        index_bytes: words.mega("index-mb"),
        toast_bytes: words.mega("toast-mb"),
        fillfactor: 100,
        options: words.set("option").map(Text::from).into_iter().collect(),
        transaction_age: words.count("age"),
        usage: TableUse {
            sequential_scans,
            sequential_rows,
            index_scans,
            index_rows,
            inserted: words.count("ins"),
            updated: words.count("upd"),
            updated_hot: words.count("hot"),
            deleted: words.count("del"),
            live,
            dead: words.count("dead"),
            changed_since_analyze: words.count("changed"),
            analyzed: ago("analyzed-days"),
            vacuumed: ago("vacuumed-days"),
            blocks_hit: words.count("blocks-hit"),
            blocks_read: words.count("blocks-read"),
            ..TableUse::default()
        },
        ..Table::default()
    }
}

pub(super) fn column(words: &Words<'_>, table: &Table) -> Column {
    let number = i16::try_from(table.columns.len() + 1).expect("few columns");
    let type_name = words.plain(0);
    let type_length: i16 = match type_name {
        "int2" => 2,
        "int4" | "date" => 4,
        "int8" | "timestamptz" => 8,
        "bool" => 1,
        _ => -1,
    };
    let usual = if type_length < 0 { 16 } else { type_length.unsigned_abs() };
    Column {
        number,
        name: Text::from(words.verb()),
        type_name: Text::from(type_name),
        type_length,
        type_align: u8::try_from(type_length.clamp(1, 8)).unwrap_or(4),
        type_category: if type_length < 0 { 'S' } else { 'N' },
        deduplicates: true,
        not_null: words.flag("not-null"),
        statistics: Some(ColumnStatistics {
            width: u32::try_from(words.count("width")).unwrap_or(0).max(u32::from(usual)),
            distinct: words.number("distinct", -1.0),
            null_share: words.number("nulls", 0.0),
            ..ColumnStatistics::default()
        }),
        ..Column::default()
    }
}

/// Numbers of the columns of these names, separated by commas.
pub(super) fn numbers(table: &Table, names: &str) -> Vec<i16> {
    let number = |name: &str| {
        let known = table.column_named(name.trim());
        known.unwrap_or_else(|| panic!("{} has no column `{name}`", table.name)).number
    };
    names.split(',').filter(|name| !name.trim().is_empty()).map(number).collect()
}

fn keys(table: &Table, text: &str) -> Vec<IndexColumn> {
    let key = |text: &str| {
        let mut words = text.split_whitespace();
        let name = words.next().expect("a column");
        let rest: Vec<&str> = words.collect();
        let descending = rest.contains(&"desc");
        let class = rest.iter().find(|word| word.ends_with("_ops"));
        IndexColumn {
            key: table.column_named(name).map_or_else(
                || IndexKey::Expression(name.to_owned()),
                |it| IndexKey::Column(it.number),
            ),
            descending,
            nulls_first: descending,
            operator_class: Text::from(class.copied().unwrap_or_default()),
            collation: Text::default(),
        }
    };
    text.split(',').filter(|name| !name.trim().is_empty()).map(key).collect()
}

pub(super) fn new_index(words: &Words<'_>, database: &Database) -> NewIndex {
    let table = table_named(database, words.plain(0));
    NewIndex {
        table: table.name.clone(),
        method: IndexMethod::of(&words.or("method", "btree")),
        keys: keys(table, words.parentheses(0)),
        include: numbers(table, &words.value("include")),
        predicate: words.value("where"),
        unique: words.flag("unique"),
    }
}

pub(super) fn index(words: &Words<'_>, database: &Database) -> Index {
    let table = table_named(database, words.plain(1));
    let name = words.plain(0);
    Index {
        oid: 26_000 + u32::try_from(database.indexes.len()).expect("few indexes"),
        table_oid: table.oid,
        name: Text::from(name),
        method: IndexMethod::of(&words.or("method", "btree")),
        keys: keys(table, words.parentheses(0)),
        include: numbers(table, &words.value("include")),
        predicate: Text::from(words.value("where")),
        unique: words.flag("unique") || words.flag("primary"),
        primary: words.flag("primary"),
        constraint: words.flag("constraint") || words.flag("primary"),
        identity: words.flag("identity"),
        valid: !words.flag("invalid"),
        parent_oid: words.set("part-of").map(|parent| {
            let known = database.indexes.iter().find(|index| index.name == parent);
            known.expect("a parent above").oid
        }),
        bytes: words.mega("mb"),
        entries: words.number("entries", 0.0),
        definition: format!("CREATE INDEX {name} ON {} ({})", table.name, words.parentheses(0)),
        fresh_bytes: words.set("fresh-mb").map(|_| words.mega("fresh-mb")),
        usage: IndexUse {
            scans: words.count("scans"),
            scans_since_reset: words.count("scans"),
            standby_scans: match words.set("standby") {
                Some("unknown") => None,
                _ => Some(words.count("standby")),
            },
            ..IndexUse::default()
        },
    }
}

pub(super) fn foreign_key(words: &Words<'_>, database: &Database) -> ForeignKey {
    let table = table_named(database, words.plain(0));
    let other = words.rest().split(')').nth(1).unwrap_or_default().trim();
    let referenced = table_named(database, other.split([' ', '(']).next().unwrap_or_default());
    ForeignKey {
        name: Text::from(format!(
            "{}_{}_fkey",
            table.name.name,
            words.parentheses(0).replace(", ", "_")
        )),
        table_oid: table.oid,
        columns: numbers(table, words.parentheses(0)),
        referenced_oid: referenced.oid,
        referenced_columns: numbers(referenced, words.parentheses(1)),
        validated: true,
        ..ForeignKey::default()
    }
}

pub(super) fn sequence(words: &Words<'_>) -> Sequence {
    let number = |key| i64::try_from(words.count(key)).unwrap_or(i64::MAX);
    Sequence {
        name: table_name(words.plain(0)),
        last: number("last"),
        max: number("max"),
        column: Text::from(words.value("column")),
    }
}
