//! The embedded store's stages on one core: rows, blocks, and what is read of them.
//!
//! `store [--spans N] [--rounds N]`
#![expect(clippy::cast_precision_loss, reason = "counts of a measurement are small")]

use std::{env, hint::black_box};

use bench::{
    clock::Reading,
    machine,
    made::{Traffic, Workload},
    table,
};
use bytes::Bytes;
use keep::{
    parquet::{Block, BlockFormat, Wanted, encode},
    spans::{Derived, SpanRows},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Made-up traffic is the same in every run.
const SEED: u64 = 20_261_121;

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let (mut spans, mut rounds) = (131_072, 5);
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--spans" => spans = value.parse()?,
            [name, value] if name == "--rounds" => rounds = value.parse()?,
            _ => return Err("usage: store [--spans N] [--rounds N]".into()),
        }
    }
    machine::pin(0)?;
    table::say(&format!("{}\none core; {spans} spans a round\n\n", machine::describe()));
    for workload in Workload::ALL {
        measure(workload, spans, rounds)?;
    }
    Ok(())
}

fn measure(workload: Workload, count: usize, rounds: usize) -> Outcome<()> {
    let mut traffic = Traffic::new(workload, SEED);
    let mut exports = Vec::new();
    let mut spans = 0;
    while spans < count {
        let export = traffic.batch();
        spans += export.len();
        exports.push(observe::otlp::encode(&export));
    }
    let otlp_bytes: usize = exports.iter().map(Vec::len).sum();
    let mut lines = Vec::new();
    for _ in 0..rounds {
        let begun = Reading::now();
        let decoded: Vec<_> = exports.iter().map(|export| observe::otlp::decode(export)).collect();
        let decode = begun.took().cpu;
        let begun = Reading::now();
        let mut rows = SpanRows::default();
        for decoded in decoded.iter().flatten() {
            for span in &decoded.spans {
                rows.push(span, Derived::default());
            }
        }
        let push = begun.took().cpu;
        let chunk = rows.into_chunk();
        let memory = chunk.bytes();
        let begun = Reading::now();
        let block = encode(&chunk, &BlockFormat::FRESH, &[])?;
        let fresh = begun.took().cpu;
        let begun = Reading::now();
        let settled = encode(&chunk, &BlockFormat::SETTLED, &[])?;
        let settle = begun.took().cpu;
        let (block_bytes, settled_bytes) = (block.len(), settled.len());
        let begun = Reading::now();
        let block = Block::open(Bytes::from(block))?;
        for group in 0..block.groups().len() {
            black_box(block.read(group, Wanted::ALL)?);
        }
        let read = begun.took().cpu;
        let begun = Reading::now();
        for group in 0..block.groups().len() {
            let columns = &[3, 4, 5, 6][..];
            let wanted = Wanted { columns: Some(columns), attributes: Some(&[]), rows: None };
            black_box(block.read(group, wanted)?);
        }
        let four = begun.took().cpu;
        let rate = |took: std::time::Duration| spans as f64 / took.as_secs_f64() / 1e6;
        lines.push(format!(
            "{:<24} M spans/s: decode {:.2}, rows {:.2}, block {:.2}, at level 3 {:.2}, read {:.2}, read 4 columns {:.2}; \
             bytes a span: OTLP {}, memory {}, block {:.1}, at level 3 {:.1}\n",
            workload.name(),
            rate(decode),
            rate(push),
            rate(fresh),
            rate(settle),
            rate(read),
            rate(four),
            otlp_bytes / spans,
            memory / spans,
            block_bytes as f64 / spans as f64,
            settled_bytes as f64 / spans as f64,
        ));
    }
    lines.sort();
    table::say(&lines[lines.len() / 2]);
    Ok(())
}
