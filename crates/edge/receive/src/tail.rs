//! Follows a file that grows, through rotation: by another file under its name, by cutting it, or by the next file of
//! a folder.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Bytes of one look: a log that grows faster than this a second is read later, not at once.
const BYTES_MAX: usize = 8 << 20;

/// A file that is followed from its end on.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    open: Option<Open>,
    /// Nothing was read yet: what is there already is passed over.
    is_first: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    identity: (u64, u64),
    position: u64,
}

/// What a look at the file brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tailed {
    /// So many bytes.
    Grew(usize),
    /// Nothing for now.
    Nothing,
    /// The file has ended: what follows is in another one.
    Turned,
}

impl Tail {
    /// Follows a file, or the newest file of a folder. It need not be there yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, is_first: true }
    }

    /// Reads what came since the last look.
    ///
    /// # Errors
    ///
    /// The file is not there or cannot be read; it may be at the next look.
    pub fn read(&mut self, sink: &mut impl FnMut(&[u8])) -> io::Result<Tailed> {
        let newest = newest(&self.path)?;
        let Some(open) = &mut self.open else {
            let file = File::open(&newest)?;
            let data = file.metadata()?;
            // A file that appears later is new from its first byte on.
            let position = if self.is_first { data.len() } else { 0 };
            self.is_first = false;
            self.open = Some(Open { file, path: newest, identity: identity(&data), position });
            return Ok(Tailed::Nothing);
        };
        if open.file.metadata()?.len() < open.position {
            open.position = 0;
            return Ok(Tailed::Turned);
        }
        open.file.seek(SeekFrom::Start(open.position))?;
        let mut bytes = Vec::new();
        (&mut open.file).take(BYTES_MAX as u64).read_to_end(&mut bytes)?;
        if !bytes.is_empty() {
            open.position += bytes.len() as u64;
            sink(&bytes);
            return Ok(Tailed::Grew(bytes.len()));
        }
        let is_other = open.path != newest || identity(&fs::metadata(&newest)?) != open.identity;
        if is_other {
            self.open = None;
            return Ok(Tailed::Turned);
        }
        Ok(Tailed::Nothing)
    }
}

fn identity(data: &Metadata) -> (u64, u64) {
    (data.dev(), data.ino())
}

/// The file itself, or the file of the folder that was written last.
fn newest(path: &Path) -> io::Result<PathBuf> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(path.to_owned());
    }
    let mut newest = None;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let data = entry.metadata()?;
        if data.is_file() {
            newest = newest.max(Some((data.modified()?, entry.path())));
        }
    }
    let none = || io::Error::new(io::ErrorKind::NotFound, "the folder holds no file");
    newest.map(|(_, path)| path).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    struct Followed {
        folder: tempfile::TempDir,
        tail: Tail,
    }

    impl Followed {
        fn new(name: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let tail = Tail::new(&folder.path().join(name));
            Self { folder, tail }
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.folder.path().join(name);
            let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        /// Everything that is there to be read.
        fn read(&mut self) -> String {
            let mut text = Vec::new();
            for _ in 0..5 {
                drop(self.tail.read(&mut |bytes| text.extend_from_slice(bytes)));
            }
            String::from_utf8(text).unwrap()
        }
    }

    #[test]
    fn what_is_written_after_the_start_is_read_once() {
        let mut followed = Followed::new("log");
        followed.write("log", "before\n");
        assert_eq!(followed.read(), "");
        followed.write("log", "one\n");
        followed.write("log", "two\n");
        assert_eq!(followed.read(), "one\ntwo\n");
        assert_eq!(followed.read(), "");
    }

    #[test]
    fn a_file_that_is_renamed_or_cut_is_followed_by_what_takes_its_place() {
        let mut followed = Followed::new("log");
        followed.write("log", "before\n");
        followed.read();
        followed.write("log", "last\n");
        fs::rename(followed.folder.path().join("log"), followed.folder.path().join("log.1"))
            .unwrap();
        followed.write("log", "first\n");
        assert_eq!(followed.read(), "last\nfirst\n");
        fs::write(followed.folder.path().join("log"), "cut\n").unwrap();
        assert_eq!(followed.read(), "cut\n");
    }

    #[test]
    fn the_newest_file_of_a_folder_is_followed() {
        let mut followed = Followed::new("");
        followed.write("a.log", "before\n");
        followed.read();
        followed.write("a.log", "in a\n");
        assert_eq!(followed.read(), "in a\n");
        std::thread::sleep(std::time::Duration::from_millis(20));
        followed.write("b.log", "in b\n");
        assert_eq!(followed.read(), "in b\n");
    }

    #[test]
    fn a_file_that_is_not_there_is_waited_for() {
        let mut followed = Followed::new("log");
        assert!(followed.tail.read(&mut |_| {}).is_err());
        followed.tail.is_first = false;
        followed.write("log", "first\n");
        assert_eq!(followed.read(), "first\n");
    }
}
