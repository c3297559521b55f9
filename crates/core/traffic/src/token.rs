//! Tokens (JWT, RFC 7519): who signed them is verified before anything in them counts.
//!
//! The key says by which algorithm it signs, never the token (RFC 8725, section 3.1); `none` is not known here.

mod pem;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, header};
use model::Moment;
use ring::{hmac, signature};
use serde_json::{Map, Value};

use crate::{fields::Fields, limit::cookie};

/// Bytes of a token: servers take heads of 8 KiB in all.
const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Bytes of a key for HMAC: as many as the digest has (RFC 7518, section 3.2).
const HMAC_BYTES_MIN: usize = 32;

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// HMAC with SHA-256: who verifies can sign as well.
    Hs256,
    /// RSA with SHA-256, of 2048 bits at least.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Signing {
    /// As tokens and settings have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A key that tokens are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    signing: Signing,
    /// Its name; tokens that name another are not tried with it.
    id: Option<String>,
    /// The secret, or the public key as `ring` takes it.
    material: Material,
}

#[derive(Clone, PartialEq, Eq)]
struct Material(Vec<u8>);

impl std::fmt::Debug for Material {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Material(..)")
    }
}

/// Why something is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// It is too short for HMAC.
    #[error("a secret for HS256 has at least 32 bytes")]
    Short,
    /// It is no public key in PEM.
    #[error("this is no public key in PEM (`-----BEGIN PUBLIC KEY-----`)")]
    NoPem,
    /// It is one of another kind.
    #[error("this public key is not one of this algorithm")]
    Other,
}

impl TokenKey {
    /// A key: a secret of any bytes, or a public key in PEM.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn new(signing: Signing, id: Option<String>, text: &[u8]) -> Result<Self, NoKey> {
        let material = match signing {
            Signing::Hs256 if text.len() < HMAC_BYTES_MIN => return Err(NoKey::Short),
            Signing::Hs256 => text.to_vec(),
            Signing::Rs256 => pem::rsa(text)?,
            Signing::Es256 => pem::p256(text)?,
        };
        Ok(Self { signing, id, material: Material(material) })
    }

    fn signed(&self, message: &[u8], mark: &[u8]) -> bool {
        let key = &self.material.0;
        let public = |algorithm: &'static dyn signature::VerificationAlgorithm| {
            signature::UnparsedPublicKey::new(algorithm, key).verify(message, mark).is_ok()
        };
        match self.signing {
            Signing::Hs256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, key);
                hmac::verify(&key, message, mark).is_ok()
            }
            Signing::Rs256 => public(&signature::RSA_PKCS1_2048_8192_SHA256),
            Signing::Es256 => public(&signature::ECDSA_P256_SHA256_FIXED),
        }
    }
}

/// Where tokens are, and what they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Keys that tokens are verified with.
    pub keys: Vec<TokenKey>,
    /// Where a token is, besides `Authorization: Bearer`.
    pub place: TokenPlace,
    /// Who must have issued it.
    pub issuer: Option<String>,
    /// Whom it must be for.
    pub audience: Option<String>,
    /// How far clocks may be apart.
    pub leeway: Duration,
}

/// Where a token is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TokenPlace {
    /// In `Authorization: Bearer`.
    #[default]
    Authorization,
    /// In a header.
    Header(HeaderName),
    /// In a cookie.
    Cookie(String),
}

/// What a token says that was verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// A claim as a text; `a.b` is also what `a` has under `b`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.0.get(name).or_else(|| {
            let mut parts = name.split('.');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        })?;
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Until when it counts, in seconds since 1970.
    #[must_use]
    pub fn ends_at_seconds(&self) -> Option<f64> {
        self.0.get("exp")?.as_f64()
    }
}

impl Tokens {
    /// The token of a request.
    #[must_use]
    pub fn of<'a>(&self, fields: &'a impl Fields) -> Option<&'a [u8]> {
        match &self.place {
            TokenPlace::Authorization => {
                let value = fields.first(&header::AUTHORIZATION)?;
                let (word, token) = value.split_at_checked(7)?;
                word.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
            }
            TokenPlace::Header(name) => fields.first(name),
            TokenPlace::Cookie(name) => cookie(fields, name),
        }
    }

    /// What a token says, if one of the keys signed it, it counts now, and it is what it must be.
    #[must_use]
    pub fn verified(&self, token: &[u8], now: Moment) -> Option<Claims> {
        if TOKEN_BYTES_MAX < token.len() {
            return None;
        }
        let token = std::str::from_utf8(token).ok()?;
        let (message, mark) = token.rsplit_once('.')?;
        let (head, claims) = message.split_once('.')?;
        let head = object(head)?;
        // What must be understood and is not (RFC 7515, section 4.1.11).
        if claims.contains('.') || head.contains_key("crit") {
            return None;
        }
        let (algorithm, id) = (head.get("alg")?.as_str()?, head.get("kid").and_then(Value::as_str));
        let mark = URL_SAFE_NO_PAD.decode(mark).ok()?;
        let fits = |key: &&TokenKey| {
            let same = key.id.as_deref().zip(id).is_none_or(|(known, told)| known == told);
            same && key.signing.name() == algorithm
        };
        let mut keys = self.keys.iter().filter(fits);
        keys.any(|key| key.signed(message.as_bytes(), &mark)).then_some(())?;
        let claims = object(claims)?;
        self.counts(&claims, now).then_some(Claims(claims))
    }

    /// Whether claims count now, and here.
    fn counts(&self, claims: &Map<String, Value>, now: Moment) -> bool {
        let now = Duration::from_nanos(now.nanos).as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        let time = |name: &str| claims.get(name).map(Value::as_f64);
        // One that never ends cannot be taken back: it is no token here.
        let ends = matches!(time("exp"), Some(Some(end)) if now < end + leeway);
        let begun = match time("nbf") {
            None => true,
            Some(begin) => begin.is_some_and(|begin| begin <= now + leeway),
        };
        let names = |value: Option<&Value>, wanted: &str| match value {
            Some(Value::String(text)) => text == wanted,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(wanted)),
            _ => false,
        };
        let issuer = self.issuer.as_ref();
        let issued = issuer.is_none_or(|wanted| {
            claims.get("iss").and_then(Value::as_str) == Some(wanted.as_str())
        });
        let audience = self.audience.as_ref();
        let meant = audience.is_none_or(|wanted| names(claims.get("aud"), wanted));
        ends && begun && issued && meant
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
