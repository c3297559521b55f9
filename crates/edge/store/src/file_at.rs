//! A file that any number of threads read at once: each read says where.

use std::{
    fs::File,
    io::{self, Read},
    num::NonZeroU64,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use keep::parquet::parquet_file;
use rustix::fs::{Advice, fadvise};

/// A file that any number of threads read at once.
#[derive(Debug, Clone)]
pub(crate) struct FileAt {
    file: Arc<File>,
    pub(crate) bytes: u64,
}

impl FileAt {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        // What is asked for is all that is wanted: a system that reads on would read other columns. Where it cannot be told
        // so, it reads more.
        let _told = fadvise(&file, 0, None, Advice::Random);
        Ok(Self { file: Arc::new(file), bytes })
    }

    /// Says what will be read soon, so that it is under way then. Where the system cannot be told so, it is read later.
    pub(crate) fn will_need(&self, ranges: &[Range<u64>]) {
        for range in ranges {
            let length = NonZeroU64::new(range.end.saturating_sub(range.start));
            if length.is_some() {
                let _told = fadvise(&self.file, range.start, length, Advice::WillNeed);
            }
        }
    }
}

/// Reads on from some place of a file.
#[derive(Debug)]
pub(crate) struct ReadFrom {
    file: Arc<File>,
    offset: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl parquet_file::Length for FileAt {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl parquet_file::ChunkReader for FileAt {
    type T = ReadFrom;

    fn get_read(&self, start: u64) -> Result<Self::T, parquet_file::Error> {
        Ok(ReadFrom { file: Arc::clone(&self.file), offset: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, parquet_file::Error> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.bytes);
        if end.is_none() {
            return Err(parquet_file::Error::EOF("a page reaches beyond the file".to_owned()));
        }
        let mut bytes = vec![0; length];
        let read = self.file.read_exact_at(&mut bytes, start);
        read.map_err(|error| parquet_file::Error::External(Box::new(error)))?;
        Ok(Bytes::from(bytes))
    }
}
