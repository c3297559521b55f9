//! Directives: `Cache-Control` of requests and answers, and the fields that speak to a gateway instead.
//!
//! What cannot be understood is read in the way that is safe: a lifetime that is no number is none (RFC 9111, section
//! 4.2.1), of two the first counts, and `no-store` counts however it is written.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::dictionary;
use crate::fields::Fields;

/// `CDN-Cache-Control` (RFC 9213).
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// `Surrogate-Control`, of the Edge Architecture specification, which came before it.
pub(super) const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// The longest lifetime: 2^31 seconds, as RFC 9111, section 1.2.2, has it for what is larger than can be counted.
const SECONDS_MAX: u64 = 1 << 31;

/// Which fields of an answer a directive is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// It is not there.
    #[default]
    None,
    /// These alone.
    Named(Vec<HeaderName>),
    /// All: the answer itself.
    All,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a directive, there or not")]
pub struct Control {
    /// Not to be stored.
    pub no_store: bool,
    /// Not to be used without asking.
    pub no_cache: Scope,
    /// For one user alone.
    pub private: Scope,
    /// For everybody.
    pub public: bool,
    /// Once stale never without asking.
    pub must_revalidate: bool,
    /// The same, for shared caches.
    pub proxy_revalidate: bool,
    /// Only to be stored by who knows the status.
    pub must_understand: bool,
    /// The same for as long as it is fresh (RFC 8246).
    pub immutable: bool,
    /// Not to be asked for elsewhere (of requests).
    pub only_if_cached: bool,
    /// Not to be changed on the way.
    pub no_transform: bool,
    /// How long it is fresh; of requests, how old it may be.
    pub max_age: Option<Duration>,
    /// How long it is fresh in shared caches.
    pub s_maxage: Option<Duration>,
    /// How long past its end it may be used while it is asked for (RFC 5861).
    pub stale_while_revalidate: Option<Duration>,
    /// How long past its end it may be used where asking fails.
    pub stale_if_error: Option<Duration>,
    /// Of requests: how stale it may be; the most there is where no time was said.
    pub max_stale: Option<Duration>,
    /// Of requests: how much longer it must be fresh.
    pub min_fresh: Option<Duration>,
}

/// Which field was listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// `Cache-Control`, and `Expires` where that says nothing.
    ToAll,
    /// One that speaks to gateways: what `Cache-Control` and `Expires` say does not count.
    ToGateways,
}

impl Control {
    /// What an answer says to a gateway: `CDN-Cache-Control` before `Surrogate-Control` before `Cache-Control`.
    #[must_use]
    pub fn of_answer(headers: &HeaderMap) -> (Self, Spoken) {
        if headers.contains_key(CDN_CACHE_CONTROL) {
            let lines = headers.get_all(CDN_CACHE_CONTROL).iter().map(HeaderValue::as_bytes);
            let joined = lines.collect::<Vec<_>>().join(&b","[..]);
            // One that cannot be read, or says nothing, is as good as absent (RFC 9213, section 2.1).
            if let Some(members) = dictionary::parse(&joined).filter(|members| !members.is_empty())
            {
                let mut control = Self::default();
                for (name, value) in &members {
                    control.add(name.as_bytes(), value.as_directive());
                }
                return (control, Spoken::ToGateways);
            }
        }
        if let Some(control) = surrogate(headers) {
            return (control, Spoken::ToGateways);
        }
        (Self::parse(headers), Spoken::ToAll)
    }

    /// What `Cache-Control` says.
    #[must_use]
    pub fn parse(headers: &impl Fields) -> Self {
        let mut control = Self::default();
        for line in headers.all(&header::CACHE_CONTROL) {
            for member in members(line) {
                let (name, value) = split(member);
                control.add(name, value);
            }
        }
        control
    }

    fn add(&mut self, name: &[u8], value: Value<'_>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache.add(value);
        } else if is("private") {
            self.private.add(value);
        } else if is("public") {
            self.public = true;
        } else if is("must-revalidate") {
            self.must_revalidate = true;
        } else if is("proxy-revalidate") {
            self.proxy_revalidate = true;
        } else if is("must-understand") {
            self.must_understand = true;
        } else if is("immutable") {
            self.immutable = true;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        } else if is("no-transform") {
            self.no_transform = true;
        } else if is("max-age") {
            self.max_age = self.max_age.or_else(|| Some(value.lifetime()));
        } else if is("s-maxage") {
            self.s_maxage = self.s_maxage.or_else(|| Some(value.lifetime()));
        } else if is("stale-while-revalidate") {
            self.stale_while_revalidate = self.stale_while_revalidate.or_else(|| value.seconds());
        } else if is("stale-if-error") {
            self.stale_if_error = self.stale_if_error.or_else(|| value.seconds());
        } else if is("min-fresh") {
            self.min_fresh = self.min_fresh.or_else(|| value.seconds());
        } else if is("max-stale") {
            let any = matches!(value, Value::None).then_some(Duration::from_secs(SECONDS_MAX));
            self.max_stale = self.max_stale.or_else(|| value.seconds().or(any));
        }
    }
}

/// What a request says; `Pragma: no-cache` counts where `Cache-Control` is not there.
#[must_use]
pub fn request_control(headers: &impl Fields) -> Control {
    if headers.has(&header::CACHE_CONTROL) {
        return Control::parse(headers);
    }
    let mut control = Control::default();
    if let Some(pragma) = headers.first(&header::PRAGMA) {
        let mut words = pragma.split(|byte| *byte == b',');
        if words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"no-cache")) {
            control.no_cache = Scope::All;
        }
    }
    control
}

/// `Surrogate-Control`: the same directives, some of them for one device alone (`max-age=60;squid`), a lifetime that may
/// be longer where asking fails (`max-age=60+600`).
fn surrogate(headers: &HeaderMap) -> Option<Control> {
    let mut control = Control::default();
    let mut said = false;
    for line in headers.get_all(SURROGATE_CONTROL) {
        for member in members(line.as_bytes()) {
            let mut parts = member.split(|byte| *byte == b';');
            let directive = parts.next().unwrap_or_default().trim_ascii();
            if parts.any(|target| !target.trim_ascii().eq_ignore_ascii_case(b"taut")) {
                continue;
            }
            let (name, value) = split(directive);
            said |= name.eq_ignore_ascii_case(b"max-age") || name.eq_ignore_ascii_case(b"no-store");
            if let Value::Token(text) = value
                && let Some(plus) = text.iter().position(|byte| *byte == b'+')
            {
                let (fresh, stale) = text.split_at(plus);
                control.add(name, Value::Token(fresh));
                let stale = Value::Token(stale.get(1..).unwrap_or_default()).seconds();
                control.stale_while_revalidate = stale;
                control.stale_if_error = stale;
            } else {
                control.add(name, value);
            }
        }
    }
    // `content="ESI/1.0"` alone says nothing about caching.
    said.then_some(control)
}

impl Scope {
    fn add(&mut self, value: Value<'_>) {
        let names = match value {
            Value::Token(text) | Value::Quoted(text) => text.split(|byte| *byte == b','),
            _ => return *self = Self::All,
        };
        let names = names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
        let named: Result<Vec<_>, _> = names.map(HeaderName::from_bytes).collect();
        match (named, &mut *self) {
            (Ok(named), Self::Named(all)) if !named.is_empty() => all.extend(named),
            (Ok(named), Self::None) if !named.is_empty() => *self = Self::Named(named),
            _ => *self = Self::All,
        }
    }
}

/// What stands behind a directive's `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Nothing.
    None,
    /// A word.
    Token(&'a [u8]),
    /// A text, without its quotes.
    Quoted(&'a [u8]),
    /// What is neither.
    Odd,
}

impl Value<'_> {
    fn seconds(self) -> Option<Duration> {
        let (Self::Token(digits) | Self::Quoted(digits)) = self else { return None };
        delta_seconds(digits)
    }

    /// How long something is fresh: not at all where that cannot be understood.
    fn lifetime(self) -> Duration {
        self.seconds().unwrap_or_default()
    }
}

/// Seconds: digits alone, and 2^31 for what is more.
pub(super) fn delta_seconds(digits: &[u8]) -> Option<Duration> {
    let good = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let add = |sum: u64, digit: &u8| (sum * 10 + u64::from(digit - b'0')).min(SECONDS_MAX);
    good.then(|| Duration::from_secs(digits.iter().fold(0, add)))
}

/// The members of a list; a comma within quotes is no end.
pub(super) fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    let split = line.split(move |byte| {
        let is_end = !quoted && *byte == b',';
        if escaped {
            escaped = false;
        } else if quoted && *byte == b'\\' {
            escaped = true;
        } else if *byte == b'"' {
            quoted = !quoted;
        }
        is_end
    });
    split.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

fn split(member: &[u8]) -> (&[u8], Value<'_>) {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = member.iter().position(|byte| !is_name(byte)).unwrap_or(member.len());
    let (name, rest) = member.split_at(end);
    let value = match rest {
        [] => Value::None,
        [b'=', b'"', inner @ .., b'"'] if !inner.contains(&b'"') => Value::Quoted(inner),
        [b'=', word @ ..] if !word.is_empty() && word.iter().all(is_name) => Value::Token(word),
        _ => Value::Odd,
    };
    (name, value)
}
