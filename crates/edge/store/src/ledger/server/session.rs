//! The connection to the server of a ledger: made when it is needed, made anew once where it broke.

use std::{error::Error, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::runtime::{Builder, Runtime};
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

/// A connection, or what is needed to make one.
pub(super) struct Session {
    runtime: Runtime,
    config: Config,
    name: String,
    client: Option<Client>,
}

/// Why something could not be done.
#[derive(Debug)]
pub(super) enum Broken {
    /// The ledger does not allow it.
    Ledger(LedgerError),
    /// The server failed, or is away.
    Server(Box<dyn Error + Send + Sync>),
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
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, name: name(&config), config, client: None })
    }

    /// The server, without user and password.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Does something; once more, on a new connection, where the connection broke.
    pub(super) fn run<T>(
        &mut self,
        work: &impl AsyncFn(&mut Client) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let Self { runtime, config, client, .. } = self;
        runtime.block_on(async {
            let mut is_second = false;
            loop {
                let mut own = match client.take().filter(|client| !client.is_closed()) {
                    Some(own) => own,
                    None => connect(config).await?,
                };
                match work(&mut own).await {
                    Err(broken) if broken.is_lost() && !is_second => is_second = true,
                    done => {
                        // What was left open is rolled back now, not with the next question: others wait for its locks.
                        let is_there = own.batch_execute("").await.is_ok();
                        *client = is_there.then_some(own);
                        return done;
                    }
                }
            }
        })
    }
}

async fn connect(config: &Config) -> Result<Client, Broken> {
    let is_near = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        Host::Unix(_) => true,
    });
    let mode = config.get_ssl_mode();
    // In the clear on this machine, or where that was asked for; else to whom the system's authorities vouch for.
    let client = if mode == SslMode::Disable || (is_near && mode == SslMode::Prefer) {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        client
    } else {
        let mut config = config.clone();
        config.ssl_mode(SslMode::Require);
        let (client, connection) = config.connect(encrypted()?).await?;
        tokio::spawn(connection);
        client
    };
    client.batch_execute(LIMITS).await?;
    Ok(client)
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
