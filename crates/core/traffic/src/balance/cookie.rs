//! Sticky by cookie: the cookie names the member and carries a signature, so that nobody can choose a
//! member, or learn its address, by writing a cookie.
//!
//! `member.signature`, both in hexadecimal: a number for the member's name under the key, and the first
//! 16 bytes of an HMAC-SHA-256 (RFC 2104, truncated as its section 5 allows) over service and member.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A key to sign cookies with.
#[derive(Clone)]
pub struct CookieKey {
    mac: Hmac<Sha256>,
}

/// Bytes of a cookie's value: anything longer is none of ours.
pub const COOKIE_BYTES_MAX: usize = 64;

const NAME_BYTES: usize = 8;
const SIGNATURE_BYTES: usize = 16;

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("CookieKey(..)")
    }
}

impl CookieKey {
    /// A key of these bytes. All gateways in front of a service must share it; 32 bytes by chance are best.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mac = Hmac::new_from_slice(secret).expect("HMAC takes keys of any length");
        Self { mac }
    }

    /// The cookie's value for a member of a service.
    #[must_use]
    pub fn sign(&self, service: &str, member: &str) -> String {
        let name = self.name(member);
        let signature = self.signature(service, &name);
        hex(&name) + "." + &hex(&signature)
    }

    /// Which of these members a cookie names; `None` if it was not signed with this key, or names none of them.
    #[must_use]
    pub fn member<'a>(
        &self,
        service: &str,
        cookie: &str,
        members: impl IntoIterator<Item = &'a str>,
    ) -> Option<usize> {
        if COOKIE_BYTES_MAX < cookie.len() {
            return None;
        }
        let (name, signature) = cookie.split_once('.')?;
        let (name, signature) = (from_hex(name)?, from_hex(signature)?);
        let whole = name.len() == NAME_BYTES && signature.len() == SIGNATURE_BYTES;
        let mac = self.mac.clone().chain_update(service).chain_update([0]).chain_update(&name);
        // Compares in constant time.
        if !whole || mac.verify_truncated_left(&signature).is_err() {
            return None;
        }
        members.into_iter().position(|member| self.name(member)[..] == name[..])
    }

    fn name(&self, member: &str) -> [u8; NAME_BYTES] {
        let whole = self.mac.clone().chain_update("member\0").chain_update(member).finalize();
        let mut name = [0; NAME_BYTES];
        name.copy_from_slice(&whole.into_bytes()[..NAME_BYTES]);
        name
    }

    fn signature(&self, service: &str, name: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let mac = self.mac.clone().chain_update(service).chain_update([0]).chain_update(name);
        let mut signature = [0; SIGNATURE_BYTES];
        signature.copy_from_slice(&mac.finalize().into_bytes()[..SIGNATURE_BYTES]);
        signature
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
