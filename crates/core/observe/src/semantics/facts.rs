//! One pass over a span's attributes: old names and new names of the semantic conventions end in the
//! same slot, so that whoever reads a span asks for meanings, not for spellings.
//!
//! A key is looked up by its first segment and then by its rest; a chain of `get`s over the list would
//! cost several times as much as all the rest of reading a span.

use model::{Attributes, Value};

/// What an attribute means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    AggregationCount,
    AggregationTotal,
    BatchSize,
    EntryInCache,
    CodeFile,
    CodeFunction,
    CodeLine,
    CodeNamespace,
    CodeStack,
    DbOperation,
    DbParameters,
    DbRows,
    DbSummary,
    DbSystem,
    DbTable,
    DbText,
    Destination,
    GraphqlOperation,
    HttpMethod,
    HttpTarget,
    HttpRoute,
    HttpStatus,
    HttpUrl,
    HttpUrlTemplate,
    JobClass,
    MessagingOperation,
    MessagingSystem,
    PeerHost,
    PeerName,
    PeerPort,
    ResendCount,
    ResponseBytes,
    ResponseEncoding,
    RpcMethod,
    RpcService,
    RpcSystem,
    TemplateName,
    UrlPath,
    UrlQuery,
}

const KEYS: usize = Key::UrlQuery as usize + 1;

/// The attributes of a span by meaning.
pub(super) struct Facts<'a> {
    slots: [Option<&'a Value>; KEYS],
    /// Some `db.query.parameter.*` is there: the places where to look for them.
    pub(super) has_named_parameters: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(attributes: &'a Attributes) -> Self {
        let mut facts = Self { slots: [None; KEYS], has_named_parameters: false };
        for (name, value) in &attributes.0 {
            if let Some(key) = key(name) {
                let slot = &mut facts.slots[key as usize];
                if slot.is_none() && !is_empty(value) {
                    *slot = Some(value);
                }
            } else if name.starts_with(NAMED_PARAMETER) {
                facts.has_named_parameters = true;
            }
        }
        facts
    }

    pub(super) fn get(&self, key: Key) -> Option<&'a Value> {
        self.slots[key as usize]
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn text(&self, key: Key) -> Option<&'a str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            Value::List(list) => list.first().and_then(Value::as_text),
            _ => None,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "casts from floating point saturate")]
    pub(super) fn count(&self, key: Key) -> Option<u64> {
        let count = match self.get(key)? {
            Value::List(list) => list.first()?.as_int()?,
            // JSON knows no whole numbers; `as` stops at the ends of the range.
            Value::Double(double) => double.round() as i64,
            value => value.as_int()?,
        };
        u64::try_from(count).ok()
    }
}

/// Start of the keys that carry one parameter of a statement each.
pub(super) const NAMED_PARAMETER: &str = "db.query.parameter.";

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Empty => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        _ => false,
    }
}

/// What the attribute called `name` means, if it means anything here.
pub(super) fn key(name: &str) -> Option<Key> {
    let (head, rest) = name.split_once('.')?;
    match head {
        "db" => database(rest),
        "http" => http(rest),
        "url" => url(rest),
        "net" => peer_old(rest),
        "server" | "network" | "peer" | "out" => peer(head, rest),
        "code" => code(rest),
        "messaging" | "celery" | "faas" | "job" => messaging(head, rest),
        "rpc" => rpc(rest),
        "aggregation" => match rest {
            "span_count" => Some(Key::AggregationCount),
            "duration_total_ns" => Some(Key::AggregationTotal),
            _ => None,
        },
        "graphql" => (rest == "operation.name").then_some(Key::GraphqlOperation),
        "pgx" => match rest {
            "query.parameters" => Some(Key::DbParameters),
            "batch.size" => Some(Key::BatchSize),
            _ => None,
        },
        "sql" => matches!(rest, "query" | "text").then_some(Key::DbText),
        "cache" => (rest == "key").then_some(Key::EntryInCache),
        "jinja2" => (rest == "template_name").then_some(Key::TemplateName),
        "template" | "view" => (rest == "name").then_some(Key::TemplateName),
        _ => None,
    }
}

fn database(rest: &str) -> Option<Key> {
    Some(match rest {
        "system" | "system.name" | "type" => Key::DbSystem,
        "statement" | "query.text" | "query" => Key::DbText,
        "query.summary" => Key::DbSummary,
        "operation" | "operation.name" => Key::DbOperation,
        "collection.name" | "sql.table" | "table" | "mongodb.collection" | "cassandra.table" => {
            Key::DbTable
        }
        "operation.batch.size" => Key::BatchSize,
        "statement.parameters" | "sql.bindings" | "postgresql.values" | "query.parameters" => {
            Key::DbParameters
        }
        "response.returned_rows"
        | "returned_rows"
        | "row_count"
        | "rows_returned"
        | "response.row_count"
        | "rows.returned"
        | "result.rows"
        | "result.count" => Key::DbRows,
        _ => return None,
    })
}

fn http(rest: &str) -> Option<Key> {
    Some(match rest {
        "method" | "request.method" => Key::HttpMethod,
        "target" | "path" => Key::HttpTarget,
        "route" => Key::HttpRoute,
        "status_code" | "response.status_code" => Key::HttpStatus,
        "url" => Key::HttpUrl,
        "request.resend_count" | "resend_count" | "request_resend_count" => Key::ResendCount,
        "response.body.size"
        | "response_content_length"
        | "response_content_length_uncompressed"
        | "response.header.content-length"
        | "response.header.content_length" => Key::ResponseBytes,
        "response.header.content-encoding" | "response.header.content_encoding" => {
            Key::ResponseEncoding
        }
        "host" => Key::PeerHost,
        _ => return None,
    })
}

fn url(rest: &str) -> Option<Key> {
    Some(match rest {
        "full" => Key::HttpUrl,
        "path" => Key::UrlPath,
        "query" => Key::UrlQuery,
        "template" => Key::HttpUrlTemplate,
        _ => return None,
    })
}

fn peer_old(rest: &str) -> Option<Key> {
    Some(match rest {
        "peer.name" => Key::PeerHost,
        "peer.port" => Key::PeerPort,
        _ => return None,
    })
}

fn peer(head: &str, rest: &str) -> Option<Key> {
    Some(match (head, rest) {
        ("server", "address") | ("peer", "hostname") | ("out", "host") => Key::PeerHost,
        ("server" | "out" | "peer", "port") => Key::PeerPort,
        ("peer", "service") => Key::PeerName,
        _ => return None,
    })
}

fn code(rest: &str) -> Option<Key> {
    Some(match rest {
        "function" | "function.name" => Key::CodeFunction,
        "namespace" => Key::CodeNamespace,
        "filepath" | "file.path" => Key::CodeFile,
        "lineno" | "line.number" => Key::CodeLine,
        "stacktrace" => Key::CodeStack,
        _ => return None,
    })
}

fn messaging(head: &str, rest: &str) -> Option<Key> {
    Some(match (head, rest) {
        ("messaging", "system") => Key::MessagingSystem,
        ("messaging", "destination" | "destination.name") => Key::Destination,
        ("messaging", "operation" | "operation.name" | "operation.type") | ("celery", "action") => {
            Key::MessagingOperation
        }
        ("messaging", "sidekiq.job_class" | "active_job.job_class" | "resque.job_class") => {
            Key::JobClass
        }
        ("celery", "task_name") | ("faas" | "job", "name") => Key::JobClass,
        _ => return None,
    })
}

fn rpc(rest: &str) -> Option<Key> {
    Some(match rest {
        "system" | "system.name" => Key::RpcSystem,
        "service" => Key::RpcService,
        "method" => Key::RpcMethod,
        _ => return None,
    })
}
