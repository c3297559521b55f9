//! Buffers of one thread: taken when bytes come, given back when they are through, so that an idle connection
//! has none.

use std::cell::RefCell;

/// Bytes that were read and not yet used.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

/// Buffers that nobody uses now.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    heads: RefCell<Vec<Vec<u8>>>,
    bodies: RefCell<Vec<Vec<u8>>>,
    texts: RefCell<Vec<Vec<u8>>>,
}

/// What a buffer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A client's requests: most are smaller than this.
    Head,
    /// A member's answers: what a socket gives at once.
    Body,
}

const HEAD_BYTES: usize = 8 << 10;
const BODY_BYTES: usize = 64 << 10;

/// Buffers of a kind that are kept: as many as requests are under way at once on a busy thread. Bounds what
/// is kept to 18 MiB a thread.
const KEPT_MAX: usize = 256;

/// A text that has grown past this is not kept.
const TEXT_BYTES_MAX: usize = 8 << 10;

impl Buffers {
    /// An empty buffer.
    pub(crate) fn take(&self, what: Use) -> Buffer {
        let (kept, size) = self.of(what);
        let bytes = kept.borrow_mut().pop().unwrap_or_else(|| vec![0; size]);
        Buffer { bytes, start: 0, end: 0 }
    }

    /// Keeps a buffer for the next who needs one.
    pub(crate) fn give(&self, what: Use, buffer: Buffer) {
        let (kept, size) = self.of(what);
        let mut kept = kept.borrow_mut();
        if buffer.bytes.len() == size && kept.len() < KEPT_MAX {
            kept.push(buffer.bytes);
        }
    }

    /// An empty text.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.texts.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps a text for the next who needs one.
    pub(crate) fn give_text(&self, mut text: Vec<u8>) {
        let mut kept = self.texts.borrow_mut();
        if 0 < text.capacity() && text.capacity() <= TEXT_BYTES_MAX && kept.len() < KEPT_MAX {
            text.clear();
            kept.push(text);
        }
    }

    fn of(&self, what: Use) -> (&RefCell<Vec<Vec<u8>>>, usize) {
        match what {
            Use::Head => (&self.heads, HEAD_BYTES),
            Use::Body => (&self.bodies, BODY_BYTES),
        }
    }
}

impl Buffer {
    /// What was read and not yet used.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// So many bytes were used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room for more bytes: it grows up to a bound. Empty when that is reached.
    pub(crate) fn room(&mut self, bytes_max: usize) -> &mut [u8] {
        if self.end == self.bytes.len() {
            if 0 < self.start {
                self.bytes.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else if self.bytes.len() < bytes_max {
                let length = (self.bytes.len() * 2).max(HEAD_BYTES).min(bytes_max);
                self.bytes.resize(length, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes were put into the room.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// What is left of it, for somebody else.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        let unread = self.unread().to_vec();
        self.consume(unread.len());
        unread
    }
}
