//! Connections that run out.

use std::collections::BTreeMap;

use model::Level;

use crate::{
    Cost, DatabaseSighting, DatabaseView, Detector, Knob, Knobs, Looks, detectors::figures,
};

static USED_SHARE_MIN: Knob = Knob {
    key: "used-share-min",
    default: 0.8,
    unit: "of connections",
    doc: "With four fifths taken, one more instance of a service, or a slow minute, takes the rest.",
};

pub(super) static CONNECTION_EXHAUSTION: Detector = Detector {
    code: "F034",
    name: "connection-exhaustion",
    title: "Connections run out",
    doc: include_str!("connection_exhaustion.md"),
    effort_days: 1.0,
    share_min: 0.0,
    knobs: &[&USED_SHARE_MIN],
    looks: &[Looks::Database(look)],
};

fn look(view: &DatabaseView<'_>, knobs: &Knobs<'_>, found: &mut Vec<DatabaseSighting>) {
    let connections = &view.database.connections;
    let usable = connections.max.saturating_sub(connections.reserved);
    let share = f64::from(connections.used()) / f64::from(usable.max(1));
    if usable == 0 || share < knobs.get(&USED_SHARE_MIN) {
        return;
    }
    let busy = busy(view);
    let pool = pool_size(busy);
    let mut by_application: BTreeMap<String, u32> = BTreeMap::new();
    let mut idle = 0;
    for count in &connections.counts {
        let name = if count.application.is_empty() { &count.user } else { &count.application };
        *by_application.entry(name.to_string()).or_default() += count.count;
        idle += if count.state == "idle" { count.count } else { 0 };
    }
    let mut applications: Vec<(u32, String)> =
        by_application.into_iter().map(|(name, count)| (count, name)).collect();
    applications.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    let told: Vec<String> =
        applications.iter().take(4).map(|(count, name)| format!("{name} {count}")).collect();
    let level = match share {
        share if 0.97 <= share => Level::Critical,
        share if 0.9 <= share => Level::High,
        _ => Level::Medium,
    };
    found.push(
        DatabaseSighting::new(CONNECTION_EXHAUSTION.name, &"connections", "")
            .claim(format!(
                "{} of {usable} connections are taken, and {busy:.1} are busy on average",
                connections.used()
            ))
            .cost(Cost::default().at_least(level))
            .figure(
                "taken",
                format!("{} of {usable} ({})", connections.used(), figures::percent(share)),
            )
            .figure("idle among them", idle.to_string())
            .figure("by application", told.join(", "))
            .figure("busy on average", format!("{busy:.1} {}", view.over()))
            .figure("pool that suffices", format!("{pool} connections")),
    );
}

/// Sessions that run a statement at any time, by Little's law: how many arrive times how long each takes.
fn busy(view: &DatabaseView<'_>) -> f64 {
    let millis = view.total_millis.max(view.database.totals.active_millis);
    millis / (view.days * 86_400_000.0)
}

/// Connections that suffice nearly always: arrivals at random leave the number that is busy about its square root
/// beside its mean, and three of those are passed once in a thousand times.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn pool_size(busy: f64) -> u32 {
    /// Two for jobs and people beside the traffic.
    const BESIDE: f64 = 2.0;
    (busy + 3.0 * busy.sqrt() + BESIDE).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_a_little_larger_than_what_is_busy() {
        assert_eq!([0.0, 0.5, 4.0, 25.0].map(pool_size), [2, 5, 12, 42]);
    }
}
