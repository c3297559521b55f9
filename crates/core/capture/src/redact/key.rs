//! Pseudonyms: what stands in place of a value. The same value and key give the same pseudonym, and without the key nobody
//! finds the value by trying all of them.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::patterns;

/// The key of pseudonyms. Its debug text does not have it.
#[derive(Clone)]
pub struct Key {
    mac: Hmac<Sha256>,
}

/// What pseudonyms of secrets begin with: it needs no escape in JSON, in headers, in cookies or in URLs.
const MARK: char = '~';

impl Key {
    /// A key of any length; 32 bytes by chance are enough.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { mac: Hmac::new_from_slice(secret).expect("HMAC takes keys of any length") }
    }

    /// A number that is the same for the same key, and tells nothing of it.
    #[must_use]
    pub fn number(&self) -> String {
        hex(&self.digest("which key", ""), 16)
    }

    /// What stands in place of a value: a mail address for one, as many digits for a number, else letters that say nothing.
    pub(crate) fn pseudonym(&self, value: &str) -> String {
        if value.is_empty() || is_pseudonym(value) {
            value.to_owned()
        } else if patterns::is_mail(value) {
            self.mail(value)
        } else if is_number(value) {
            self.digits(value)
        } else {
            self.opaque(value)
        }
    }

    /// For a secret: 12, 24 or 48 letters, for up to 16, up to 64 and more bytes.
    pub(crate) fn opaque(&self, value: &str) -> String {
        if value.is_empty() || is_pseudonym(value) {
            return value.to_owned();
        }
        let letters = match value.len() {
            ..=16 => 12,
            17..=64 => 24,
            _ => 48,
        };
        format!("{MARK}{}", hex(&self.digest("secret", value), letters))
    }

    /// For a mail address; those of one domain have one domain.
    pub(crate) fn mail(&self, value: &str) -> String {
        let value = value.to_lowercase();
        let domain = value.rsplit_once('@').map_or("", |(_, domain)| domain);
        let (user, domain) = (self.digest("mail", &value), self.digest("domain", domain));
        format!("u{}@d{}.example", hex(&user, 8), hex(&domain, 6))
    }

    /// For a number: other digits, the first one and all that is between them kept. A number that Luhn's check digit
    /// confirms gets one that it confirms, too.
    pub(crate) fn digits(&self, value: &str) -> String {
        let old: Vec<u8> =
            value.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        let is_card = patterns::is_luhn(&old) && 13 <= old.len();
        let mut new = old.clone();
        for round in 0..8 {
            let shown: String = old.iter().map(|digit| char::from(b'0' + digit)).collect();
            let digest = self.digest(&format!("digits {round}"), &shown);
            for (digit, byte) in new.iter_mut().skip(1).zip(digest.iter().cycle()) {
                *digit = byte % 10;
            }
            if is_card {
                patterns::make_luhn(&mut new);
            }
            // A whole part of a number that stayed as it was would tell it.
            if !is_alike(&old, &new) {
                break;
            }
        }
        let mut digits = new.into_iter();
        let replace = |letter: char| match letter {
            '0'..='9' => digits.next().map_or('0', |digit| char::from(b'0' + digit)),
            other => other,
        };
        value.chars().map(replace).collect()
    }

    fn digest(&self, kind: &str, value: &str) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(kind.as_bytes());
        mac.update(b"\0");
        mac.update(value.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(..)")
    }
}

/// Whether more than half of the digits are what they were.
fn is_alike(old: &[u8], new: &[u8]) -> bool {
    let same = old.iter().zip(new).filter(|(old, new)| old == new).count();
    old.len() < 2 * same
}

/// Whether it is made of digits, as numbers of phones and cards are.
fn is_number(value: &str) -> bool {
    let mut digits = 0;
    let fits = value.bytes().all(|byte| {
        digits += usize::from(byte.is_ascii_digit());
        byte.is_ascii_digit() || b" +-().".contains(&byte)
    });
    fits && (7..=32).contains(&digits)
}

/// Whether a text looks like a pseudonym of a secret or of a mail address.
#[must_use]
pub fn is_pseudonym(text: &str) -> bool {
    let is_hex = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    if let Some(letters) = text.strip_prefix(MARK) {
        return matches!(letters.len(), 12 | 24 | 48) && is_hex(letters);
    }
    let parts =
        text.strip_prefix('u').and_then(|rest| rest.strip_suffix(".example")?.split_once("@d"));
    parts.is_some_and(|(user, domain)| {
        user.len() == 8 && domain.len() == 6 && is_hex(user) && is_hex(domain)
    })
}

fn hex(bytes: &[u8], letters: usize) -> String {
    let half = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [half(byte >> 4), half(byte & 15)]).take(letters).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Key {
        Key::new(b"a key for tests")
    }

    #[test]
    fn a_pseudonym_is_of_the_same_kind() {
        let of = |value| key().pseudonym(value);
        assert_eq!(of("a@b.de"), "u23b79093@d4eeb32.example");
        assert_eq!(of("A@B.de"), of("a@b.de"));
        assert_eq!(of("c@b.de"), "u58ae5824@d4eeb32.example");
        assert_eq!(of("+49 (151) 1234567"), "+40 (542) 7946758");
        assert_eq!(of("hunter2"), "~ce814dd012ee");
        assert_eq!(of(""), "");
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let digits = |text: &str| -> String {
            key().pseudonym(text).chars().filter(char::is_ascii_digit).collect()
        };
        assert_eq!(digits("+49 151 1234567"), digits("491511234567"));
    }

    #[test]
    fn another_key_gives_other_pseudonyms() {
        let other = Key::new(b"another");
        assert_ne!(key().pseudonym("hunter2"), other.pseudonym("hunter2"));
        assert_ne!(key().number(), other.number());
        assert_eq!(format!("{other:?}"), "Key(..)");
    }

    proptest! {
        #[test]
        fn a_secret_has_one_pseudonym_that_is_known_as_one(value in "[ -~]{1,80}") {
            let pseudonym = key().opaque(&value);
            prop_assert!(is_pseudonym(&pseudonym) || value.is_empty());
            prop_assert_eq!(&pseudonym, &key().opaque(&value));
            prop_assert_eq!(&pseudonym, &key().opaque(&pseudonym));
        }

        #[test]
        fn a_number_keeps_its_shape_and_loses_its_digits(value in "\\+?[1-9][0-9]{2}[ -]?[0-9]{4,12}") {
            let pseudonym = key().pseudonym(&value);
            prop_assert_eq!(pseudonym.len(), value.len());
            prop_assert_ne!(pseudonym, value);
        }
    }
}
