//! OTLP/HTTP over the loopback: a sender on one core, and on the other what receives, keeps and makes blocks.
//!
//! The sender is this program again (`--send ADDRESS SPANS`), so that each has its own core and its own clock of work.

use std::{
    error::Error,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use model::Span;
use receive::{Received, Refusal, Sink};
use store::{Batch, Folder, Options, Store as _, Syncing};

use crate::{
    clock::{Reading, Took},
    day::{self, Day},
    machine,
};

/// Connections of the sender: as many senders share one wait for the disk.
const CONNECTIONS: usize = 16;

/// Spans that the sender makes beforehand: making them takes longer than keeping them. Sent again, they are spans of other
/// traces, a day later.
const MADE_SPANS: usize = 500_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Spans that were acknowledged.
    pub spans: u64,
    /// Until the last acknowledgement, blocks made meanwhile included.
    pub acknowledged: Took,
    /// Until every full segment is a block.
    pub in_blocks: Took,
}

/// Receives as many spans from a sender on the other core.
///
/// # Errors
///
/// The disk or the sender fails.
pub fn run(folder: &Path, spans: usize, sync: Syncing, seed: u64) -> Outcome<Sent> {
    let (store, _) = Folder::open(folder, Options { sync, ..Options::default() })?;
    let store = Arc::new(store);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let sink = Arc::new(Keeping { store: Arc::clone(&store) });
    let options = receive::Options {
        http: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        grpc: None,
        ..receive::Options::default()
    };
    let running = runtime.block_on(receive::serve(options, sink as Arc<dyn Sink>))?;
    let address = running.http().ok_or("nothing listens")?;
    let is_over = Arc::new(AtomicBool::new(false));
    let tidying = {
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        thread::spawn(move || -> Result<(), store::StoreError> {
            loop {
                let was_over = is_over.load(Relaxed);
                if !store.tidy()? {
                    if was_over {
                        return Ok(());
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            }
        })
    };
    let mut sender = Command::new(std::env::current_exe()?)
        .args(["--send", &address.to_string(), &spans.to_string(), &seed.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut told), Some(mut go)) = (sender.stdout.take(), sender.stdin.take()) else {
        return Err("the sender has no pipes".into());
    };
    let mut ready = [0; 6];
    told.read_exact(&mut ready)?;
    let begun = Reading::now();
    go.write_all(b"go\n")?;
    let mut said = String::new();
    told.read_to_string(&mut said)?;
    let acknowledged = begun.took();
    if !sender.wait()?.success() {
        return Err("the sender failed".into());
    }
    is_over.store(true, Relaxed);
    tidying.join().map_err(|_panic| "what makes blocks met a bug")??;
    let in_blocks = begun.took();
    runtime.block_on(running.stop(Duration::from_secs(5)));
    Ok(Sent { spans: said.trim().parse()?, acknowledged, in_blocks })
}

#[derive(Debug)]
struct Keeping {
    store: Arc<Folder>,
}

impl Sink for Keeping {
    fn accept(&self, batch: Received) -> Result<(), Refusal> {
        let Received { spans, otlp, received } = batch;
        let kept = self.store.append(&Batch { spans: &spans, otlp: otlp.as_deref(), received });
        kept.map_err(|error| Refusal::Busy {
            retry_after: Duration::from_secs(if error.to_string().is_empty() { 1 } else { 2 }),
        })
    }
}

/// The sender: `--send ADDRESS SPANS SEED`. Says `ready`, waits for a line, and tells how many spans were taken.
///
/// # Errors
///
/// The connection breaks, or a batch is not taken.
pub fn send(words: &[String]) -> Outcome<()> {
    let [address, spans, seed] = words else { return Err("--send ADDRESS SPANS SEED".into()) };
    machine::pin(1)?;
    let (spans, seed) = (spans.parse::<usize>()?, seed.parse()?);
    let made = MADE_SPANS.min(spans);
    let exports: Vec<Export> = {
        let mut day = Day::new(made, seed);
        std::iter::from_fn(|| day.batch()).map(|batch| Export::of(&batch)).collect()
    };
    print_now("ready\n")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let (next, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> Result<(), String> {
        let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut request = Vec::new();
        while sent.load(Relaxed) < spans {
            let number = next.fetch_add(1, Relaxed);
            let Some(export) = exports.get(number % exports.len()) else {
                return Err("nothing was made".to_owned());
            };
            export.again((number / exports.len()) as u64, &mut request);
            post(&mut stream, &request).map_err(|error| error.to_string())?;
            sent.fetch_add(export.spans, Relaxed);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        senders
            .into_iter()
            .try_for_each(|it| it.join().unwrap_or_else(|_| Err("a sender met a bug".to_owned())))
    })?;
    print_now(&format!("{}\n", sent.load(Relaxed)))
}

fn print_now(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// A request with spans, and where in it their ids and times are.
struct Export {
    request: Vec<u8>,
    spans: usize,
    trace_ids: Vec<usize>,
    times: Vec<usize>,
}

impl Export {
    fn of(batch: &[Span]) -> Self {
        let request = request(&observe::otlp::encode(batch));
        let (mut trace_ids, mut times) = (Vec::new(), Vec::new());
        let mut from = 0;
        for span in batch {
            // A span begins with its trace id; its times come in this order after it.
            let id = place(&request, from, &span.trace_id.0).unwrap_or(from);
            let start = place(&request, id, &span.start.nanos.to_le_bytes()).unwrap_or(id);
            let end = place(&request, start + 8, &span.end.nanos.to_le_bytes()).unwrap_or(start);
            trace_ids.push(id);
            times.extend([start, end]);
            from = end;
        }
        Self { request, spans: batch.len(), trace_ids, times }
    }

    /// The same work of other traces, so many days later.
    fn again(&self, round: u64, request: &mut Vec<u8>) {
        request.clear();
        request.extend_from_slice(&self.request);
        if round == 0 {
            return;
        }
        for place in &self.trace_ids {
            for (byte, mark) in
                request[*place..].iter_mut().zip(round.wrapping_mul(MIX).to_le_bytes())
            {
                *byte ^= mark;
            }
        }
        let later = round * u64::try_from(day::LENGTH.as_nanos()).unwrap_or(u64::MAX);
        for place in &self.times {
            let bytes = &mut request[*place..*place + 8];
            let nanos = bytes.iter().rev().fold(0, |nanos, byte| nanos << 8 | u64::from(*byte));
            bytes.copy_from_slice(&(nanos + later).to_le_bytes());
        }
    }
}

/// Spreads a small number over all bits of an id.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where `part` comes next.
fn place(bytes: &[u8], from: usize, part: &[u8]) -> Option<usize> {
    let windows = bytes.get(from..)?.windows(part.len());
    windows.into_iter().position(|window| window == part).map(|place| from + place)
}

fn request(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends a request, and reads its answer, which must be that it was taken.
fn post(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<()> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    loop {
        let read = stream.read(&mut part)?;
        answer.extend_from_slice(part.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
            if head.len() + 4 + length <= answer.len() {
                return if head.starts_with("http/1.1 200") {
                    Ok(())
                } else {
                    Err(std::io::Error::other(text))
                };
            }
        }
        if read == 0 {
            return Err(std::io::Error::other("the receiver closed the connection"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_a_refusal_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for status in ["200 OK", "503 Busy"] {
                let mut request = [0; 1024];
                assert!(0 < stream.read(&mut request).unwrap());
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
                stream.write_all(b"{}").unwrap();
            }
        });
        let mut stream = TcpStream::connect(address).unwrap();
        assert!(post(&mut stream, &request(b"body")).is_ok());
        assert!(post(&mut stream, &request(b"body")).is_err());
        answering.join().unwrap();
    }
}
