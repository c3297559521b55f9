//! Calls: spans read through the semantic conventions, old names and new ones alike.

use std::{sync::Arc, time::Duration};

use crate::{Moment, SpanId, SpanKind, StatementText, Text};

/// What one span did, in the words that detectors speak.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Identity of its span.
    pub span_id: SpanId,
    /// The span that caused it.
    pub parent_id: Option<SpanId>,
    /// When it began; corrected for clock skew once it is part of a trace.
    pub start: Moment,
    /// When it ended; never before `start` once it is part of a trace.
    pub end: Moment,
    /// Role of the span.
    pub kind: SpanKind,
    /// Whether the span says that it failed (for HTTP servers: 5xx).
    pub failed: bool,
    /// `service.name` of the process.
    pub service: Arc<str>,
    /// Name of the instrumentation scope.
    pub scope: Arc<str>,
    /// Name of the span.
    pub name: Text,
    /// Spans that this one stands for: `aggregation.span_count` of a span-pruning summary, else 1.
    pub count: u32,
    /// Where in the code, if the span says so.
    pub code: Option<Box<CodeLocation>>,
    /// What it did.
    pub work: Work,
}

impl Call {
    /// Time from start to end.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }

    /// The database statement that it ran.
    #[must_use]
    pub fn statement(&self) -> Option<&Statement> {
        match &self.work {
            Work::Statement(statement) => Some(statement),
            _ => None,
        }
    }

    /// The request that it answers.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match &self.work {
            Work::Request(request) => Some(request),
            _ => None,
        }
    }

    /// The remote endpoint that it called.
    #[must_use]
    pub fn http(&self) -> Option<&HttpCall> {
        match &self.work {
            Work::Http(http) => Some(http),
            _ => None,
        }
    }
}

/// Kinds of work.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Answers a request: an HTTP or RPC server span, or the handling of a message.
    Request(Box<Request>),
    /// Runs a statement in a database.
    Statement(Box<Statement>),
    /// Opens a connection to a database, or takes one from a pool.
    Connect {
        /// Such as `postgresql`.
        system: Text,
        /// Taken from a pool (`pg-pool.connect`), not opened.
        pooled: bool,
    },
    /// Begins, commits or rolls back a transaction, or sets a session up.
    Transaction {
        /// Such as `postgresql`.
        system: Text,
    },
    /// Asks or tells a cache (Redis, Memcached) or another key-value store.
    Cache {
        /// Such as `redis`.
        system: Text,
        /// Such as `GET`.
        operation: Text,
        /// The key with its variable parts replaced, where it can be seen.
        key: Text,
    },
    /// Calls a remote endpoint over HTTP or RPC.
    Http(Box<HttpCall>),
    /// Sends mail.
    Mail {
        /// The server, where known.
        peer: Text,
    },
    /// Hands a message to a queue.
    Send {
        /// Such as `kafka` or `celery`.
        system: Text,
        /// The queue or topic.
        destination: Text,
    },
    /// Turns a template into text.
    Render {
        /// Name of the template.
        template: Text,
    },
    /// Anything else within the process.
    Own,
    /// A span that others name as their parent, but that never came.
    Missing,
}

/// A request that a service answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// The route as the framework names it: `GET /api/orders/{id}`; without one, the path with its
    /// variable segments replaced.
    pub operation: Text,
    /// HTTP method, upper case; empty for other protocols.
    pub method: Text,
    /// `http.route`; empty if unknown.
    pub route: Text,
    /// Path as requested, without its query.
    pub path: Text,
    /// Query string as requested, without `?`.
    pub query: Text,
    /// HTTP status; 0 if unknown.
    pub status: u16,
    /// Bytes of the answer's body, where the span says so.
    pub response_bytes: Option<u64>,
    /// Answered with `Content-Encoding`, where the span says so.
    pub compressed: Option<bool>,
    /// Handles a message or a job instead of somebody who waits.
    pub background: bool,
    /// Hashes of what varies in the URL, as in [`HttpCall::variables`].
    pub variables: Vec<u64>,
    /// Everything else that may tell fast requests from slow ones: key and value, sorted by key.
    pub attributes: Vec<(Text, Text)>,
}

/// One run of a database statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Which database, as its span names it: `postgresql`, `mysql`, `mssql`, `mongodb`; empty if unknown.
    pub system: Text,
    /// The text without its literals, shared by all runs of equal shape.
    pub text: Arc<StatementText>,
    /// With which parameters.
    pub parameters: Parameters,
    /// Value of `OFFSET`, where it is spelt out.
    pub offset: Option<u64>,
    /// Keys of its longest `IN` lists or rows of its `VALUES`, as far as they are spelt out; 1 if it
    /// works on one.
    pub members: u32,
    /// Rows that came back, where the span says so.
    pub returned_rows: Option<u64>,
    /// Statements in one batch, where the span says so; else 1.
    pub batch_size: u32,
}

/// Parameters of a statement, as far as they can be seen. Values are hashed and never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parameters {
    /// The statement has none.
    None,
    /// Hash of all of them, in order.
    Known(u64),
    /// Only placeholders are to be seen.
    Hidden,
}

/// A call to a remote endpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HttpCall {
    /// HTTP method, upper case; for RPC the method's name.
    pub method: Text,
    /// Host, with its port unless that is the scheme's.
    pub host: Text,
    /// Path with its variable segments replaced: `/customers/{id}`; for RPC the service's name.
    pub template: Text,
    /// Hash of the full URL.
    pub url_hash: u64,
    /// Hashes of what varies in the URL: segments that the template leaves out, and values of the
    /// query that look like keys. Equal values have equal hashes here and in [`Request::variables`].
    pub variables: Vec<u64>,
    /// HTTP status; 0 if unknown.
    pub status: u16,
    /// `http.request.resend_count`.
    pub resend_count: u32,
    /// Asks for a page of a list or a part of a file, as its query says (`page=`, `cursor=`,
    /// `partNumber=`): what comes next can only be asked next.
    pub walks: bool,
    /// Bytes of the answer's body, where the span says so.
    pub response_bytes: Option<u64>,
    /// Another service of the same trace answers it.
    pub answered: bool,
}

/// A place in the application's code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CodeLocation {
    /// Qualified name of the function; empty if unknown.
    pub function: Text,
    /// Path of the file; empty if unknown.
    pub file: Text,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
}
