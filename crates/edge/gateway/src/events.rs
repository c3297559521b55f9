//! What changed in a database, as it tells itself: `LISTEN` on a channel of PostgreSQL, and the cache forgets what is named
//! there.
//!
//! Whoever is not connected misses what is told: with each connection everything counts as changed, and what is kept only
//! stands in until it was asked for anew.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use traffic::{cache::Purge, events::EventSettings, redis::Patience};

use crate::{admin::orders, clock, state::Shared};

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) is_up: AtomicBool,
    pub(crate) connected: AtomicU64,
    pub(crate) heard: AtomicU64,
    /// Events that named nothing that can be forgotten.
    pub(crate) wrong: AtomicU64,
    pub(crate) trouble: Mutex<Option<String>>,
}

/// How often it is looked whether there is another plan.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// For how long a connection may take to stand, and what was sent may go without a sign that it came.
const CONNECT_MAX: Duration = Duration::from_secs(5);
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Tags of one event: PostgreSQL sends no more than 8,000 bytes.
const TAGS_MAX: usize = 1_000;

/// Listens for as long as the gateway runs.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let settings = shared.state().plan.events.clone();
        if let Some(settings) = &settings {
            let changed = async {
                while shared.state().plan.events.as_ref() == Some(settings) {
                    sleep(LOOK_INTERVAL).await;
                }
            };
            tokio::select! {
                () = keep(&shared, settings) => {}
                () = changed => {}
            }
            shared.events.is_up.store(false, Ordering::Relaxed);
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// Keeps listening, whatever becomes of the connection.
#[expect(clippy::infinite_loop, reason = "it is dropped when the settings change")]
async fn keep(shared: &Shared, settings: &EventSettings) {
    let mut tries = 0;
    loop {
        let ended = connect(shared, settings).await;
        if shared.events.is_up.swap(false, Ordering::Relaxed) {
            tries = 0;
        }
        let why =
            ended.map_or_else(|error| told(&error), |()| "it closed the connection".to_owned());
        *shared.events.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        sleep(Patience::pause(tries)).await;
        tries += 1;
    }
}

/// An error with its cause: the cause is what says something.
fn told(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Listens until the connection ends.
async fn connect(shared: &Shared, settings: &EventSettings) -> Result<(), Error> {
    let mut config: Config = settings.url.0.parse()?;
    config
        .application_name("taut gateway")
        .connect_timeout(CONNECT_MAX)
        .keepalives(true)
        .keepalives_idle(SILENCE_MAX / 2)
        .keepalives_interval(SILENCE_MAX / 4)
        .keepalives_retries(2)
        .tcp_user_timeout(SILENCE_MAX);
    // As libpq: encryption that is only preferred is verified by nobody, and so is none worth having.
    if config.get_ssl_mode() == SslMode::Require {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let (client, connection) = config.connect(MakeRustlsConnect::new(tls)).await?;
        listen(shared, settings, (client, connection)).await
    } else {
        let (client, connection) = config.connect(NoTls).await?;
        listen(shared, settings, (client, connection)).await
    }
}

async fn listen<S, T>(
    shared: &Shared,
    settings: &EventSettings,
    (client, mut connection): (Client, Connection<S, T>),
) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let channel = settings.channel.replace('"', "\"\"");
    let asked = format!("LISTEN \"{channel}\"");
    let mut listening = pin!(client.batch_execute(&asked));
    let mut is_listening = false;
    loop {
        tokio::select! {
            done = &mut listening, if !is_listening => {
                done?;
                is_listening = true;
                // Nobody knows what was told meanwhile, nor before the first time: what is on disk was there, and what came
                // into the cache while the server was away.
                if is_beginning(shared) {
                    shared.cache.purge_here(&Purge::All, true, clock::now());
                } else {
                    shared.cache.purge(&Purge::All, true, clock::now());
                }
                shared.events.connected.fetch_add(1, Ordering::Relaxed);
                shared.events.is_up.store(true, Ordering::Relaxed);
            }
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                None => return Ok(()),
                Some(Err(error)) => return Err(error),
                Some(Ok(AsyncMessage::Notification(event))) => heard(shared, event.payload()),
                Some(Ok(_)) => {}
            },
        }
    }
}

/// Whether this gateway begins beside others, which have listened meanwhile: what they share need not be asked for anew.
fn is_beginning(shared: &Shared) -> bool {
    let state = shared.state();
    let others = state.plan.redis.as_ref().is_some_and(|redis| 1 < redis.gateways.get());
    others && shared.events.connected.load(Ordering::Relaxed) == 0
}

/// Forgets what an event names: tags, or an order as the admin port takes it.
fn heard(shared: &Shared, payload: &str) {
    let now = clock::now();
    let (purges, soft) = if payload.trim_start().starts_with('{') {
        let order: Value = serde_json::from_str(payload).unwrap_or(Value::Null);
        let soft = order.get("soft").and_then(Value::as_bool) == Some(true);
        (orders::purge_of(&order).into_iter().collect::<Vec<_>>(), soft)
    } else {
        let tags = payload.split([',', ' ', '\n']).filter(|tag| !tag.is_empty());
        (tags.take(TAGS_MAX).map(|tag| Purge::Tag(tag.to_owned())).collect(), false)
    };
    let count = if purges.is_empty() { &shared.events.wrong } else { &shared.events.heard };
    count.fetch_add(1, Ordering::Relaxed);
    for purge in purges {
        shared.cache.purge(&purge, soft, now);
    }
}
