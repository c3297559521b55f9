//! Connecting: an address, how long things may take, and what to do when it fails.

mod address;
mod session;
mod tls;

use std::{fmt, future::poll_fn, ops::Deref, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_postgres::{
    AsyncMessage, Client, Config, Row,
    config::{Host, SslMode},
    error::{DbError, SqlState},
    types::{ToSql, Type},
};

pub use address::Environment;

use tls::Tls;

/// What `application_name` is, so that Taut's own share can be told from the others'.
pub(crate) const APPLICATION: &str = "taut";

/// Where a database is. Its password is never shown.
#[derive(Clone)]
pub struct Target {
    config: Config,
    tls: Tls,
}

impl Target {
    /// From a URL (`postgresql://user@host/database`) or key-value string, as libpq takes them.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        Self::parse_in(text, &Environment::default())
    }

    /// The same; what the text leaves open is taken from the environment, as libpq does: host, port, user,
    /// database, password, `sslmode`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse_in(text: &str, environment: &Environment) -> Result<Self, ConnectError> {
        let (mut config, tls) =
            address::parse(text, environment).map_err(|cause| ConnectError::Address { cause })?;
        config.application_name(APPLICATION);
        config.connect_timeout(CONNECT_TIMEOUT);
        Ok(Self { config, tls })
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut config = self.config.clone();
        config.dbname(name);
        Self { config, tls: self.tls.clone() }
    }

    /// Name of the database; libpq's default is the name of the user.
    #[must_use]
    pub fn database(&self) -> &str {
        self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or("postgres")
    }

    /// Whether it is on this machine, by each address that it has: another machine means another server by it.
    #[must_use]
    pub fn is_near(&self) -> bool {
        let by_name = self.config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Host::Unix(_) => true,
        });
        by_name && self.config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
    }
}

/// How long a server may take to answer at all: a far one takes a second, a dead one never answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// `host:port/database`, without user and password.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => out.write_str(host)?,
            Some(Host::Unix(path)) => write!(out, "{}", path.display())?,
            None => out.write_str("localhost")?,
        }
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        write!(out, ":{port}/{}", self.database())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Target({self})")
    }
}

/// What a connection may do to the server at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `statement_timeout`
    pub statement: Duration,
    /// `lock_timeout`
    pub lock: Duration,
    /// `default_transaction_read_only`
    pub read_only: bool,
}

impl Default for Limits {
    /// What statistics are read with: nobody should notice.
    fn default() -> Self {
        Self {
            statement: Duration::from_secs(5),
            lock: Duration::from_millis(100),
            read_only: true,
        }
    }
}

/// An open connection; closes when dropped.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    /// Behind a pooler, what every transaction has to set for itself.
    each: Option<Limits>,
}

impl Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Connection {
    /// The client, where a transaction needs it for itself.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Whether a pooler stands between, so that no two statements need run in the same session of the server.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.each.is_some()
    }

    /// Asks one question within the limits of this connection, whatever stands between.
    pub(crate) async fn ask(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match &self.each {
            None => self.client.query_typed(sql, parameters).await,
            Some(limits) => session::ask_alone(&self.client, limits, sql, parameters).await,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Opens a connection that keeps to `limits`, and has a session of the server for itself.
///
/// # Errors
/// When the server cannot be reached or refuses, or when a pooler lends out its sessions.
pub async fn connect(target: &Target, limits: &Limits) -> Result<Connection, ConnectError> {
    own_session(target, open(target, limits, None).await?)
}

/// Opens a connection for single questions, which a pooler may pass on to any session of the server.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub async fn connect_asking(target: &Target, limits: &Limits) -> Result<Connection, ConnectError> {
    open(target, limits, None).await
}

/// What a server says beside its answers; what does not fit in while nobody listens is left out.
const NOTICES_MAX: usize = 256;

/// As [`connect`], and hands over what the server says beside its answers.
pub(crate) async fn connect_listening(
    target: &Target,
    limits: &Limits,
) -> Result<(Connection, mpsc::Receiver<DbError>), ConnectError> {
    let (sender, receiver) = mpsc::channel(NOTICES_MAX);
    let connection = own_session(target, open(target, limits, Some(sender)).await?)?;
    Ok((connection, receiver))
}

fn own_session(target: &Target, connection: Connection) -> Result<Connection, ConnectError> {
    if connection.is_pooled() {
        return Err(ConnectError::Pooled { target: target.to_string() });
    }
    Ok(connection)
}

async fn open(
    target: &Target,
    limits: &Limits,
    notices: Option<mpsc::Sender<DbError>>,
) -> Result<Connection, ConnectError> {
    let refused = |error: tokio_postgres::Error| ConnectError::of(target, error);
    let limited = session::limited(&target.config, limits);
    let (client, driver) = match open_with(target, &limited, notices.clone()).await? {
        Ok(opened) => opened,
        Err(error) if session::is_about_options(&error) => {
            open_with(target, &target.config, notices).await?.map_err(refused)?
        }
        Err(error) => return Err(refused(error)),
    };
    let mut connection = Connection { client, driver, each: None };
    if !session::has_limits(&connection.client).await.map_err(refused)? {
        connection.each = Some(*limits);
    }
    Ok(connection)
}

/// Opens a connection as `config` says, encrypted as `target` says.
async fn open_with(
    target: &Target,
    config: &Config,
    notices: Option<mpsc::Sender<DbError>>,
) -> Result<Result<(Client, JoinHandle<()>), tokio_postgres::Error>, ConnectError> {
    let connector = tls::connector(&target.tls)
        .map_err(|cause| ConnectError::Certificate { target: target.to_string(), cause })?;
    let connected = match config.connect(connector.clone()).await {
        // The server lets nobody in without encryption: `allow` means that this is fine, too.
        Err(error) if target.tls.allows && is_unauthorised(&error) => {
            let mut config = config.clone();
            config.ssl_mode(SslMode::Require);
            config.connect(connector).await
        }
        connected => connected,
    };
    let (client, mut connection) = match connected {
        Ok(connected) => connected,
        Err(error) => return Ok(Err(error)),
    };
    let driver = tokio::spawn(async move {
        // Whoever waits for an answer is told of an error; here is nobody to tell.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let (AsyncMessage::Notice(notice), Some(sender)) = (message, &notices) {
                sender.try_send(notice).ok();
            }
        }
    });
    Ok(Ok((client, driver)))
}

/// Whether the server's certificate was not believed.
fn is_about_certificates(error: &tokio_postgres::Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.into_iter().any(|cause| cause.to_string().contains("certificate"))
}

fn is_unauthorised(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address makes no sense.
    #[error("failed to read the address of the database: {cause}")]
    Address {
        /// What is wrong with it.
        cause: String,
    },
    /// A certificate of ours cannot be used.
    #[error("failed to prepare encryption for `{target}`: {cause}")]
    Certificate {
        /// Where to.
        target: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A pooler stands between, and what is to be done needs a session of its own.
    #[error(
        "failed to open a session at `{target}`: a pooler that lends out sessions is in between"
    )]
    Pooled {
        /// Where to.
        target: String,
    },
    /// The server cannot be reached or refuses.
    #[error("failed to connect to `{target}`")]
    Refused {
        /// Where.
        target: String,
        /// What the server or the network said.
        #[source]
        source: tokio_postgres::Error,
    },
}

impl ConnectError {
    fn of(target: &Target, source: tokio_postgres::Error) -> Self {
        Self::Refused { target: target.to_string(), source }
    }

    /// What may help.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        let source = match self {
            Self::Refused { source, .. } => source,
            Self::Certificate { .. } => return "check `sslrootcert`, `sslcert` and `sslkey`",
            Self::Pooled { .. } => {
                return "name the server itself: behind PgBouncer or RDS Proxy statistics can be read, no more";
            }
            Self::Address { .. } => {
                return "an address looks like `postgresql://user:password@host:5432/database`";
            }
        };
        if is_about_certificates(source) {
            return "the server is not who it says, as far as can be told: check `sslrootcert`, or take \
                    `sslmode=require` to encrypt without asking";
        }
        match source.code() {
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                "check user and password, and that `pg_hba.conf` lets this host in"
            }
            Some(&SqlState::INVALID_CATALOG_NAME) => "`psql -l` lists the databases of the server",
            Some(&SqlState::TOO_MANY_CONNECTIONS) => {
                "all connections are taken: a role with `pg_use_reserved_connections` (16+) still gets in"
            }
            Some(&SqlState::CANNOT_CONNECT_NOW) => {
                "the server starts or stops: try again in a moment"
            }
            _ => "check that the server runs and that host and port are right",
        }
    }
}
