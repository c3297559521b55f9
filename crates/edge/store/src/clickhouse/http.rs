//! Statements to ClickHouse over HTTP, one connection each that is at work; blocking.

use std::{io::Read as _, sync::Arc, time::Duration};

use ureq::{
    Agent, Error,
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::trouble::{Trouble, Why};

/// A server that is there says so within this time.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Beyond the time that a question may take: for the way there and back.
const GRACE: Duration = Duration::from_secs(5);

/// Most bytes of an answer: some million groups, or the longest list of whole spans.
const ANSWER_BYTES_MAX: u64 = 512 << 20;

/// Most bytes of an error message that are looked at.
const ERROR_BYTES_MAX: u64 = 64 << 10;

/// A password or the like: nobody prints it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(…)" })
    }
}

/// A server, and who asks it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: Agent,
    url: String,
    user: String,
    password: Secret,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    /// Rows that were looked at, as far as the server says.
    pub(crate) rows_read: u64,
}

/// A statement, and what goes with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement<'a> {
    /// What is being done, for messages.
    pub(crate) action: &'static str,
    pub(crate) sql: &'a str,
    /// Settings of ClickHouse for this statement.
    pub(crate) settings: &'a [(&'a str, &'a str)],
    /// Rows to insert.
    pub(crate) rows: Option<&'a [u8]>,
    pub(crate) time: Duration,
}

impl Client {
    /// A client for an address such as `https://clickhouse:8443`. Nothing is sent yet.
    pub(crate) fn new(url: &str, user: &str, password: Secret) -> Self {
        let roots = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<Certificate<'static>> =
            roots.iter().map(|it| Certificate::from_der(it).to_owned()).collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // A proxy of the environment is for the web; it would see all that is kept.
            .proxy(None)
            .timeout_connect(Some(CONNECT_MAX))
            .user_agent(concat!("taut/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent();
        let url = url.trim_end_matches('/').to_owned();
        Self { agent, url, user: user.to_owned(), password }
    }

    /// The address without user and password, for messages.
    pub(crate) fn at(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        format!("{scheme}://{rest}")
    }

    pub(crate) fn trouble(&self, action: &'static str, why: Why) -> Trouble {
        Trouble { action, at: self.at(), why }
    }

    /// Runs a statement and gives its answer.
    pub(crate) fn run(&self, statement: Statement<'_>) -> Result<Reply, Trouble> {
        self.try_run(statement).map_err(|why| self.trouble(statement.action, why))
    }

    fn try_run(&self, statement: Statement<'_>) -> Result<Reply, Why> {
        let mut request = self
            .agent
            .post(format!("{}/", self.url))
            .config()
            .timeout_global(Some(statement.time + GRACE))
            .build()
            .header("X-ClickHouse-User", &self.user);
        if !self.password.0.is_empty() {
            request = request.header("X-ClickHouse-Key", &self.password.0);
        }
        // Answers as a whole or not at all: no error hides behind the first half of one.
        request = request.query("wait_end_of_query", "1");
        for (name, value) in statement.settings {
            request = request.query(name, value);
        }
        let sent = match statement.rows {
            Some(rows) => request.query("query", statement.sql).send(rows),
            None => request.send(statement.sql.as_bytes()),
        };
        let mut response = sent.map_err(why)?;
        let header = |name: &str| response.headers().get(name).and_then(|it| it.to_str().ok());
        let code = header("X-ClickHouse-Exception-Code").and_then(|code| code.parse().ok());
        let rows_read = header("X-ClickHouse-Summary").map_or(0, rows_read);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        if status != 200 || code.is_some() {
            let mut reader = response.body_mut().as_reader().take(ERROR_BYTES_MAX);
            // What can be read of a message is better than none.
            drop(reader.read_to_end(&mut body));
            return Err(Why::of(status, code, &String::from_utf8_lossy(&body)));
        }
        let mut reader = response.body_mut().as_reader().take(ANSWER_BYTES_MAX + 1);
        reader.read_to_end(&mut body).map_err(|error| Why::Away(error.to_string()))?;
        if ANSWER_BYTES_MAX < body.len() as u64 {
            return Err(Why::Answer("is larger than 512 MiB"));
        }
        Ok(Reply { body, rows_read })
    }
}

fn why(error: Error) -> Why {
    match error {
        Error::Io(error) => Why::Away(error.to_string()),
        Error::Timeout(what) => Why::Away(format!("no answer in time: {what}")),
        Error::HostNotFound => Why::Away("its name is not known".to_owned()),
        Error::ConnectionFailed => Why::Away("no connection".to_owned()),
        other => Why::Refused(other.to_string()),
    }
}

/// `{"read_rows":"5",…}`
fn rows_read(summary: &str) -> u64 {
    let json: serde_json::Value = serde_json::from_str(summary).unwrap_or_default();
    json["read_rows"].as_str().and_then(|rows| rows.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_user_nor_password_are_ever_shown() {
        let client = Client::new("http://me:sesame@host:8123/", "me", Secret("sesame".to_owned()));
        assert_eq!(client.at(), "http://host:8123");
        assert!(!format!("{:?}", client.password).contains("sesame"));
        let trouble = client.trouble("ask", Why::Credentials);
        assert!(!trouble.to_string().contains("sesame"), "{trouble}");
    }

    #[test]
    fn the_rows_that_were_read_are_in_the_summary() {
        assert_eq!(rows_read("{\"read_rows\":\"5\",\"read_bytes\":\"7\"}"), 5);
        assert_eq!(rows_read("nonsense"), 0);
    }
}
