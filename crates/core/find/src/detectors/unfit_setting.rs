//! Settings that the server's own figures speak against; never one because it is customary.

use model::{Level, SettingChange, StatementKind, database::Table};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks,
    detectors::{figures, rows_scanned_vs_returned::blocks_and_rows, words},
};

static CHECKPOINTS_MIN: Knob = Knob {
    key: "checkpoints-per-day-min",
    default: 24.0,
    unit: "a day",
    doc: "Checkpoints that were forced by `max_wal_size`, and more of them than came in time.",
};

static JIT_SHARE_MIN: Knob = Knob {
    key: "jit-share-min",
    default: 0.1,
    unit: "of database time",
    doc: "Compiling is meant to spare more than it takes; a tenth of all time is not spare change.",
};

static DEAD_SHARE_MIN: Knob = Knob {
    key: "dead-share-min",
    default: 0.25,
    unit: "of the rows",
    doc: "Autovacuum comes when a fifth is dead; above a quarter it is late or off.",
};

static DEAD_ROWS_MIN: Knob = Knob {
    key: "dead-rows-min",
    default: 100_000.0,
    unit: "rows",
    doc: "Fewer dead rows are some megabytes at most.",
};

pub(super) static UNFIT_SETTING: Detector = Detector {
    code: "F040",
    name: "unfit-setting",
    title: "A setting does not fit what the server does",
    doc: include_str!("unfit_setting.md"),
    effort_days: 0.1,
    share_min: 0.0,
    knobs: &[&CHECKPOINTS_MIN, &JIT_SHARE_MIN, &DEAD_SHARE_MIN, &DEAD_ROWS_MIN],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    found.extend(wal_size(view, knobs));
    found.extend(jit(view, knobs));
    found.extend(random_page_cost(view));
    found.extend(autovacuum(view, knobs));
}

/// Checkpoints that come because the log is full instead of when their time has come.
fn wal_size(view: &DatabaseView<'_>, knobs: &Knobs<'_>) -> Option<DatabaseSighting> {
    let checkpoints = &view.database.checkpoints;
    let forced = view.usage_per_day(checkpoints.requested);
    let few = checkpoints.requested <= checkpoints.timed || checkpoints.requested < 10;
    if few || forced < knobs.get(&CHECKPOINTS_MIN) {
        return None;
    }
    let setting = view.database.settings.get("max_wal_size")?;
    let megabytes: u64 = setting.raw.parse().ok()?;
    let then = (megabytes * 4).max(1_024);
    // What changes first after a checkpoint goes into the log as a whole page: fewer checkpoints, less log.
    let hours = view.hours_per_day(checkpoints.write_millis + checkpoints.sync_millis) / 4.0;
    Some(
        change(view, "max_wal_size", &format!("{then}MB"))
            .claim(format!(
                "checkpoints come {} because the log is full, {} in time",
                figures::a_day(forced),
                figures::a_day(view.usage_per_day(checkpoints.timed))
            ))
            .cost(Cost::of_hours(hours))
            .figure("forced checkpoints", figures::a_day(forced))
            .figure("checkpoints in time", figures::a_day(view.usage_per_day(checkpoints.timed)))
            .figure(
                "written and synced by them",
                figures::hours(
                    view.hours_per_day(checkpoints.write_millis + checkpoints.sync_millis),
                ),
            ),
    )
}

/// Compiling that takes a large part of what it is meant to spare.
fn jit(view: &DatabaseView<'_>, knobs: &Knobs<'_>) -> Option<DatabaseSighting> {
    let statements = &view.database.statements;
    let millis: f64 = statements.iter().map(|it| it.runs.jit_millis).sum();
    let share = if 0.0 < view.total_millis { millis / view.total_millis } else { 0.0 };
    if share < knobs.get(&JIT_SHARE_MIN) {
        return None;
    }
    let worst = statements.iter().max_by(|a, b| a.runs.jit_millis.total_cmp(&b.runs.jit_millis))?;
    let now = view.database.setting("jit_above_cost").and_then(|it| it.parse::<f64>().ok());
    let then = now.unwrap_or(100_000.0) * 10.0;
    Some(
        change(view, "jit_above_cost", &format!("{then:.0}"))
            .claim(format!(
                "{} of the database's time goes into compiling plans",
                figures::percent(share)
            ))
            .statement(worst)
            .cost(Cost::of_hours(view.hours_per_day(millis)))
            .figure("compiling", figures::hours(view.hours_per_day(millis)))
            .figure("most of it for", words::shorten(&worst.text.text))
            .figure(
                "of its own time",
                figures::percent(worst.runs.jit_millis / worst.runs.total_millis.max(0.001)),
            ),
    )
}

/// Share of blocks in the buffers from which on reading at random costs about as much as reading in order.
const CACHED_SHARE: f64 = 0.99;

/// An index is there and a scan of the whole table is taken, while nearly every block is in memory.
#[expect(clippy::cast_precision_loss, reason = "shares for people")]
fn random_page_cost(view: &DatabaseView<'_>) -> Option<DatabaseSighting> {
    let now: f64 = view.database.setting("random_page_cost")?.parse().ok()?;
    if now < 2.0 {
        return None;
    }
    let passed_over = view.statements().filter(|it| view.matters(it, 0.02)).find(|statement| {
        let (blocks, rows) = blocks_and_rows(statement);
        let Some(shape) = statement.text.shape.as_ref() else { return false };
        let Some(table) = view.first_table(&statement.text) else { return false };
        let hit = statement.runs.shared_hit as f64;
        let cached = CACHED_SHARE <= hit / (hit + statement.runs.shared_read as f64).max(1.0);
        // About one scan: not the work of a check or a trigger in another table.
        let scan = table.pages as f64 * 0.9..table.pages as f64 * 2.0;
        let scanned = scan.contains(&blocks) && 1_000.0 <= blocks;
        let reads = statement.text.kind == StatementKind::Select;
        let narrow = rows * 100.0 < view.rows(table);
        let equal = shape.filters.iter().filter(|it| it.operator == model::FilterOperator::Equal);
        let indexed = equal
            .filter_map(|it| table.column_named(&it.column))
            .any(|column| view.is_indexed(table, &[column.number]));
        let rest = shape.joins || shape.grouped || shape.filters_more;
        reads && cached && scanned && narrow && indexed && !rest
    })?;
    let mean = passed_over.runs.mean_millis();
    let per_day = view.per_day(passed_over.runs.calls);
    let (blocks, rows) = blocks_and_rows(passed_over);
    Some(
        change(view, "random_page_cost", "1.1")
            .claim(
                "an index is passed over as if reading at random were slow, while all is in memory",
            )
            .statement(passed_over)
            .cost(Cost::of_runs(per_day, mean, mean * 0.2))
            .figure("statement", words::shorten(&passed_over.text.text))
            .figure(
                "read each",
                format!("{} blocks for {}", figures::count(blocks), figures::rows(rows)),
            )
            .figure("found in memory", "99 % of them or more"),
    )
}

/// Rows that are dead and stay, because autovacuum is off, or too late for a table of this size.
#[expect(clippy::cast_precision_loss, reason = "shares for people")]
fn autovacuum(view: &DatabaseView<'_>, knobs: &Knobs<'_>) -> Vec<DatabaseSighting> {
    let mut late: Vec<(&Table, f64)> = view
        .database
        .tables
        .iter()
        .map(|table| {
            let dead = table.usage.dead as f64;
            (table, dead / (dead + table.usage.live as f64).max(1.0))
        })
        .filter(|(table, share)| {
            knobs.get(&DEAD_SHARE_MIN) <= *share
                && knobs.get(&DEAD_ROWS_MIN) <= table.usage.dead as f64
        })
        .collect();
    late.sort_by_key(|(table, _)| (std::cmp::Reverse(table.usage.dead), table.oid));
    let Some((first, _)) = late.first().copied() else { return Vec::new() };
    let told = |sighting: DatabaseSighting| {
        late.iter().take(3).fold(sighting, |sighting, (table, share)| {
            let dead = figures::count(table.usage.dead as f64);
            let told = format!("{dead} dead rows, {} of all", figures::percent(*share));
            sighting.figure(&table.name.to_string(), told)
        })
    };
    let spent: f64 = view.statements_on(first).iter().map(|it| it.runs.total_millis).sum();
    let cost = Cost::of_hours(view.hours_per_day(spent) * 0.1).at_least(Level::Medium);
    if view.database.setting("autovacuum") == Some("off") {
        let sighting = change(view, "autovacuum", "on")
            .claim("autovacuum is off, and dead rows pile up")
            .cost(cost);
        return vec![told(sighting)];
    }
    late.iter()
        .take(5)
        .map(|(table, share)| {
            let name = sql::qualified(&table.name);
            let off =
                table.options.iter().any(|it| it.replace(' ', "") == "autovacuum_enabled=false");
            let dead = figures::count(table.usage.dead as f64);
            let mut sighting = DatabaseSighting::new(UNFIT_SETTING.name, &table.name, "autovacuum")
                .claim(format!("{dead} dead rows of {} are not cleared away", table.name))
                .columns(table)
                .cost(cost)
                .figure("dead rows", format!("{dead}, {} of all", figures::percent(*share)))
                .figure(
                    "vacuumed",
                    table.usage.vacuumed.map_or_else(
                        || "never".to_owned(),
                        |when| format!("{} ago", words::long_time(view.now().since(when))),
                    ),
                );
            let known = sighting.known();
            if off {
                known.sql = vec![format!("ALTER TABLE {name} RESET (autovacuum_enabled)")];
                known.revert = vec![format!("ALTER TABLE {name} SET (autovacuum_enabled = false)")];
            } else {
                known.sql =
                    vec![format!("ALTER TABLE {name} SET (autovacuum_vacuum_scale_factor = 0.02)")];
                known.revert =
                    vec![format!("ALTER TABLE {name} RESET (autovacuum_vacuum_scale_factor)")];
            }
            sighting
        })
        .collect()
}

fn change(view: &DatabaseView<'_>, name: &str, then: &str) -> DatabaseSighting {
    let setting = view.database.settings.get(name);
    let mut sighting = DatabaseSighting::new(UNFIT_SETTING.name, &"server", name);
    sighting.known().settings.push(SettingChange {
        name: name.into(),
        now: setting.map_or_else(Default::default, |it| it.value.clone()),
        then: then.into(),
        context: setting.map_or_else(|| "user".into(), |it| it.context.clone()),
        default: setting.is_none_or(|it| it.source == "default"),
    });
    let now = setting.map_or("unknown", |it| it.value.as_str()).to_owned();
    sighting.figure(name, now)
}
