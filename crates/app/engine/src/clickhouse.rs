//! ClickHouse as the settings name it, for whoever opens the store.

use std::time::Duration;

use config::{ClickHouseTables, Settings};
use store::clickhouse::{self, Layout, Secret};

const DAY: Duration = Duration::from_hours(24);

/// Where what is cold is kept; `None` for the folder alone.
#[must_use]
pub fn clickhouse(settings: &Settings) -> Option<clickhouse::Settings> {
    let set = &settings.store.clickhouse;
    let tables = set.tables;
    let is_on_cluster = tables != ClickHouseTables::Single;
    Some(clickhouse::Settings {
        url: set.url.clone()?,
        database: set.database.clone(),
        user: set.user.clone(),
        password: Secret(set.password.clone()),
        layout: Layout {
            cluster: if is_on_cluster { set.cluster.clone() } else { String::new() },
            replicated: matches!(
                tables,
                ClickHouseTables::Replicated | ClickHouseTables::ShardedReplicated
            ),
            sharded: matches!(
                tables,
                ClickHouseTables::Sharded | ClickHouseTables::ShardedReplicated
            ),
        },
        days: days(settings.store.age_max),
        minutes_days: days(settings.keep.minutes),
        replaced_for: REPLACED_FOR,
    })
}

/// No question takes longer: a page ten seconds, the terminal two minutes.
const REPLACED_FOR: Duration = Duration::from_mins(10);

/// Whole days, and one where it is less: rows go by the day there.
fn days(age: Duration) -> u32 {
    u32::try_from(age.as_secs().div_ceil(DAY.as_secs()).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use config::Sources;

    use super::*;

    fn settings(text: &str, password: &str) -> Settings {
        let environment = vec![("TAUT_CLICKHOUSE_PASSWORD".to_owned(), password.to_owned())];
        let file = Some(("taut.toml".into(), text.to_owned()));
        Settings::load(&Sources { file, environment, ..Sources::default() }).unwrap()
    }

    #[test]
    fn without_an_address_everything_stays_in_the_folder() {
        assert!(clickhouse(&settings("", "sesame")).is_none());
    }

    #[test]
    fn the_password_is_of_the_environment_and_shown_nowhere() {
        let settings = settings(
            "[store]\nage-max = \"36h\"\n[store.clickhouse]\nurl = \"https://c:8443\"\ntables = \"sharded\"\n",
            "sesame",
        );
        let found = clickhouse(&settings).unwrap();
        assert_eq!((found.url.as_str(), found.days, found.minutes_days), ("https://c:8443", 2, 90));
        assert_eq!(found.password.0, "sesame");
        assert_eq!(found.layout.cluster, "default");
        assert!(found.layout.sharded && !found.layout.replicated);
        for shown in [format!("{found:?}"), format!("{settings:?}")] {
            assert!(!shown.contains("sesame"), "{shown}");
        }
    }
}
