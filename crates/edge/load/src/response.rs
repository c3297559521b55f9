//! An answer of HTTP/1.1, taken from bytes as they come.
//!
//! Where a body ends is told by RFC 9112, section 6.3; the body itself is counted, and kept only where a check reads it.

use std::str;

/// A head of an answer at most: what servers themselves take of requests is 8 to 64 KiB.
const HEAD_MAX: usize = 64 << 10;
/// Headers at most.
const HEADERS_MAX: usize = 96;
/// A line before a chunk at most.
const CHUNK_LINE_MAX: usize = 4 << 10;
/// Of a body that is kept at most; what a check looks for has to be in there.
pub(crate) const KEPT_MAX: usize = 1 << 20;

/// Reads one answer.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    /// What is known so far.
    pub(crate) answer: Answer,
    wants: Wants,
    kept_max: usize,
}

/// What is wanted of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// It is an answer to HEAD: there is no body.
    Head,
    /// Its status and its size.
    Size,
    /// Headers and body, to look into.
    All,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Lower-case names; only where the body is kept, too.
    pub(crate) headers: Vec<(String, String)>,
    /// At most [`KEPT_MAX`] of it, only where it is kept.
    pub(crate) body: Vec<u8>,
    /// Bytes of the body, all of them.
    pub(crate) body_bytes: u64,
    /// The connection can be used again.
    pub(crate) stays: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ChunkLine,
    /// With the two bytes of the line's end.
    Chunk(u64),
    /// Lines after the last chunk, up to an empty one.
    Trailer,
    UntilClosed,
    Done,
}

/// Why bytes are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Decoder {
    pub(crate) fn new(wants: Wants) -> Self {
        Self { state: State::Head, answer: Answer::default(), wants, kept_max: KEPT_MAX }
    }

    /// One that keeps so much of a body.
    pub(crate) fn keeping(self, kept_max: usize) -> Self {
        Self { kept_max, ..self }
    }

    /// Takes from the front of `bytes` what belongs to the answer; whether it is whole.
    pub(crate) fn take(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Malformed> {
        loop {
            let used = match self.state {
                State::Done => return Ok(true),
                State::Head => self.head(bytes)?,
                State::Length(left) => {
                    let used = self.body(bytes, left);
                    let left = left - used as u64;
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                    if left == 0 { Some(used) } else { self.wait(bytes, used) }
                }
                State::UntilClosed => {
                    let used = self.body(bytes, u64::MAX);
                    self.wait(bytes, used)
                }
                State::ChunkLine => self.chunk_line(bytes)?,
                State::Chunk(left) => self.chunk(bytes, left)?,
                State::Trailer => self.trailer(bytes)?,
            };
            let Some(used) = used else { return Ok(false) };
            bytes.drain(..used);
        }
    }

    /// A head that is known already, of HTTP/2; the body is told by [`Self::more`].
    pub(crate) fn begin<'a>(
        &mut self,
        status: u16,
        headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) {
        self.answer.status = status;
        self.answer.stays = true;
        if self.wants != Wants::Size {
            let text = |(name, value): (&str, &[u8])| {
                (name.to_owned(), String::from_utf8_lossy(value).into_owned())
            };
            self.answer.headers.extend(headers.map(text));
        }
    }

    /// A part of the body.
    pub(crate) fn more(&mut self, bytes: &[u8]) {
        self.body(bytes, u64::MAX);
    }

    /// The other side has closed; whether the answer is whole.
    pub(crate) fn closed(&mut self) -> bool {
        matches!(self.state, State::Done | State::UntilClosed)
    }

    /// Everything was used, and more has to come.
    #[expect(clippy::unused_self, reason = "reads as the others do")]
    fn wait(&self, bytes: &mut Vec<u8>, used: usize) -> Option<usize> {
        bytes.drain(..used);
        None
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let used = match response.parse(bytes) {
            Ok(httparse::Status::Complete(used)) => used,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => return Ok(None),
            Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
        };
        let status = response.code.unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            return Ok(Some(used));
        }
        let is_new = response.version == Some(1);
        let (mut length, mut chunked, mut close, mut keep) = (None, false, false, false);
        for header in response.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let said =
                    str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok());
                length = Some(said.ok_or(Malformed)?);
            } else if is("transfer-encoding") {
                chunked = holds(header.value, b"chunked");
            } else if is("connection") {
                close |= holds(header.value, b"close");
                keep |= holds(header.value, b"keep-alive");
            }
            if self.wants != Wants::Size {
                let value = String::from_utf8_lossy(header.value).into_owned();
                self.answer.headers.push((header.name.to_ascii_lowercase(), value));
            }
        }
        self.answer.status = status;
        self.answer.stays = (is_new || keep) && !close;
        self.state = match length {
            _ if self.wants == Wants::Head || status == 204 || status == 304 => State::Done,
            _ if chunked => State::ChunkLine,
            Some(0) => State::Done,
            Some(length) => State::Length(length),
            None => {
                self.answer.stays = false;
                State::UntilClosed
            }
        };
        Ok(Some(used))
    }

    /// Counts what is there of a body, and keeps it where wanted; how much that was.
    fn body(&mut self, bytes: &[u8], most: u64) -> usize {
        let used = bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        self.answer.body_bytes = self.answer.body_bytes.saturating_add(used as u64);
        if self.wants == Wants::All {
            let room = self.kept_max.saturating_sub(self.answer.body.len()).min(used);
            self.answer.body.extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
        used
    }

    fn chunk_line(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let Some(line) = line(bytes)? else { return Ok(None) };
        let text = str::from_utf8(line).map_err(|_not_text| Malformed)?;
        let digits = text.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_no_size| Malformed)?;
        let with_end = size.checked_add(2).ok_or(Malformed)?;
        self.state = if size == 0 { State::Trailer } else { State::Chunk(with_end) };
        Ok(Some(line.len() + 2))
    }

    fn chunk(&mut self, bytes: &mut Vec<u8>, left: u64) -> Result<Option<usize>, Malformed> {
        let within = self.body(bytes, left - left.min(2));
        let rest = left - within as u64;
        if rest > 2 {
            self.state = State::Chunk(rest);
            return Ok(self.wait(bytes, within));
        }
        let Some(end) = bytes.get(within..within + 2) else {
            self.state = State::Chunk(rest);
            return Ok(self.wait(bytes, within));
        };
        if end != b"\r\n" {
            return Err(Malformed);
        }
        self.state = State::ChunkLine;
        Ok(Some(within + 2))
    }

    fn trailer(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let Some(line) = line(bytes)? else { return Ok(None) };
        if line.is_empty() {
            self.state = State::Done;
        }
        Ok(Some(line.len() + 2))
    }
}

/// The line at the front, without its end; `None` if there is more to come.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    match bytes.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Ok(bytes.get(..end)),
        None if bytes.len() < CHUNK_LINE_MAX => Ok(None),
        None => Err(Malformed),
    }
}

fn holds(value: &[u8], word: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads an answer from pieces; what is left over.
    fn read(pieces: &[&[u8]]) -> Result<Option<(Answer, Vec<u8>)>, Malformed> {
        let (mut decoder, mut buffer) = (Decoder::new(Wants::All), Vec::new());
        let mut whole = false;
        for piece in pieces {
            buffer.extend_from_slice(piece);
            whole = decoder.take(&mut buffer)?;
        }
        Ok(whole.then_some((decoder.answer, buffer)))
    }

    const CHUNKED: &[u8] =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n\
        5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nExpires: never\r\n\r\nHTTP/1.1";

    #[test]
    fn where_an_answer_ends_is_told_by_its_head() {
        let (answer, rest) = read(&[CHUNKED]).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"hello world"[..]));
        assert_eq!(
            (answer.body_bytes, answer.stays, rest.as_slice()),
            (11, true, &b"HTTP/1.1"[..])
        );
        let (answer, rest) =
            read(&[b"HTTP/1.1 404 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno!"])
                .unwrap()
                .unwrap();
        assert_eq!((answer.status, answer.stays, rest.as_slice()), (404, false, &b"!"[..]));
        let (answer, _) = read(&[b"HTTP/1.1 204 Nothing\r\n\r\n"]).unwrap().unwrap();
        assert_eq!(answer.body_bytes, 0);
        let (answer, _) =
            read(&[b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"]).unwrap().unwrap();
        assert!(!answer.stays);
    }

    #[test]
    fn an_answer_may_end_with_the_connection() {
        let mut decoder = Decoder::new(Wants::Size);
        assert_eq!(decoder.take(&mut b"HTTP/1.1 200 OK\r\n\r\nabc".to_vec()), Ok(false));
        assert!(decoder.closed());
        assert_eq!((decoder.answer.body_bytes, decoder.answer.body.len()), (3, 0));
        let mut cut = Decoder::new(Wants::Size);
        assert_eq!(
            cut.take(&mut b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc".to_vec()),
            Ok(false)
        );
        assert!(!cut.closed());
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        ] {
            assert_eq!(read(&[wrong]), Err(Malformed), "{}", String::from_utf8_lossy(wrong));
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'x'; HEAD_MAX]].concat();
        assert_eq!(read(&[&endless]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn an_answer_in_pieces_is_the_same_answer(cuts in proptest::collection::vec(0..CHUNKED.len() - 8, 0..6)) {
            let whole = &CHUNKED[..CHUNKED.len() - 8];
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut begin = 0;
            for cut in cuts {
                pieces.push(&whole[begin..cut]);
                begin = cut;
            }
            pieces.push(&whole[begin..]);
            prop_assert_eq!(read(&pieces), read(&[whole]));
        }

        #[test]
        fn any_bytes_are_an_answer_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice();
            drop(read(&[&bytes]));
            drop(read(&[head, &bytes]));
        }
    }
}
