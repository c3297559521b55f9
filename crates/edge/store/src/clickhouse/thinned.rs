//! What was thinned in ClickHouse, and how each row is counted once nevertheless.
//!
//! What is left of some segments is inserted beside their rows as they came, under a number of its own: the thinning.
//! Once all of it is there it is announced by a row of a small table, and the rows as they came are dropped later than any
//! question takes. Each question reads the announcements first, and counts of a segment either the one or the other.
//! What a crash left unannounced counts nowhere.

use keep::policy::Carried;

use super::{
    Bounds, ClickHouse,
    binary::Reader,
    quote,
    schema::{FOLDER, SEGMENT, THINNED, THINNING},
    trouble::{Trouble, Why},
};

/// Thinnings that a question can tell apart: a hundred a day over more than a year.
const THINNED_MAX: usize = 50_000;

/// Segments that were thinned together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thinned {
    pub(crate) folder: String,
    /// The first and the last segment.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// What the rows that are left of them are known by.
    pub(crate) thinning: u64,
    /// The rows as they came are gone.
    pub(crate) is_dropped: bool,
    /// They may be dropped: every question that knew of nothing else has ended.
    pub(crate) may_be_dropped: bool,
}

/// Which rows of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// What is left of segments that were thinned; of roll-ups, those of such segments.
    Thinned,
    /// Segments as they came.
    Whole,
}

/// ` AND …`: of each segment, what counts.
pub(crate) fn counted(all: &[Thinned], which: Which) -> String {
    let mut and = match which {
        Which::Whole => format!(" AND {THINNING} = 0"),
        Which::All | Which::Thinned => {
            let none = if which == Which::All { vec!["0".to_owned()] } else { Vec::new() };
            let known: Vec<String> =
                none.into_iter().chain(all.iter().map(|it| it.thinning.to_string())).collect();
            if known.is_empty() {
                " AND 0".to_owned()
            } else {
                format!(" AND {THINNING} IN ({})", known.join(","))
            }
        }
    };
    let mut replaced = all.iter().filter(|it| !it.is_dropped).peekable();
    if which != Which::Thinned && replaced.peek().is_some() {
        and.push_str(&format!(" AND NOT ({THINNING} = 0 AND ({}))", segments(replaced)));
    }
    and
}

/// Whether a row is of one of these segments.
pub(crate) fn segments<'a>(all: impl Iterator<Item = &'a Thinned>) -> String {
    // Runs that follow each other are one.
    let mut runs: Vec<(&str, u32, u32)> = Vec::new();
    for Thinned { folder, first, last, .. } in all {
        match runs.last_mut() {
            Some(run) if run.0 == folder && run.2.checked_add(1) == Some(*first) => run.2 = *last,
            _ => runs.push((folder, *first, *last)),
        }
    }
    if runs.is_empty() {
        return "0".to_owned();
    }
    let run = |(folder, first, last): &(&str, u32, u32)| {
        let folder = quote::text(folder);
        format!("({FOLDER} = {folder} AND {SEGMENT} BETWEEN {first} AND {last})")
    };
    runs.iter().map(run).collect::<Vec<_>>().join(" OR ")
}

impl ClickHouse {
    /// What was thinned, by folder and segment.
    pub(crate) fn thinned(&self, bounds: Bounds) -> Result<Vec<Thinned>, Trouble> {
        let sql = format!(
            "SELECT folder, segment_first, segment_last, thinning, max(is_dropped), \
             toUInt8(max(at) <= now() - {}) FROM {} \
             GROUP BY folder, segment_first, segment_last, thinning \
             ORDER BY folder, segment_first, thinning LIMIT {} FORMAT RowBinary",
            self.replaced_for.as_secs(),
            self.schema.table(THINNED),
            THINNED_MAX + 1,
        );
        let reply = self.question(&sql, Bounds { rows: u64::MAX, ..bounds })?;
        self.told(read(&reply.body))
    }

    /// What was decided about traces that go on after the segment `last` of this folder.
    pub(crate) fn carried_from(&self, last: u32, bounds: Bounds) -> Result<Carried, Trouble> {
        let sql = format!(
            "SELECT carried FROM {} WHERE folder = {} AND segment_last = {last} AND carried != '' LIMIT 1 FORMAT RowBinary",
            self.schema.table(THINNED),
            quote::text(self.note.folder()),
        );
        let reply = self.question(&sql, bounds)?;
        let mut reader = Reader::new(&reply.body);
        if reader.is_empty() {
            return Ok(Carried::default());
        }
        self.told(reader.text().map(Carried::from_text))
    }

    /// Whether a segment of this folder was thinned.
    pub(crate) fn is_thinned(&self, segment: u32) -> Result<bool, Trouble> {
        let sql = format!(
            "SELECT count() FROM {} WHERE folder = {} AND segment_first <= {segment} AND segment_last >= {segment} FORMAT RowBinary",
            self.schema.table(THINNED),
            quote::text(self.note.folder()),
        );
        let bounds = Bounds { time: super::insert::TIME, rows: u64::MAX };
        let reply = self.question(&sql, bounds)?;
        self.told(Reader::new(&reply.body).u64()).map(|count| 0 < count)
    }
}

fn read(bytes: &[u8]) -> Result<Vec<Thinned>, Why> {
    let mut reader = Reader::new(bytes);
    let mut all = Vec::new();
    while !reader.is_empty() {
        all.push(Thinned {
            folder: reader.text()?.to_owned(),
            first: reader.u32()?,
            last: reader.u32()?,
            thinning: reader.u64()?,
            is_dropped: reader.u8()? != 0,
            may_be_dropped: reader.u8()? != 0,
        });
    }
    if THINNED_MAX < all.len() {
        return Err(Why::Answer("has more thinnings than can be told apart"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinned(first: u32, last: u32, is_dropped: bool) -> Thinned {
        let thinning = u64::from(first) + 100;
        let folder = "f".to_owned();
        Thinned { folder, first, last, thinning, is_dropped, may_be_dropped: true }
    }

    #[test]
    fn of_each_segment_the_rows_as_they_came_count_or_what_is_left_of_them() {
        assert_eq!(counted(&[], Which::All), " AND taut_thinning IN (0)");
        assert_eq!(counted(&[], Which::Thinned), " AND 0");
        assert_eq!(counted(&[thinned(1, 3, true)], Which::All), " AND taut_thinning IN (0,101)");
        assert_eq!(
            counted(&[thinned(1, 3, true), thinned(4, 4, false)], Which::All),
            " AND taut_thinning IN (0,101,104) AND NOT (taut_thinning = 0 AND \
             ((taut_folder = 'f' AND taut_segment BETWEEN 4 AND 4)))"
        );
        assert_eq!(
            counted(&[thinned(4, 4, false)], Which::Whole),
            " AND taut_thinning = 0 AND NOT (taut_thinning = 0 AND \
             ((taut_folder = 'f' AND taut_segment BETWEEN 4 AND 4)))"
        );
    }

    #[test]
    fn runs_that_follow_each_other_are_one() {
        let all = [thinned(1, 3, true), thinned(4, 4, true), thinned(6, 7, true)];
        assert_eq!(
            segments(all.iter()),
            "(taut_folder = 'f' AND taut_segment BETWEEN 1 AND 4) OR \
             (taut_folder = 'f' AND taut_segment BETWEEN 6 AND 7)"
        );
    }
}
