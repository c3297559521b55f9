//! Names of clones: whose a database is, and since when, can be told from its name alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How every name begins.
const PREFIX: &str = "taut_clone_";
/// How the comment on every clone begins: a database of that name alone could be anybody's.
pub(super) const MARK: &str = "made by taut for rehearsals";

/// Whether Taut made a database, by its name and the comment on it.
pub(crate) fn is_ours(name: &str, comment: Option<&str>) -> bool {
    made_at(name).is_some() && comment.is_some_and(|comment| comment.starts_with(MARK))
}

/// A name that nobody else chooses at the same time: seconds since 1970, and a number of the caller's.
pub(super) fn name(now: SystemTime, number: u64) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{PREFIX}{seconds}_{number:x}")
}

/// When a clone of that name was made; `None` if the name is none of ours.
pub(super) fn made_at(name: &str) -> Option<SystemTime> {
    let (seconds, number) = name.strip_prefix(PREFIX)?.split_once('_')?;
    u64::from_str_radix(number, 16).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_database_is_ours_by_name_and_comment_together() {
        assert!(is_ours("taut_clone_1700000000_ff", Some("made by taut for rehearsals; ours")));
        assert!(
            !is_ours("taut_clone_1700000000_ff", None) && !is_ours("taut_clone_1_f", Some("mine"))
        );
        assert!(!is_ours("taut_clone_of_mine", Some(MARK)));
    }

    proptest! {
        #[test]
        fn a_name_tells_when_it_was_made(seconds in 0_u64..1 << 40, number: u64) {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(made_at(&name(now, number)), Some(now));
        }
    }
}
