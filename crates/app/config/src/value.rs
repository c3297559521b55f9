//! Values: what a text or a TOML value means for a setting of some kind.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use objects::Address;
use toml::de::DeValue;

use crate::{
    Collector, DatabaseUrl,
    problem::did_you_mean,
    table::{Among, Kind},
    units::{bytes_text, duration_text, parse_bytes, parse_duration},
};

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `None` is `off`.
    Address(Option<SocketAddr>),
    Bytes(u64),
    Count(u64),
    Duration(Duration),
    Number(f64),
    Choice(&'static str),
    Folder(PathBuf),
    /// `None` is `off`.
    File(Option<PathBuf>),
    Collector(Collector),
    Databases(Vec<DatabaseUrl>),
    /// `None` is `off`.
    Server(Option<String>),
    /// `None` is `off`.
    Objects(Option<Address>),
    Name(String),
    Detectors(Vec<&'static str>),
    Currency(String),
}

/// Why a value cannot be taken: what is said at it, and perhaps how to do better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    /// Which element of a list it is about.
    pub(crate) element: Option<usize>,
}

impl Wrong {
    fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), hint: None, element: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Reads a value from the settings file.
pub(crate) fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Value, Wrong> {
    match (kind, value) {
        (
            Kind::Count { .. } | Kind::Number { .. } | Kind::Bytes { .. },
            DeValue::Integer(number),
        ) => {
            let digits = number.as_str().replace('_', "");
            // A tidy reading of 0x and the like.
            let number = i128::from_str_radix(&digits, number.radix());
            from_text(kind, &number.map_or(digits, |number| number.to_string()))
        }
        (Kind::Number { .. }, DeValue::Float(number)) => {
            from_text(kind, &number.as_str().replace('_', ""))
        }
        (Kind::Count { .. } | Kind::Number { .. }, DeValue::String(_)) => {
            Err(Wrong::new(format!("expected {}, without quotes", expected(kind))))
        }
        (Kind::Detectors(among), DeValue::Array(list)) => {
            let names = list.iter().enumerate().map(|(place, name)| {
                let name = name.get_ref().as_str().ok_or_else(|| Wrong::new("expected a name"));
                name.and_then(|name| detector(name, among))
                    .map_err(|wrong| Wrong { element: Some(place), ..wrong })
            });
            Ok(Value::Detectors(names.collect::<Result<_, _>>()?))
        }
        (Kind::Databases, DeValue::Array(list)) => {
            let urls = list.iter().enumerate().map(|(place, url)| {
                let url = url.get_ref().as_str().ok_or_else(|| Wrong::new("expected an address"));
                url.and_then(database).map_err(|wrong| Wrong { element: Some(place), ..wrong })
            });
            Ok(Value::Databases(urls.collect::<Result<_, _>>()?))
        }
        (Kind::Detectors(_), _) => Err(Wrong::new(format!("expected {}", expected(kind)))),
        (_, DeValue::String(text)) => from_text(kind, text),
        (Kind::Duration { .. }, DeValue::Integer(number)) => {
            Err(Wrong::new("the unit is missing")
                .hint(format!("write `\"{number}s\"` for seconds")))
        }
        (_, other) => {
            Err(Wrong::new(format!("expected {}, found {}", expected(kind), named(other))))
        }
    }
}

/// Reads a value from the environment or a flag.
pub(crate) fn from_text(kind: Kind, text: &str) -> Result<Value, Wrong> {
    let text = text.trim();
    let wrong = || Wrong::new(format!("expected {}", expected(kind)));
    match kind {
        Kind::AddressOrOff if text == "off" => Ok(Value::Address(None)),
        Kind::Address | Kind::AddressOrOff => address(text, kind),
        Kind::Bytes { min, max } => {
            let bytes = parse_bytes(text).or_else(|| text.parse().ok()).ok_or_else(wrong)?;
            within(bytes, min, max, bytes_text).map(Value::Bytes)
        }
        Kind::Count { min, max } => {
            let count: u64 = text.replace('_', "").parse().ok().ok_or_else(wrong)?;
            within(count, min, max, |count| count.to_string()).map(Value::Count)
        }
        Kind::Duration { min, max } => {
            let duration = parse_duration(text).ok_or_else(|| match text.parse::<f64>() {
                Ok(_) => Wrong::new("the unit is missing")
                    .hint(format!("write `{text}s` for seconds; also ms, m, h, d, w")),
                Err(_) => wrong(),
            })?;
            within(duration, min, max, duration_text).map(Value::Duration)
        }
        Kind::Number { min, max, .. } => {
            let number: f64 = text.parse().ok().ok_or_else(wrong)?;
            if number.is_nan() {
                return Err(wrong());
            }
            within(number, min, max, |number| number.to_string()).map(Value::Number)
        }
        Kind::Choice(words) => match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Value::Choice(word)),
            None => Err(meant(wrong(), text, words.iter().copied())),
        },
        Kind::Folder if text.is_empty() || text.contains('\0') => Err(wrong()),
        Kind::Folder => Ok(Value::Folder(PathBuf::from(text))),
        Kind::FileOrOff if text == "off" => Ok(Value::File(None)),
        Kind::FileOrOff if text.is_empty() || text.contains('\0') => Err(wrong()),
        Kind::FileOrOff => Ok(Value::File(Some(PathBuf::from(text)))),
        Kind::CollectorOrOff => match Collector::parse(text) {
            Some(collector) => Ok(Value::Collector(collector)),
            None if text.starts_with("https:") => Err(wrong().hint(
                "own spans go out unencrypted: name a collector on this machine, which passes them on",
            )),
            None => Err(wrong()),
        },
        Kind::Databases if text.contains("://") => {
            let urls = text.split_whitespace().map(database);
            Ok(Value::Databases(urls.collect::<Result<_, _>>()?))
        }
        Kind::Databases if text.is_empty() => Ok(Value::Databases(Vec::new())),
        Kind::Databases => Ok(Value::Databases(vec![database(text)?])),
        Kind::ServerOrOff | Kind::ObjectsOrOff | Kind::Name => place(text, kind),
        Kind::Detectors(among) => {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            let known = names.map(|name| detector(name, among));
            Ok(Value::Detectors(known.collect::<Result<_, _>>()?))
        }
        Kind::Currency if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            Ok(Value::Currency(text.to_owned()))
        }
        Kind::Currency => Err(wrong()),
    }
}

fn within<T: PartialOrd + Copy>(
    value: T,
    min: T,
    max: T,
    show: impl Fn(T) -> String,
) -> Result<T, Wrong> {
    if value < min {
        Err(Wrong::new(format!("must be at least {}", show(min))))
    } else if max < value {
        Err(Wrong::new(format!("must be at most {}", show(max))))
    } else {
        Ok(value)
    }
}

fn address(text: &str, kind: Kind) -> Result<Value, Wrong> {
    if let Ok(address) = text.parse() {
        return Ok(Value::Address(Some(address)));
    }
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok(Value::Address(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))));
    }
    let wrong = Wrong::new(format!("expected {}", expected(kind)));
    Err(match text.trim_start_matches(':').parse::<u16>() {
        Ok(port) => wrong.hint(format!(
            "write `127.0.0.1:{port}` for this machine alone, or `0.0.0.0:{port}` to let others in"
        )),
        Err(_) => wrong,
    })
}

/// Where something is that is reached over the network.
fn place(text: &str, kind: Kind) -> Result<Value, Wrong> {
    let wrong = || Wrong::new(format!("expected {}", expected(kind)));
    match kind {
        Kind::ServerOrOff if text == "off" => Ok(Value::Server(None)),
        Kind::ServerOrOff if is_server(text) => {
            Ok(Value::Server(Some(text.trim_end_matches('/').to_owned())))
        }
        Kind::ObjectsOrOff if text == "off" => Ok(Value::Objects(None)),
        Kind::ObjectsOrOff => match text.parse() {
            Ok(address) => Ok(Value::Objects(Some(address))),
            Err(error) => Err(wrong().hint(error.to_string())),
        },
        Kind::Name if is_name(text) => Ok(Value::Name(text.to_owned())),
        _ => Err(wrong()),
    }
}

/// `http://host:port`, without a user or a password: those come from the environment.
fn is_server(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]/".contains(&byte);
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
            && rest.len() <= 255
            && rest.bytes().all(is_plain)
    })
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=63).contains(&text.len()) && text.bytes().all(is_letter)
}

fn database(text: &str) -> Result<DatabaseUrl, Wrong> {
    DatabaseUrl::parse(text.trim()).ok_or_else(|| {
        Wrong::new(format!("expected {}", expected(Kind::Databases)))
            .hint("write `postgresql://user:password@host:5432/database`")
    })
}

fn detector(name: &str, among: Among) -> Result<&'static str, Wrong> {
    let found = find::detector(name).ok_or_else(|| {
        let names = find::DETECTORS.iter().map(|detector| detector.name);
        meant(Wrong::new(format!("no detector is called `{name}`")), name, names)
    })?;
    let is_of_spans = found.looks.iter().any(|looks| !matches!(looks, find::Looks::Database(_)));
    if among == Among::OfSpans && !is_of_spans {
        let wrong =
            Wrong::new(format!("`{}` looks at databases, and spans never show it", found.name));
        return Err(
            wrong.hint("a test run has spans alone: `taut find --postgres URL` looks at databases")
        );
    }
    Ok(found.name)
}

fn meant<'a>(wrong: Wrong, word: &str, known: impl Iterator<Item = &'a str>) -> Wrong {
    match did_you_mean(word, known) {
        Some(known) => wrong.hint(format!("did you mean `{known}`?")),
        None => wrong,
    }
}

/// What a setting of this kind may be, for people.
pub(crate) fn expected(kind: Kind) -> String {
    match kind {
        Kind::Address => "an address and port such as `127.0.0.1:7070`".to_owned(),
        Kind::AddressOrOff => "an address and port such as `127.0.0.1:4317`, or `off`".to_owned(),
        Kind::Bytes { .. } => {
            "a size such as `64 MiB` (B, kB, KiB, MB, MiB, GB, GiB, TB, TiB)".to_owned()
        }
        Kind::Count { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Duration { .. } => {
            "a duration such as `5s` or `1h30m` (ms, s, m, h, d, w)".to_owned()
        }
        Kind::Number { min, .. } => format!("a number from {min}"),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(" or ")
        }
        Kind::Folder => "a folder".to_owned(),
        Kind::FileOrOff => "a file, or `off`".to_owned(),
        Kind::CollectorOrOff => {
            "an address such as `http://127.0.0.1:4318`, `self`, or `off`".to_owned()
        }
        Kind::Databases => {
            "an address such as `postgresql://user@host/database`, or a list of them".to_owned()
        }
        Kind::ServerOrOff => {
            "a server's address such as `https://host:8443`, without user and password, or `off`"
                .to_owned()
        }
        Kind::ObjectsOrOff => {
            "a bucket, and perhaps a folder of it, such as `s3://bucket/folder`, or `off`"
                .to_owned()
        }
        Kind::Name => "a name of up to 63 letters, digits, `.`, `_` and `-`".to_owned(),
        Kind::Detectors(_) => "a list of detectors' names such as `[\"n-plus-one\"]`".to_owned(),
        Kind::Currency => "a currency's three letters such as `GBP`".to_owned(),
    }
}

fn named(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

impl Value {
    /// As `taut.toml` would have it.
    pub(crate) fn to_toml(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        match self {
            Self::Address(None) | Self::File(None) | Self::Server(None) | Self::Objects(None) => {
                quoted("off")
            }
            Self::Server(Some(text)) | Self::Name(text) => quoted(text),
            Self::Objects(Some(address)) => quoted(address.to_string().trim_end_matches('/')),
            Self::Address(Some(address)) => quoted(&address.to_string()),
            Self::Bytes(bytes) => quoted(&bytes_text(*bytes)),
            Self::Count(count) => count.to_string(),
            Self::Duration(duration) => quoted(&duration_text(*duration)),
            Self::Number(number) => number.to_string(),
            Self::Choice(word) => quoted(word),
            Self::Folder(folder) | Self::File(Some(folder)) => quoted(&folder.to_string_lossy()),
            Self::Collector(collector) => quoted(&collector.to_string()),
            Self::Databases(urls) => {
                let urls: Vec<String> = urls.iter().map(|url| quoted(&url.to_string())).collect();
                format!("[{}]", urls.join(", "))
            }
            Self::Detectors(names) => {
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                format!("[{}]", names.join(", "))
            }
            Self::Currency(letters) => quoted(letters),
        }
    }
}
