//! A command that sends its spans here while it runs.

use std::{
    ffi::OsString,
    io,
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use model::Span;
use receive::{Received, Refusal, Sink};
use tokio::signal::unix::{SignalKind, signal};

use super::Recorded;
use crate::say::{self, DIM, Failure};

/// Spans of a run at most: some gigabytes. A test run that sends more is a load test.
const SPANS_MAX: usize = 4_000_000;

/// How long answers that have begun may take once the command has ended.
const GRACE: Duration = Duration::from_secs(5);

/// How long spans are waited for that the command's own children send: exporters flush when their process ends, and
/// a command that leaves a server running has not ended it.
const SILENCE: Duration = Duration::from_millis(300);

/// How often it is looked whether the command has ended.
const LOOK: Duration = Duration::from_millis(20);

/// What exporters are told, unless the user has told them something else.
const DEFAULTS: &[(&str, &str)] = &[
    ("OTEL_TRACES_EXPORTER", "otlp"),
    ("OTEL_METRICS_EXPORTER", "none"),
    ("OTEL_LOGS_EXPORTER", "none"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ("OTEL_TRACES_SAMPLER", "always_on"),
    // Small pauses and a long queue: tests end at once, and a request of thousands of spans must fit.
    ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "65536"),
];

/// Where spans are kept until the command ends.
#[derive(Default)]
struct Kept {
    spans: Mutex<(Vec<Span>, u64)>,
}

impl Sink for Kept {
    fn accept(&self, batch: Received) -> Result<(), Refusal> {
        let mut kept = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let room = SPANS_MAX.saturating_sub(kept.0.len());
        let over = batch.spans.len().saturating_sub(room);
        kept.1 += over as u64;
        kept.0.extend(batch.spans.into_iter().take(room));
        Ok(())
    }
}

/// Runs a command and gives the spans that came meanwhile.
pub(super) fn run(command: &[OsString]) -> Result<Recorded, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::world(&error))?;
    runtime.block_on(receive_from(command))
}

async fn receive_from(command: &[OsString]) -> Result<Recorded, Failure> {
    let kept = Arc::new(Kept::default());
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options =
        receive::Options { grpc: Some(any), http: Some(any), ..receive::Options::default() };
    let receivers = receive::serve(options, Arc::clone(&kept) as Arc<dyn Sink>)
        .await
        .map_err(|error| Failure::world(&error).hint(error.hint()))?;
    let counters = receivers.counters();
    let (Some(http), Some(grpc)) = (receivers.http(), receivers.grpc()) else {
        return Err(Failure::bug("a receiver that was started has no address"));
    };
    let ended = wait_for(command, http, grpc).await?;
    tokio::time::sleep(SILENCE).await;
    let _stopped = receivers.stop(GRACE).await;
    let (spans, over) = {
        let mut kept = kept.spans.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *kept)
    };
    let mut damage = Vec::new();
    if 0 < over {
        damage.push(format!("{over} spans beyond {SPANS_MAX} were left out"));
    }
    let totals = counters.totals();
    let lost = totals.requests_malformed + totals.requests_too_large + totals.requests_slow;
    if 0 < lost + totals.spans_rejected {
        let rejected = totals.spans_rejected;
        damage.push(format!("{lost} batches and {rejected} spans could not be read"));
    }
    let Some(status) = ended else {
        return Ok(Recorded { traces: Vec::new(), damage, failed: None, interrupted: true });
    };
    let failed = (!status.success()).then(|| format!("the command ended with {}", words(status)));
    if spans.is_empty() {
        return Err(nothing_came(failed));
    }
    Ok(Recorded { traces: engine::traces_of(spans), damage, failed, interrupted: false })
}

/// `None` if somebody interrupted it.
async fn wait_for(
    command: &[OsString],
    http: SocketAddr,
    grpc: SocketAddr,
) -> Result<Option<ExitStatus>, Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::use_of("--live wants a command to run"));
    };
    let mut child = Command::new(program);
    child.args(arguments);
    for (name, value) in DEFAULTS {
        if std::env::var_os(name).is_none() {
            child.env(name, value);
        }
    }
    let speaks_grpc = std::env::var("OTEL_EXPORTER_OTLP_PROTOCOL").is_ok_and(|told| told == "grpc");
    let endpoint = format!("http://{}", if speaks_grpc { grpc } else { http });
    child.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    // More special than the one above, and told to go elsewhere.
    child.env_remove("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    // Standard output is for the answer; what the command says are words.
    child.stdout(Stdio::from(io::stderr()));
    say::words(&format!("{DIM}receiving spans on {endpoint}{DIM:#}\n"));
    // Heard from before the command begins, so that none is left running.
    let mut interrupts = signal(SignalKind::interrupt()).map_err(|error| Failure::world(&error))?;
    let mut child = child.spawn().map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "is it installed, and spelt like that?",
            _ => "may it be run?",
        };
        let program = program.to_string_lossy();
        Failure::of_the_world(format!("failed to run `{program}`: {error}")).hint(hint)
    })?;
    tokio::select! {
        status = end_of(&mut child) => {
            let status = status.map_err(|error| Failure::world(&error))?;
            // The command may hear of Ctrl-C, and end, before this process does.
            let is_interrupted = status.signal() == Some(SignalKind::interrupt().as_raw_value());
            return Ok(Some(status).filter(|_status| !is_interrupted));
        }
        _interrupt = interrupts.recv() => {}
    }
    // The terminal has told the command, too; it may say its last words.
    if tokio::time::timeout(GRACE, end_of(&mut child)).await.is_err() {
        drop(child.kill());
        drop(child.wait());
    }
    Ok(None)
}

/// Looks every now and then whether the command has ended: waiting for it would keep a thread that nothing can call back.
async fn end_of(child: &mut Child) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn words(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("code {code}"))
}

fn nothing_came(failed: Option<String>) -> Failure {
    let what = failed.map_or_else(
        || "the command ended, and no spans came".to_owned(),
        |failed| format!("{failed}, and no spans came"),
    );
    Failure::of_the_world(what).hint(
        "is it instrumented? `opentelemetry-instrument pytest` for Python, `NODE_OPTIONS=\"--require \
         @opentelemetry/auto-instrumentations-node/register\"` for Node.js, the agent for Java; docs/check.md has examples",
    )
}
