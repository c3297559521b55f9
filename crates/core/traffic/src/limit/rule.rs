//! What a route says about limits: how many, of whom, who gets more, and what is told.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroU32, sync::Arc};

use http::{HeaderName, header};
use sha2::{Digest as _, Sha256};

use super::{Algorithm, Quota};
use crate::{fields::Fields, token::Claims};

/// How many requests a client may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRule {
    /// Routes that name the same are counted together; a route's own if it names none.
    pub name: Option<String>,
    /// How many.
    pub quota: Quota,
    /// How they are counted.
    pub algorithm: Algorithm,
    /// Who is one client.
    pub key: LimitKey,
    /// What one request weighs.
    pub cost: NonZeroU32,
    /// Who may send more, or fewer.
    pub tiers: Tiers,
    /// Whether they are only counted, and never refused.
    pub dry_run: bool,
    /// Clients that are remembered.
    pub keys_max: usize,
    /// What answers tell of it.
    pub tells: Tells,
    /// Whether gateways count together, and what holds while they cannot.
    pub shared: Option<Away>,
}

impl LimitRule {
    /// So many by address, told as the IETF's draft has it.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self {
            name: None,
            quota,
            algorithm: Algorithm::default(),
            key: LimitKey::Address,
            cost: NonZeroU32::MIN,
            tiers: Tiers::default(),
            dry_run: false,
            keys_max: 100_000,
            tells: Tells::Draft,
            shared: None,
        }
    }

    /// Whether what was counted under another rule goes on under this one.
    #[must_use]
    pub fn counts_like(&self, other: &Self) -> bool {
        let quotas = |rule: &Self| rule.tiers.of.iter().map(|tier| tier.quota).collect::<Vec<_>>();
        self.name == other.name
            && (self.quota, self.algorithm, self.keys_max)
                == (other.quota, other.algorithm, other.keys_max)
            && self.key == other.key
            && quotas(self) == quotas(other)
    }

    /// Whether what a token says counts for it.
    #[must_use]
    pub fn wants_claims(&self) -> bool {
        matches!(self.key, LimitKey::Claim(_)) || matches!(self.tiers.by, TierBy::Claim(_))
    }

    /// The quota of a tier; 0 is of those without any.
    #[must_use]
    pub fn quota_of(&self, tier: usize) -> &Quota {
        let tier = tier.checked_sub(1).and_then(|place| self.tiers.of.get(place));
        tier.map_or(&self.quota, |tier| &tier.quota)
    }

    /// What a tier's quota is called.
    #[must_use]
    pub fn quota_name(&self, tier: usize) -> &str {
        let tier = tier.checked_sub(1).and_then(|place| self.tiers.of.get(place));
        let own = self.name.as_deref().unwrap_or("default");
        tier.map_or(own, |tier| &tier.name)
    }
}

/// Who is one client. Who does not show what is named here is known by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitKey {
    /// Who has the same address.
    Address,
    /// Who sends the same in this header.
    Header(HeaderName),
    /// Who sends the same cookie of this name.
    Cookie(String),
    /// Whose token, which is verified, says the same in this claim.
    Claim(String),
}

/// Who may send more, or fewer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tiers {
    /// Those that there are.
    pub of: Vec<Tier>,
    /// Where a client's tier is told.
    pub by: TierBy,
}

/// A tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// What it is called.
    pub name: String,
    /// How many.
    pub quota: Quota,
}

/// Where a client's tier is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TierBy {
    /// Nowhere: all are alike.
    #[default]
    Nothing,
    /// In this claim of a token that is verified.
    Claim(String),
    /// In a table: the number of the tier by the client's key. Keys that are not in it are no keys: who sends one is known by
    /// address, so that nobody gets a count of their own by making up a key.
    Plans(Arc<BTreeMap<Vec<u8>, usize>>),
}

/// What holds while Redis is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Away {
    /// Everything is let in.
    Allow,
    /// Nothing is.
    Refuse,
    /// Each gateway counts for itself, its share of the quota.
    #[default]
    Local,
}

/// What answers tell of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tells {
    /// `RateLimit` and `RateLimit-Policy`, as the IETF's draft has them.
    #[default]
    Draft,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
    Legacy,
    /// All of these.
    Both,
    /// Nothing.
    Off,
}

/// Bytes of a key that are kept as they are; of longer ones the digest is.
const KEY_BYTES_MAX: usize = 119;

/// A client, as limits know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    bytes: [u8; KEY_BYTES_MAX + 1],
    length: usize,
    /// The number of its tier; 0 for none.
    pub tier: usize,
}

impl Client {
    /// Who asks. `claims` are those of a token that was verified.
    #[must_use]
    pub fn of(
        rule: &LimitRule,
        address: IpAddr,
        fields: &impl Fields,
        claims: Option<&Claims>,
    ) -> Self {
        let tier = match &rule.tiers.by {
            TierBy::Claim(name) => {
                let named = claims.and_then(|claims| claims.text(name));
                named.and_then(|named| rule.tiers.of.iter().position(|tier| tier.name == *named))
            }
            TierBy::Nothing | TierBy::Plans(_) => None,
        };
        let tier = tier.map_or(0, |place| place + 1);
        let told: Option<std::borrow::Cow<'_, [u8]>> = match &rule.key {
            LimitKey::Address => None,
            LimitKey::Header(name) => fields.first(name).map(bare).map(Into::into),
            LimitKey::Cookie(name) => cookie(fields, name).map(Into::into),
            LimitKey::Claim(name) => {
                claims.and_then(|claims| claims.text(name)).map(|text| text.into_bytes().into())
            }
        };
        let told = told.filter(|key| !key.is_empty());
        let (told, tier) = match (&rule.tiers.by, told) {
            (TierBy::Plans(plans), Some(key)) => match plans.get(&*key) {
                Some(tier) => (Some(key), *tier),
                None => (None, 0),
            },
            (_, told) => (told, tier),
        };
        match (told, address) {
            (Some(key), _) => Self::new(b'k', &key, tier),
            (None, IpAddr::V4(address)) => Self::new(b'4', &address.octets(), tier),
            // A network of 64 bits is what one client has.
            (None, IpAddr::V6(address)) => Self::new(b'6', &address.octets()[..8], tier),
        }
    }

    /// `kind` tells a key from an address of the same bytes.
    fn new(kind: u8, key: &[u8], tier: usize) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX + 1];
        bytes[0] = kind;
        let digest;
        let key = if key.len() <= KEY_BYTES_MAX {
            key
        } else {
            digest = Sha256::digest(key);
            bytes[0] = b'd';
            &digest[..]
        };
        bytes[1..=key.len()].copy_from_slice(key);
        Self { bytes, length: key.len() + 1, tier }
    }

    /// What it is known by.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// What it is known by where others can see it: nobody learns a key from it.
    #[must_use]
    pub fn hidden(&self) -> String {
        let digest = Sha256::digest(self.key());
        digest
            .iter()
            .take(16)
            .fold(String::with_capacity(32), |text, byte| format!("{text}{byte:02x}"))
    }
}

/// A key without the word before it: `Bearer abc` is `abc`.
fn bare(value: &[u8]) -> &[u8] {
    match value.split_at_checked(7) {
        Some((word, rest)) if word.eq_ignore_ascii_case(b"bearer ") => rest.trim_ascii(),
        _ => value.trim_ascii(),
    }
}

/// The value of a cookie.
#[must_use]
pub fn cookie<'a>(fields: &'a impl Fields, name: &str) -> Option<&'a [u8]> {
    let lines = fields.all(&header::COOKIE);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).find_map(|pair| {
        let pair = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        pair.strip_prefix(b"=")
    })
}
