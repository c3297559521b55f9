//! Public keys out of PEM: the few bytes of DER around what `ring` takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::NoKey;

const SEQUENCE: u8 = 0x30;
const BITS: u8 = 0x03;
const NAME: u8 = 0x06;

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const CURVE: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

/// A key of RSA, as PKCS #1 has it.
pub(super) fn rsa(text: &[u8]) -> Result<Vec<u8>, NoKey> {
    if let Some(der) = between(text, "RSA PUBLIC KEY") {
        return Ok(der);
    }
    let der = between(text, "PUBLIC KEY").ok_or(NoKey::NoPem)?;
    let (algorithm, key) = public(&der).ok_or(NoKey::NoPem)?;
    let (name, _) = take(NAME, algorithm).ok_or(NoKey::NoPem)?;
    if name == RSA { Ok(key.to_vec()) } else { Err(NoKey::Other) }
}

/// A point on P-256.
pub(super) fn p256(text: &[u8]) -> Result<Vec<u8>, NoKey> {
    let der = between(text, "PUBLIC KEY").ok_or(NoKey::NoPem)?;
    let (algorithm, key) = public(&der).ok_or(NoKey::NoPem)?;
    let (name, curve) = take(NAME, algorithm).ok_or(NoKey::NoPem)?;
    let curve = take(NAME, curve).map(|(name, _)| name);
    let good = name == CURVE && curve == Some(P256) && key.len() == 65;
    if good { Ok(key.to_vec()) } else { Err(NoKey::Other) }
}

/// What lies between the lines of this label.
fn between(text: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inside, _) = rest.split_once(&format!("-----END {label}-----"))?;
    STANDARD.decode(inside.split_ascii_whitespace().collect::<String>()).ok()
}

/// Algorithm and key of a `SubjectPublicKeyInfo` (RFC 5280).
fn public(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (all, _) = take(SEQUENCE, der)?;
    let (algorithm, rest) = take(SEQUENCE, all)?;
    let (bits, _) = take(BITS, rest)?;
    // How many bits of the last byte do not count: none.
    Some((algorithm, bits.strip_prefix(&[0])?))
}

/// The content of a value of this kind, and what follows it.
fn take(kind: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => {
            let (bytes, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*bytes)), rest)
        }
        _ => return None,
    };
    (*first == kind).then_some(())?;
    rest.split_at_checked(length)
}
