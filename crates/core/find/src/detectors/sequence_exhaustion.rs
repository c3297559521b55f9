//! Sequences, and the columns that they feed, that come to their end.

use model::{Level, database::Sequence};

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, detectors::figures,
};

static USED_SHARE_MIN: Knob = Knob {
    key: "used-share-min",
    default: 0.7,
    unit: "of the numbers",
    doc: "The change takes planning: with seven tenths used, there mostly is the time for it.",
};

pub(super) static SEQUENCE_EXHAUSTION: Detector = Detector {
    code: "F038",
    name: "sequence-exhaustion",
    title: "A sequence runs out of numbers",
    doc: include_str!("sequence_exhaustion.md"),
    effort_days: 2.0,
    share_min: 0.0,
    knobs: &[&USED_SHARE_MIN],
    looks: &[Looks::Database(look)],
};

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    for sequence in view.database.sequences.iter().filter(|it| 0 < it.max && 0 < it.last) {
        let share = sequence.last as f64 / sequence.max as f64;
        if knobs.get(&USED_SHARE_MIN) <= share {
            found.push(sighting(view, sequence, share));
        }
    }
}

fn sighting(view: &DatabaseView<'_>, sequence: &Sequence, share: f64) -> DatabaseSighting {
    let (table, column) = sequence.column.rsplit_once('.').unwrap_or(("", &sequence.column));
    let of = view.table_named(table);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (last, max) = (sequence.last as f64, sequence.max as f64);
    let left = max - last;
    let per_day = of.map_or(0.0, |table| view.usage_per_day(table.usage.inserted));
    let days = if 0.0 < per_day { Some(left / per_day) } else { None };
    let level = match (share, days) {
        (_, Some(days)) if days < 14.0 => Level::Critical,
        (share, _) if 0.95 <= share => Level::Critical,
        (_, Some(days)) if days < 90.0 => Level::High,
        (share, _) if 0.85 <= share => Level::High,
        _ => Level::Medium,
    };
    let place = of.map_or_else(|| sequence.name.to_string(), |table| table.name.to_string());
    let mut sighting =
        DatabaseSighting::new(SEQUENCE_EXHAUSTION.name, &place, sequence.name.to_string())
            .claim(format!(
                "{} of the numbers of {} are used",
                figures::percent(share),
                sequence.name
            ))
            .cost(Cost::default().at_least(level))
            .figure("last", format!("{} of {}", figures::count(last), figures::count(max)));
    if let Some(days) = days {
        sighting = sighting
            .figure("new rows", figures::a_day(per_day))
            .figure("left", format!("about {} days", figures::count(days)));
    }
    if let Some(table) = of {
        sighting = sighting.columns(table);
        let narrow = table
            .column_named(column)
            .is_some_and(|it| it.type_name != "bigint" && it.type_name != "int8");
        if narrow {
            sighting.known().sql = vec![
                format!(
                    "ALTER TABLE {} ALTER COLUMN {} TYPE bigint",
                    sql::qualified(&table.name),
                    sql::identifier(column)
                ),
                format!("ALTER SEQUENCE {} AS bigint", sql::qualified(&sequence.name)),
            ];
        }
    }
    sighting
}
