//! One connection: HTTP/1.1 or HTTP/2, told apart by its first bytes, and closed when nothing comes.

use std::{
    convert::Infallible,
    future::pending,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{server::conn, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use crate::{answer::answer, intake::Intake};

/// Bytes that a sender may have under way before they are read; with the number of connections it
/// bounds what is buffered outside of the budget.
const WINDOW_BYTES: u32 = 256 << 10;

/// Bytes of all headers of a request.
const HEADER_BYTES_MAX: u32 = 32 << 10;

/// Bytes that HTTP/1.1 reads ahead.
const READ_AHEAD_BYTES: usize = 128 << 10;

/// Requests that one HTTP/2 connection may have open; exporters rarely have more than a few.
const STREAMS_MAX: u32 = 128;

/// Time that a connection gets to say goodbye.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(1);

/// Time between two looks at whether a connection is silent.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Serves one connection to its end.
pub(crate) async fn run(stream: TcpStream, intake: Arc<Intake>, stopping: watch::Receiver<bool>) {
    // A socket without this option is slower, not wrong.
    stream.set_nodelay(true).ok();
    let options = &intake.options;
    let (header_time_max, idle_time_max) = (options.header_time_max, options.idle_time_max);
    let Ok(Some(version)) = timeout(header_time_max, sniff(&stream)).await else { return };
    let activity = Arc::new(Activity::new(header_time_max));
    let watched = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let guard = InProgress::new(&activity, idle_time_max);
        let intake = Arc::clone(&intake);
        async move {
            let response = answer(intake, request).await;
            drop(guard);
            Ok::<_, Infallible>(response)
        }
    });
    let io = TokioIo::new(stream);
    match version {
        Version::One => {
            let mut builder = conn::http1::Builder::new();
            // Silence is watched below, for both versions alike. A sender that closes its half
            // after the request still gets its answer.
            builder.timer(TokioTimer::new()).header_read_timeout(None).half_close(true);
            builder.max_buf_size(READ_AHEAD_BYTES);
            let mut connection = pin!(builder.serve_connection(io, service));
            tokio::select! {
                _ = &mut connection => return,
                () = ended(&watched, stopping) => connection.as_mut().graceful_shutdown(),
            }
            finish(connection, &watched).await;
        }
        Version::Two => {
            let mut builder = conn::http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .initial_stream_window_size(WINDOW_BYTES)
                .initial_connection_window_size(WINDOW_BYTES)
                .max_header_list_size(HEADER_BYTES_MAX)
                .max_concurrent_streams(STREAMS_MAX);
            let mut connection = pin!(builder.serve_connection(io, service));
            tokio::select! {
                _ = &mut connection => return,
                () = ended(&watched, stopping) => connection.as_mut().graceful_shutdown(),
            }
            finish(connection, &watched).await;
        }
    }
}

/// Lets a connection finish the requests that are in progress, then say goodbye.
async fn finish(connection: impl Future, activity: &Activity) {
    let goodbye = async {
        // Twice idle in a row: the last answer has had the time to be written.
        let mut idle = 0;
        while idle < 2 {
            tokio::time::sleep(GOODBYE_TIME_MAX / 2).await;
            idle = if activity.is_busy() { 0 } else { idle + 1 };
        }
    };
    tokio::select! {
        _ = connection => {}
        () = goodbye => {}
    }
}

/// Returns when the connection has been silent for too long, or the receiver stops.
async fn ended(activity: &Activity, mut stopping: watch::Receiver<bool>) {
    let stopped = async {
        if stopping.wait_for(|stopping| *stopping).await.is_err() {
            // The receiver was dropped without being stopped: it goes on.
            pending::<()>().await;
        }
    };
    tokio::select! {
        () = activity.silence() => {}
        () = stopped => {}
    }
}

enum Version {
    One,
    Two,
}

/// Looks at the first bytes: HTTP/2 with prior knowledge begins with `PRI`, which is no method of
/// HTTP/1.1. `None` if the connection ends before.
async fn sniff(stream: &TcpStream) -> Option<Version> {
    let mut first = [0; 3];
    loop {
        match stream.peek(&mut first).await {
            Ok(0) | Err(_) => return None,
            Ok(3) if first == *b"PRI" => return Some(Version::Two),
            Ok(count) if count == 3 || !b"PRI".starts_with(first.get(..count)?) => {
                return Some(Version::One);
            }
            // Peeking again returns at once, so give the rest time to come.
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Whether requests are in progress, and until when none may be.
#[derive(Debug)]
struct Activity {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    requests: u32,
    silent_until: Instant,
}

impl Activity {
    fn new(header_time_max: Duration) -> Self {
        let silent_until = Instant::now() + header_time_max;
        Self { state: Mutex::new(State { requests: 0, silent_until }) }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_busy(&self) -> bool {
        self.with(|state| state.requests > 0)
    }

    async fn silence(&self) {
        loop {
            let (requests, until) = self.with(|state| (state.requests, state.silent_until));
            let now = Instant::now();
            if requests == 0 && until <= now {
                return;
            }
            // A request that begins and ends meanwhile moves the deadline, so look now and then.
            let again = now + LOOK_INTERVAL;
            sleep_until(if until <= now { again } else { until.min(again) }).await;
        }
    }
}

/// A request in progress.
struct InProgress {
    activity: Arc<Activity>,
    idle_time_max: Duration,
}

impl InProgress {
    fn new(activity: &Arc<Activity>, idle_time_max: Duration) -> Self {
        activity.with(|state| state.requests += 1);
        Self { activity: Arc::clone(activity), idle_time_max }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.activity.with(|state| {
            state.requests -= 1;
            state.silent_until = Instant::now() + self.idle_time_max;
        });
    }
}
