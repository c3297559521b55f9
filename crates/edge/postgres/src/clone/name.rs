//! Names of clones: whose a database is, and since when, can be told from its name alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How every name begins.
const PREFIX: &str = "taut_clone_";
/// How the comment on every clone begins: a database of that name alone could be anybody's.
const MARK: &str = "made by taut for rehearsals";

/// Whether Taut made a database, by its name and the comment on it.
pub(crate) fn is_ours(name: &str, comment: Option<&str>) -> bool {
    made_at(name).is_some() && comment.is_some_and(|comment| comment.starts_with(MARK))
}

/// When a clone of that name was made; `None` if the name is none of ours.
fn made_at(name: &str) -> Option<SystemTime> {
    let (seconds, number) = name.strip_prefix(PREFIX)?.split_once('_')?;
    u64::from_str_radix(number, 16).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_ours_by_name_and_comment_together() {
        assert!(is_ours("taut_clone_1700000000_ff", Some("made by taut for rehearsals; ours")));
        assert!(!is_ours("taut_clone_1700000000_ff", None) && !is_ours("taut_clone_1_f", Some("mine")));
        assert!(!is_ours("taut_clone_of_mine", Some(MARK)));
    }
}
