//! A pretend disk: records what a store does to its folder while it really happens, and makes the folders that a
//! machine may come back with if it lost power at any moment of that.
//!
//! What it assumes is little. Bytes that a sync has covered are there, and names that a sync of the folder has covered.
//! Everything since may be there or not: each sector of 512 bytes as it was after any of the writes to it, the length as
//! it was after any of them or between, each name made, changed or removed by itself. A sector is never torn.
#![allow(
    clippy::allow_attributes,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses another part of it, so `expect` would fail in one of them"
)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use store::{Change, Watch};

/// What a disk writes at once or not at all.
const SECTOR_BYTES: usize = 512;

/// Random numbers that are the same for the same seed (`SplitMix64`: Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

#[derive(Debug, Clone)]
enum What {
    Create(String),
    Write(String, usize, Vec<u8>),
    Cut(String, usize),
    Sync(String),
    Rename(String, String),
    Remove(String),
    SyncFolder,
}

#[derive(Debug, Clone)]
struct Recorded {
    what: What,
    begun: usize,
    /// `None` while it is under way.
    ended: Option<usize>,
}

/// What was done to a folder, in order.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Recording>);

#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The files that were there before; the disk has them.
    before: BTreeMap<String, Vec<u8>>,
    changes: Vec<Option<Recorded>>,
    clock: usize,
    /// Changes of which each fails with a chance of one in so many.
    fails: Option<(usize, Seeded)>,
    lie: Option<Lie>,
}

/// What a disk says that it has done, and has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Synced files.
    Files,
    /// Synced folders.
    Folders,
}

impl Recorder {
    /// Records from what is in a folder on.
    pub fn of(folder: &Path) -> Arc<Self> {
        let before = files(folder);
        Arc::new(Self(Mutex::new(Recording { before, ..Recording::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A moment that is later than all before, and earlier than all after.
    pub fn tick(&self) -> usize {
        let mut recording = self.lock();
        recording.clock += 1;
        recording.clock
    }

    /// From now on each change fails with a chance of one in `times`.
    pub fn fail_once_in(&self, times: usize, seed: u64) {
        self.lock().fails = Some((times, Seeded(seed)));
    }

    /// Nothing is synced, whatever is said.
    pub fn lie(&self, lie: Lie) {
        self.lock().lie = Some(lie);
    }

    /// From now on nothing fails.
    pub fn mend(&self) {
        self.lock().fails = None;
    }

    /// What was recorded until now.
    pub fn recording(&self) -> Recording {
        self.lock().clone()
    }
}

impl Watch for Recorder {
    fn begins(&self, change: &Change<'_>) -> io::Result<u64> {
        let mut recording = self.lock();
        if let Some((times, seeded)) = &mut recording.fails
            && seeded.once_in(*times)
        {
            let code = if seeded.once_in(2) { 28 } else { 5 }; // ENOSPC, EIO
            return Err(io::Error::from_raw_os_error(code));
        }
        recording.clock += 1;
        let begun = recording.clock;
        let recorded = Recorded { what: What::of(change), begun, ended: None };
        recording.changes.push(Some(recorded));
        Ok(recording.changes.len() as u64 - 1)
    }

    fn ended(&self, number: u64, result: &io::Result<()>) {
        let mut recording = self.lock();
        recording.clock += 1;
        let ended = recording.clock;
        let change = &mut recording.changes[usize::try_from(number).unwrap()];
        match result {
            Ok(()) => change.as_mut().unwrap().ended = Some(ended),
            Err(_) => *change = None,
        }
    }
}

impl What {
    fn of(change: &Change<'_>) -> Self {
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        match *change {
            Change::Create { path } => Self::Create(name(path)),
            Change::Write { path, offset, bytes } => {
                Self::Write(name(path), usize::try_from(offset).unwrap(), bytes.to_vec())
            }
            Change::Cut { path, length } => Self::Cut(name(path), usize::try_from(length).unwrap()),
            Change::Sync { path } => Self::Sync(name(path)),
            Change::Rename { from, to } => Self::Rename(name(from), name(to)),
            Change::Remove { path } => Self::Remove(name(path)),
            Change::SyncFolder { .. } => Self::SyncFolder,
        }
    }
}

/// A file of the pretend disk: its content after each change that a crash may find.
#[derive(Debug, Default)]
struct Versions {
    /// The first is what the disk has for sure. Each with when it was complete.
    contents: Vec<(Option<usize>, Vec<u8>)>,
}

/// What happened to names since the last sync of the folder.
#[derive(Debug)]
enum Name {
    /// It stands for this file.
    Is(String, usize),
    /// The file has another name.
    Was { from: String, to: String, file: usize },
    /// It stands for nothing.
    Gone(String),
}

impl Recording {
    /// The last moment of it.
    pub fn end(&self) -> usize {
        self.clock
    }

    /// Files that may be there if power is lost at `moment`.
    pub fn lose_power(&self, moment: usize, seeded: &mut Seeded) -> BTreeMap<String, Vec<u8>> {
        let (files, sure, unsure) = self.known_at(moment);
        let names = some_names(sure, &unsure, seeded);
        let content = |(name, file): (String, usize)| (name, files[file].some(seeded));
        names.into_iter().map(content).collect()
    }

    /// Files, names that are there for sure, and what has happened to names since.
    fn known_at(&self, moment: usize) -> (Vec<Versions>, BTreeMap<String, usize>, Vec<Name>) {
        let mut files: Vec<Versions> = Vec::new();
        let mut sure = BTreeMap::new();
        for (name, content) in &self.before {
            sure.insert(name.clone(), files.len());
            files.push(Versions { contents: vec![(Some(0), content.clone())] });
        }
        let mut seen: BTreeMap<String, usize> = sure.clone();
        let mut unsure: Vec<(Option<usize>, Name)> = Vec::new();
        for recorded in self.changes.iter().flatten().filter(|it| it.begun <= moment) {
            let ended = recorded.ended.filter(|ended| *ended <= moment);
            match &recorded.what {
                What::Create(name) => {
                    if let Some(file) = seen.get(name) {
                        files[*file].change(ended, Vec::clear);
                    } else {
                        seen.insert(name.clone(), files.len());
                        unsure.push((ended, Name::Is(name.clone(), files.len())));
                        files.push(Versions { contents: vec![(Some(0), Vec::new())] });
                    }
                }
                What::Write(name, offset, bytes) => files[seen[name]].change(ended, |content| {
                    content.resize(content.len().max(offset + bytes.len()), 0);
                    content[*offset..offset + bytes.len()].copy_from_slice(bytes);
                }),
                What::Cut(name, length) => {
                    files[seen[name]].change(ended, |content| content.resize(*length, 0));
                }
                What::Sync(name) if ended.is_some() && self.lie != Some(Lie::Files) => {
                    files[seen[name]].synced(recorded.begun);
                }
                What::Rename(from, to) => {
                    let file = seen.remove(from).unwrap();
                    seen.insert(to.clone(), file);
                    let name = Name::Was { from: from.clone(), to: to.clone(), file };
                    unsure.push((ended, name));
                }
                What::Remove(name) => {
                    seen.remove(name);
                    unsure.push((ended, Name::Gone(name.clone())));
                }
                What::SyncFolder if ended.is_some() && self.lie != Some(Lie::Folders) => {
                    let covered = |(ended, _): &mut (Option<usize>, Name)| {
                        ended.is_some_and(|ended| ended < recorded.begun)
                    };
                    for (_, name) in unsure.extract_if(.., covered) {
                        name.apply(&mut sure, Part::All);
                    }
                }
                What::Sync(_) | What::SyncFolder => {}
            }
        }
        (files, sure, unsure.into_iter().map(|(_, name)| name).collect())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// Of a rename: the file has both names.
    Both,
}

impl Name {
    fn apply(&self, names: &mut BTreeMap<String, usize>, part: Part) {
        match self {
            Self::Is(name, file) => {
                names.insert(name.clone(), *file);
            }
            Self::Was { from, to, file } => {
                names.insert(to.clone(), *file);
                if part == Part::All {
                    names.remove(from);
                } else {
                    names.insert(from.clone(), *file);
                }
            }
            Self::Gone(name) => {
                names.remove(name);
            }
        }
    }
}

/// A file system with a journal keeps the first so many changes of names, others any of them.
fn some_names(
    mut names: BTreeMap<String, usize>,
    unsure: &[Name],
    seeded: &mut Seeded,
) -> BTreeMap<String, usize> {
    let kept = seeded.below(unsure.len() + 1);
    let is_in_order = seeded.once_in(2);
    for (number, name) in unsure.iter().enumerate() {
        let is_kept = if is_in_order { number < kept } else { seeded.once_in(2) };
        if is_kept {
            let part = if !is_in_order && seeded.once_in(4) { Part::Both } else { Part::All };
            name.apply(&mut names, part);
        }
    }
    names
}

impl Versions {
    fn change(&mut self, ended: Option<usize>, change: impl FnOnce(&mut Vec<u8>)) {
        let (_, mut content) = self.contents.last().unwrap().clone();
        change(&mut content);
        self.contents.push((ended, content));
    }

    /// Forgets what was there before the last change that had ended when a sync began.
    fn synced(&mut self, begun: usize) {
        let covered = |(ended, _): &(Option<usize>, Vec<u8>)| ended.is_some_and(|it| it < begun);
        let last = self.contents.iter().rposition(covered).unwrap();
        self.contents.drain(..last);
    }

    /// What may be left of it.
    fn some(&self, seeded: &mut Seeded) -> Vec<u8> {
        let newest = self.contents.len() - 1;
        let lengths = self.contents.iter().map(|(_, content)| content.len());
        let (shortest, longest) = (lengths.clone().min().unwrap(), lengths.clone().max().unwrap());
        let how = seeded.below(6);
        let length = match how {
            0 => self.contents[0].1.len(),
            1 => self.contents[newest].1.len(),
            // A length between: what was written is brought to the disk sector by sector.
            2 | 3 if shortest < longest => {
                let between = shortest + seeded.below(longest - shortest + 1);
                between.next_multiple_of(SECTOR_BYTES).min(longest)
            }
            _ => self.contents[seeded.below(newest + 1)].1.len(),
        };
        // What lies in a file where nothing has been written is zero, or what was on the disk there.
        let fill = if seeded.once_in(3) { 0xa5 } else { 0 };
        let mut left = vec![fill; length];
        let sectors = length.div_ceil(SECTOR_BYTES);
        let torn = seeded.below(sectors + 1);
        for (number, sector) in left.chunks_mut(SECTOR_BYTES).enumerate() {
            let version = match how {
                0 => 0,
                1 => newest,
                2 => [0, newest][usize::from(number < torn)],
                3 => [newest, 0][usize::from(number < torn)],
                _ => seeded.below(newest + 1),
            };
            let content = &self.contents[version].1;
            let from = (number * SECTOR_BYTES).min(content.len());
            let to = (from + sector.len()).min(content.len());
            sector[..to - from].copy_from_slice(&content[from..to]);
        }
        left
    }
}

/// The files of a folder.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.metadata().unwrap().is_file());
    let named = files
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    named.collect()
}

/// Makes a folder of files.
pub fn lay(files: &BTreeMap<String, Vec<u8>>, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// A folder in memory where the system has that, since nothing in it has to last.
pub fn temporary() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A number from the environment, to look longer or at one seed again.
pub fn told(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().expect("a number"))
}
