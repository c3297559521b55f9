//! Captures as they are read: files and folders, packed or not, up to where they end.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use capture::{FormatError, Head, LINE_BYTES_MAX, Line, parse};
use model::{Exchange, Moment};

/// Exchanges that are held at most.
pub const EXCHANGES_MAX: usize = 1_000_000;

/// Bytes of bodies and heads that are held at most.
const HELD_BYTES_MAX: usize = 2 << 30;

/// What was read of a capture.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    /// Requests and answers, in the order in which they began.
    pub exchanges: Vec<Exchange>,
    /// What each file says of itself.
    pub heads: Vec<Head>,
    /// What was not as it should be, in sentences.
    pub notes: Vec<String>,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It cannot be read.
    #[error("failed to read `{}`", .0.display())]
    Unread(PathBuf, #[source] io::Error),
    /// It is no capture.
    #[error("`{}` is no capture: {why}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: FormatError,
    },
    /// It is of another version.
    #[error("`{}` cannot be read: {why}", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Which.
        why: FormatError,
    },
    /// There are no captures in the folder.
    #[error("`{}` has no captures in it: files that end in .jsonl or .jsonl.zst", .0.display())]
    Empty(PathBuf),
}

impl Captured {
    /// Reads a file, or all files of a folder.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no capture. Half a file, and a line that is damaged, is a note.
    pub fn read(path: &Path) -> Result<Self, CaptureError> {
        let unread = |error| CaptureError::Unread(path.to_owned(), error);
        let files = if fs::metadata(path).map_err(unread)?.is_dir() {
            let entries = fs::read_dir(path).map_err(unread)?;
            let mut files: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| is_one(path))
                .collect();
            files.sort();
            files
        } else {
            vec![path.to_owned()]
        };
        if files.is_empty() {
            return Err(CaptureError::Empty(path.to_owned()));
        }
        let mut captured = Self::default();
        let mut held = 0;
        for file in &files {
            captured.add(file, &mut held)?;
        }
        captured.exchanges.sort_by_key(|exchange| exchange.began);
        Ok(captured)
    }

    fn add(&mut self, path: &Path, held: &mut usize) -> Result<(), CaptureError> {
        let unread = |error| CaptureError::Unread(path.to_owned(), error);
        let shown = path.display().to_string();
        let mut reader = open(path).map_err(unread)?;
        let mut clock = Clock::default();
        let (mut number, mut damaged, mut first_damage) = (0_u64, 0_u64, String::new());
        loop {
            let mut line = Vec::new();
            let most = LINE_BYTES_MAX as u64 + 1;
            match reader.by_ref().take(most).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    self.notes.push(format!("`{shown}` ends early, after line {number}: {error}"));
                    break;
                }
            }
            number += 1;
            let is_whole = line.last() == Some(&b'\n');
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            match parse(text) {
                Ok(Line::Head(head)) => {
                    clock.begin();
                    self.heads.push(head);
                }
                Ok(Line::Exchange(mut exchange)) => {
                    clock.put_right(&mut exchange);
                    *held += line.len();
                    if EXCHANGES_MAX <= self.exchanges.len() || HELD_BYTES_MAX < *held {
                        self.notes.push(format!(
                            "no more than {} requests were taken: `{shown}` has more",
                            self.exchanges.len()
                        ));
                        return Ok(());
                    }
                    self.exchanges.push(*exchange);
                }
                Err(why @ FormatError::Version(_)) => {
                    return Err(CaptureError::Version { path: path.to_owned(), why });
                }
                Err(why) if number == 1 => {
                    return Err(CaptureError::Other { path: path.to_owned(), why });
                }
                Err(_) if !is_whole => {
                    self.notes.push(format!(
                        "`{shown}` ends within line {number}; the lines before it were read"
                    ));
                    break;
                }
                Err(why) => {
                    damaged += 1;
                    if damaged == 1 {
                        first_damage = format!("line {number}: {why}");
                    }
                }
            }
        }
        self.notes.extend(clock.note(&shown));
        if 0 < damaged {
            self.notes.push(format!(
                "`{shown}` has {damaged} lines that could not be read, the first {first_damage}"
            ));
        }
        Ok(())
    }
}

/// The clock of who captured. A line is written as its answer ends, so that ends only ever go on: a clock that was set back is taken as if it had gone
/// on, or a log-in would come after what it was for.
#[derive(Debug, Default)]
struct Clock {
    ended: Moment,
    /// What is added since it was set back.
    behind: Duration,
    times: u64,
}

impl Clock {
    /// Less is no clock that was set, but answers that ended together and were written by turns.
    const BACK_MIN: Duration = Duration::from_mins(1);

    /// Another capture begins.
    fn begin(&mut self) {
        (self.ended, self.behind) = (Moment::default(), Duration::ZERO);
    }

    fn put_right(&mut self, exchange: &mut Exchange) {
        exchange.began = exchange.began + self.behind;
        if Self::BACK_MIN < self.ended.since(exchange.began + exchange.took) {
            // After all that was written before, as nobody knows what of it was still under way.
            let back = self.ended.since(exchange.began);
            exchange.began = exchange.began + back;
            self.behind = self.behind.saturating_add(back);
            self.times += 1;
        }
        self.ended = self.ended.max(exchange.began + exchange.took);
    }

    fn note(&self, shown: &str) -> Option<String> {
        let times =
            if self.times == 1 { "once".to_owned() } else { format!("{} times", self.times) };
        (0 < self.times).then(|| {
            format!("the clock was set back {times} while `{shown}` was recorded; what came later is taken as later")
        })
    }
}

fn is_one(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let ends = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| !rest.is_empty());
    ends(".jsonl") || ends(".jsonl.zst")
}

/// The file, unpacked where it is packed: told by its first bytes.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let mut file = BufReader::new(File::open(path)?);
    if file.fill_buf()?.starts_with(&ZSTD) {
        return Ok(Box::new(BufReader::new(zstd::stream::read::Decoder::new(file)?)));
    }
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_is_taken_as_if_it_had_gone_on() {
        let mut clock = Clock::default();
        let mut began = |second: u64| {
            let mut exchange = Exchange {
                began: Moment { nanos: second * 1_000_000_000 },
                took: Duration::from_secs(1),
                ..Exchange::default()
            };
            clock.put_right(&mut exchange);
            exchange.began.nanos / 1_000_000_000
        };
        // An hour back, then as the new clock tells; out of order by a little is no clock.
        assert_eq!(
            [10_000, 10_005, 9_990, 6_410, 6_412].map(&mut began),
            [10_000, 10_005, 9_990, 10_006, 10_008]
        );
        assert!(clock.note("a.jsonl").unwrap().contains("set back once while `a.jsonl`"));
        clock.begin();
        let mut other = Exchange::default();
        clock.put_right(&mut other);
        assert_eq!(other.began, Moment::default());
        assert!(Clock::default().note("a.jsonl").is_none());
    }
}
