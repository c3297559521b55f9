//! What all tools need: statements told apart, names of files, the date, strings of Python and Ruby.

use model::{Change, Moment};
use sql::{IndexStatement, Locking};

/// A statement of a migration.
#[derive(Debug, Clone)]
pub(super) enum Statement {
    /// Makes an index.
    Create(IndexStatement),
    /// Drops one: schema (empty if the search path decides) and name.
    Drop { schema: String, name: String },
    /// Anything else.
    Other(String),
}

impl Statement {
    pub(super) fn read(sql: &str) -> Self {
        if let Some(index) = IndexStatement::parse(sql) {
            return Self::Create(index);
        }
        match sql::dropped_index(sql) {
            Some((schema, name)) => Self::Drop { schema, name },
            None => Self::Other(sql.trim_end().trim_end_matches(';').to_owned()),
        }
    }

    /// As SQL, without `;`. A migration may be run on a database that has the index already, where it was tried.
    pub(super) fn sql(&self) -> String {
        match self {
            Self::Create(index) => {
                let text = index.text(Locking::Concurrently);
                text.replacen(" CONCURRENTLY ", " CONCURRENTLY IF NOT EXISTS ", 1)
            }
            Self::Drop { schema, name } if schema.is_empty() => {
                format!("DROP INDEX CONCURRENTLY IF EXISTS {}", sql::identifier(name))
            }
            Self::Drop { schema, name } => sql::drop_index(schema, name, Locking::Concurrently),
            Self::Other(sql) => sql.clone(),
        }
    }
}

/// A time as files are numbered by it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    seconds: u64,
}

impl Stamp {
    pub(super) fn of(moment: Moment) -> Self {
        Self { seconds: moment.nanos / 1_000_000_000 }
    }

    /// A second later for each, since tools order files by it.
    pub(super) fn later(self, by: usize) -> Self {
        Self { seconds: self.seconds + by as u64 }
    }

    /// `20260131235959`
    pub(super) fn digits(self) -> String {
        let (days, seconds) = (self.seconds / 86_400, self.seconds % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute) = (seconds / 3_600, seconds / 60 % 60);
        format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{:02}", seconds % 60)
    }
}

/// Year, month and day of a day since 1970, by the Gregorian calendar: eras of 400 years that begin in March, so
/// that the odd day is the last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Letters of a file's name: some file systems know no more than 255 bytes, some tools no more than 128 letters.
const SLUG_BYTES_MAX: usize = 60;

/// What a change does, as part of a file's name.
pub(super) fn slug(change: &Change) -> String {
    let what = match (change.creates.first(), change.drops.first()) {
        (Some((_, name)), _) => format!("create {name}"),
        (None, Some((_, name))) => format!("drop {name}"),
        (None, None) => change.apply.first().cloned().unwrap_or_default(),
    };
    let mut slug = String::new();
    for letter in what.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('_') && !slug.is_empty() {
            slug.push('_');
        }
    }
    slug.truncate(SLUG_BYTES_MAX);
    let slug = slug.trim_end_matches('_');
    if slug.is_empty() { "change".to_owned() } else { slug.to_owned() }
}

/// A string of Python: whatever is in it ends with it.
pub(super) fn python(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// A string of Ruby, in single quotes, in which nothing is interpolated.
pub(super) fn ruby(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A list of strings.
pub(super) fn list(texts: &[String], string: fn(&str) -> String) -> String {
    let strings: Vec<String> = texts.iter().map(|text| string(text)).collect();
    format!("[{}]", strings.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        let digits = |seconds: u64| Stamp { seconds }.digits();
        assert_eq!(digits(0), "19700101000000");
        assert_eq!(digits(951_782_399), "20000228235959");
        assert_eq!(digits(951_782_400), "20000229000000");
        assert_eq!(digits(1_767_225_600), "20260101000000");
        assert_eq!(digits(4_102_444_799), "20991231235959");
    }

    #[test]
    fn strings_hold_anything() {
        assert_eq!(python("a\"b\\c\nd"), r#""a\"b\\c\nd""#);
        assert_eq!(ruby(r"a'b\c#{d}"), r"'a\'b\\c#{d}'");
    }
}
