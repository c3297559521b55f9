//! The connection to the server of a ledger: made when it is needed, made anew once where it broke.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::{
    runtime::{Builder, Runtime},
    task::{AbortHandle, yield_now},
    time::timeout_at,
};
use tokio_postgres::{
    Client, Config, NoTls,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::LedgerError;

/// A server that is there accepts a connection within this.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Entries take milliseconds; another writer may be before us.
const LIMITS: &str = "set statement_timeout = '10s'; set lock_timeout = '8s'; set idle_in_transaction_session_timeout = '15s'";

/// After so long without a word both sides make sure of each other: routers forget a connection sooner than the two hours
/// that are usual.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_USUAL: Duration = Duration::from_hours(2);

/// A connection, or what is needed to make one.
pub(super) struct Session {
    runtime: Runtime,
    config: Config,
    name: String,
    line: Option<Line>,
    /// What the connection holds goes with it: no other one takes its place.
    is_bound: bool,
}

/// A connection, and what drives it, which ends with it.
struct Line {
    client: Client,
    driver: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// How far a write is: what whoever waits for it and whoever does it tell each other.
#[derive(Debug, Default)]
pub(super) struct Doing(AtomicU8);

const BEGUN: u8 = 0;
const COMMITS: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Doing {
    /// From here on it may be kept, whatever is heard of it; refused where nobody waits for it any more.
    pub(super) fn commits(&self) -> Result<(), Broken> {
        let Self(state) = self;
        match state.compare_exchange(BEGUN, COMMITS, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(COMMITS) => Ok(()),
            Err(_) => Err(Broken::Server("nobody waits for it any more".into())),
        }
    }

    /// Waits no more; whether it is certain that nothing is kept, now or later.
    pub(super) fn gives_up(&self) -> bool {
        let Self(state) = self;
        let before = state.compare_exchange(BEGUN, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
        before != Err(COMMITS)
    }

    fn may_be_kept(&self) -> bool {
        self.0.load(Ordering::Acquire) == COMMITS
    }
}

/// Why something could not be done.
#[derive(Debug)]
pub(super) enum Broken {
    /// The ledger does not allow it.
    Ledger(LedgerError),
    /// The server failed, or is away; nothing was kept.
    Server(Box<dyn Error + Send + Sync>),
    /// The same, and nobody knows whether what was asked for was kept.
    Unsure(Box<dyn Error + Send + Sync>),
}

impl From<LedgerError> for Broken {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<tokio_postgres::Error> for Broken {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error.into())
    }
}

impl Broken {
    /// What an earlier attempt left open stays open where nothing more is heard of it.
    fn unsure_if(self, is_unsure: bool) -> Self {
        match self {
            Self::Server(source) if is_unsure => Self::Unsure(source),
            other => other,
        }
    }

    /// The connection broke; what was asked for may have been done or not.
    fn is_lost(&self) -> bool {
        let Self::Server(source) = self else { return false };
        let error = source.downcast_ref::<tokio_postgres::Error>();
        // A server that is told to end says so in class 57P of its errors.
        error.is_some_and(|error| {
            error.is_closed()
                || error.code().map_or_else(
                    || error.source().is_some_and(<dyn Error>::is::<std::io::Error>),
                    |code| code.code().starts_with("57P"),
                )
        })
    }
}

impl Session {
    pub(super) fn new(url: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut config: Config = url.parse()?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_application_name().is_none() {
            config.application_name("taut ledger");
        }
        if config.get_keepalives_idle() == KEEPALIVE_USUAL {
            config.keepalives_idle(KEEPALIVE);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, name: name(&config), config, line: None, is_bound: false })
    }

    /// From now on there is this connection or none.
    pub(super) fn bind(&mut self) {
        self.is_bound = true;
    }

    /// The server, without user and password.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Does something; once more, on a new connection, where the connection broke. Not after `until`.
    pub(super) fn run<T>(
        &mut self,
        work: &impl AsyncFn(&mut Client) -> Result<T, Broken>,
        (doing, until): (&Doing, Instant),
    ) -> Result<T, Broken> {
        let late = || "it does not answer".into();
        if until <= Instant::now() {
            return Err(Broken::Server(late()));
        }
        let Self { runtime, config, line, is_bound, .. } = self;
        runtime.block_on(async {
            let all = attempts(work, doing, (config, line, *is_bound));
            if let Ok(done) = timeout_at(until.into(), all).await {
                return done;
            }
            // The server takes back what was begun once it sees the connection end, which its driver does now.
            yield_now().await;
            yield_now().await;
            Err(if doing.may_be_kept() { Broken::Unsure(late()) } else { Broken::Server(late()) })
        })
    }
}

async fn attempts<T>(
    work: &impl AsyncFn(&mut Client) -> Result<T, Broken>,
    doing: &Doing,
    (config, line, is_bound): (&Config, &mut Option<Line>, bool),
) -> Result<T, Broken> {
    let (mut is_second, mut is_unsure) = (false, false);
    loop {
        let mut own = match line.take().filter(|line| !line.client.is_closed()) {
            Some(own) => own,
            None if is_bound => {
                return Err(Broken::Server("the connection that held it broke".into()));
            }
            None => connect(config).await.map_err(|broken| broken.unsure_if(is_unsure))?,
        };
        match work(&mut own.client).await {
            Err(broken) if broken.is_lost() => {
                is_unsure |= doing.may_be_kept();
                if is_second || is_bound {
                    return Err(broken.unsure_if(is_unsure));
                }
                is_second = true;
            }
            done => {
                // What was left open is rolled back now, not with the next question: others wait for its locks.
                let is_there = own.client.batch_execute("").await.is_ok();
                *line = is_there.then_some(own);
                return done.map_err(|broken| broken.unsure_if(is_unsure));
            }
        }
    }
}

/// Whether a server is on this machine, by each address that the connection may go to.
fn is_near(config: &Config) -> bool {
    let by_name = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        Host::Unix(_) => true,
    });
    // Where there are addresses, names are only names.
    by_name && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

async fn connect(config: &Config) -> Result<Line, Broken> {
    let mode = config.get_ssl_mode();
    // In the clear on this machine, or where that was asked for; else to whom the system's authorities vouch for.
    let (client, driver) =
        if mode == SslMode::Disable || (is_near(config) && mode == SslMode::Prefer) {
            let (client, connection) = config.connect(NoTls).await?;
            (client, tokio::spawn(connection).abort_handle())
        } else {
            let mut config = config.clone();
            config.ssl_mode(SslMode::Require);
            let (client, connection) = config.connect(encrypted()?).await?;
            (client, tokio::spawn(connection).abort_handle())
        };
    let line = Line { client, driver };
    line.client.batch_execute(LIMITS).await?;
    Ok(line)
}

fn encrypted() -> Result<MakeRustlsConnect, Broken> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Broken::Server(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// How a server is called that cannot be told apart.
pub(super) fn name_of(url: &str) -> String {
    url.parse::<Config>()
        .map_or_else(|_no_address| "an address that is none".to_owned(), |it| name(&it))
}

fn name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or_else(|| config.get_user()).unwrap_or("postgres");
    format!("{host}:{port}/{database}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_goes_in_the_clear() {
        for (address, near) in [
            ("host=localhost dbname=x", true),
            ("host=/run/postgresql", true),
            ("postgresql://127.0.0.1/x", true),
            ("hostaddr=127.0.0.1 dbname=x user=y", true),
            ("host=localhost hostaddr=::1", true),
            ("host=db.internal", false),
            ("host=localhost,db.internal", false),
            ("host=localhost hostaddr=10.0.0.5", false),
            ("hostaddr=10.0.0.5 dbname=x user=y", false),
            ("host=db.internal hostaddr=127.0.0.1", false),
        ] {
            assert_eq!(is_near(&address.parse().unwrap()), near, "{address}");
        }
    }

    #[test]
    fn whoever_gives_up_knows_whether_it_may_be_kept() {
        let doing = Doing::default();
        assert!(doing.gives_up(), "nothing was sent");
        assert!(doing.commits().is_err(), "and nothing will be");
        assert!(doing.gives_up());
        let doing = Doing::default();
        doing.commits().unwrap();
        doing.commits().unwrap();
        assert!(!doing.gives_up(), "it is on its way");
    }
}
