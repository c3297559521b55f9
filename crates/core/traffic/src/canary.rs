//! Canaries: which version of a service answers a request, and when the new one gets more.
//!
//! Each client, or each request, has a place between 0 and 1, and the new version answers those below its share. So who has
//! once been answered by the new version stays with it while its share grows, and everybody goes back when it is taken away.

mod course;

use std::{net::IpAddr, time::Duration};

use http::HeaderName;

use crate::{dice::hash, fields::Fields, limit::cookie};

pub use course::{Course, Found, Look, Move, Stage};

/// How requests are split between a service and a new version of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CanaryRule {
    /// The place of the service that is the new version.
    pub service: usize,
    /// Its shares, one after the other; after the last one it gets everything.
    pub steps: Vec<f64>,
    /// How long a step lasts at least.
    pub every: Duration,
    /// Requests of each version that a look wants.
    pub requests_min: u64,
    /// The quantile of latency that decides.
    pub quantile: f64,
    /// The least change of it that matters, relative.
    pub matters: f64,
    /// A header whose value, `old` or `new`, chooses.
    pub header: Option<HeaderName>,
    /// A cookie that chooses, where the header does not.
    pub cookie: Option<ChoosingCookie>,
    /// Who stays with a version.
    pub sticky: Sticky,
    /// Whether it steps and reverts by itself, or is only watched.
    pub by_itself: bool,
}

impl CanaryRule {
    /// A canary of the service at this place, as it is unless told otherwise.
    #[must_use]
    pub fn to(service: usize) -> Self {
        Self {
            service,
            steps: vec![0.05, 0.25, 0.5],
            every: Duration::from_mins(5),
            requests_min: 200,
            quantile: 0.95,
            matters: 0.1,
            header: None,
            cookie: None,
            sticky: Sticky::Cookie("taut-version".to_owned()),
            by_itself: true,
        }
    }
}

/// A cookie that chooses the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoosingCookie {
    /// Its name.
    pub name: String,
    /// The value that chooses the new version; `None` where the value itself, `old` or `new`, says which.
    pub value: Option<String>,
}

impl ChoosingCookie {
    /// The version that a client chose with it, if it did.
    fn chosen(&self, fields: &impl Fields) -> Option<Version> {
        let value = cookie(fields, &self.name)?;
        match &self.value {
            None => Version::named(value),
            Some(new) => (value == new.as_bytes()).then_some(Version::New),
        }
    }
}

/// Who stays with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sticky {
    /// Nobody: each request is drawn for itself.
    Request,
    /// Who has the same address.
    Address,
    /// Who has the cookie of this name.
    Cookie(String),
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The service that was there.
    Old,
    /// The one that is tried.
    New,
}

impl Version {
    /// The version of this name.
    fn named(name: &[u8]) -> Option<Self> {
        [Self::Old, Self::New].into_iter().find(|version| version.name().as_bytes() == name)
    }

    /// `old` or `new`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// Which version.
    pub version: Version,
    /// Whether the client chose it itself: such requests say nothing about how the versions compare.
    pub chosen: bool,
    /// The place to remember in its cookie, if it has none yet.
    pub remember: Option<u32>,
}

/// Places, as a cookie has them: enough to tell a share of a hundredth of a percent.
const PLACES: u32 = 1_000_000;

/// Draws the version for a request; `chance` is a number from 0 up to, but not, 1.
#[must_use]
pub fn draw(
    rule: &CanaryRule,
    share: f64,
    (client, fields): (IpAddr, &impl Fields),
    chance: f64,
) -> Drawn {
    let by_header = rule.header.as_ref().and_then(|name| fields.first(name));
    let by_cookie = || rule.cookie.as_ref()?.chosen(fields);
    if let Some(version) = by_header.and_then(Version::named).or_else(by_cookie) {
        return Drawn { version, chosen: true, remember: None };
    }
    let (place, remember) = match &rule.sticky {
        Sticky::Request => (chance, None),
        Sticky::Address => (place_of(client), None),
        Sticky::Cookie(name) => {
            let known = cookie(fields, name).and_then(place_in);
            let place = known.unwrap_or_else(|| whole(chance));
            (f64::from(place) / f64::from(PLACES), known.is_none().then_some(place))
        }
    };
    let version = if place < share { Version::New } else { Version::Old };
    Drawn { version, chosen: false, remember }
}

/// A client's place by its address; of IPv6 the first 64 bits, which one client has.
fn place_of(client: IpAddr) -> f64 {
    let number = match client {
        IpAddr::V4(address) => hash(&address.octets()),
        IpAddr::V6(address) => {
            let octets = address.octets();
            hash(octets.first_chunk::<8>().map_or(&octets[..], |half| half))
        }
    };
    f64::from(u32::try_from(number >> 32).unwrap_or(0)) / 4_294_967_296.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
fn whole(chance: f64) -> u32 {
    ((chance * f64::from(PLACES)) as u32).min(PLACES - 1)
}

/// The place that a cookie's value names.
fn place_in(value: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|place| digits && *place < PLACES)
}
