//! What is found by how it looks: mail addresses, phones, cards, tokens.
//!
//! In doubt more is replaced than need be, but for what identifies things rather than people (UUIDs, ids of 24 hexadecimal digits, ULIDs): a
//! replay could not ask for them again.

use std::ops::Range;

use model::Patterns;

use super::key::{Key, is_pseudonym};

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) patterns: Patterns,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mail,
    Digits,
    Secret,
}

/// What tokens of well-known services begin with.
const BEGINNINGS: &[&str] = &[
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "pk_live_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29",
    "npm_",
    "pypi-",
    "dop_v1_",
    "hvs_",
    "shpat_",
    "sk-ant-",
    "sk-proj-",
];

/// A run without a known beginning is taken for a token from here on; hexadecimal ones a little later.
const RUN_MIN: usize = 28;
const HEX_RUN_MIN: usize = 32;

impl Look {
    /// The same without what is told by its length alone, and without phones.
    pub(super) fn without_runs(self) -> Self {
        Self { patterns: Patterns { token: false, phone: false, ..self.patterns } }
    }

    /// The same without tokens.
    pub(super) fn without_tokens(self) -> Self {
        Self { patterns: Patterns { token: false, ..self.patterns } }
    }

    /// The text with pseudonyms in place of what was found.
    pub(super) fn replace(self, text: &str, key: &Key) -> String {
        let found = self.find(text);
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        for (range, kind) in found {
            let Some(value) = text.get(range.clone()) else { continue };
            clean.push_str(text.get(done..range.start).unwrap_or_default());
            clean.push_str(&match kind {
                _ if is_pseudonym(value) => value.to_owned(),
                Kind::Mail => key.mail(value),
                Kind::Digits => key.digits(value),
                Kind::Secret => key.opaque(value),
            });
            done = range.end;
        }
        clean.push_str(text.get(done..).unwrap_or_default());
        clean
    }

    /// What is there, in order, nothing twice.
    fn find(self, text: &str) -> Vec<(Range<usize>, Kind)> {
        let bytes = text.as_bytes();
        let mut found: Vec<(Range<usize>, Kind)> = Vec::new();
        if self.patterns.jwt {
            found.extend(
                runs(bytes, is_jwt_byte).filter_map(|run| Some((jwt(bytes, run)?, Kind::Secret))),
            );
        }
        if self.patterns.mail {
            let signs = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'@');
            found.extend(signs.filter_map(|(place, _)| Some((mail(bytes, place)?, Kind::Mail))));
        }
        if self.patterns.token {
            found.extend(
                runs(bytes, is_token_byte)
                    .filter(|run| is_token(bytes, run))
                    .map(|run| (run, Kind::Secret)),
            );
            found.extend(
                runs(bytes, is_base64_byte)
                    .filter(|run| is_base64(bytes, run))
                    .map(|run| (run, Kind::Secret)),
            );
        }
        if self.patterns.card || self.patterns.phone {
            found.extend(
                numbers(bytes, self.patterns).into_iter().map(|range| (range, Kind::Digits)),
            );
        }
        // The longer of two that overlap, which begins first.
        found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut end = 0;
        found.retain(|(range, _)| {
            let is_new = end <= range.start;
            end = if is_new { range.end } else { end };
            is_new
        });
        found
    }
}

/// Stretches of bytes that are all of a kind.
fn runs(bytes: &[u8], is_of: fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let start = place + bytes.get(place..)?.iter().position(|byte| is_of(*byte))?;
        let length = bytes.get(start..)?.iter().position(|byte| !is_of(*byte));
        place = length.map_or(bytes.len(), |length| start + length);
        Some(start..place)
    })
}

fn is_jwt_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

fn is_base64_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

/// Three parts in base64, the first two of which are JSON.
fn jwt(bytes: &[u8], run: Range<usize>) -> Option<Range<usize>> {
    let text = bytes.get(run.clone())?;
    let begin = text.windows(3).position(|part| part == b"eyJ")?;
    let rest = text.get(begin..)?;
    let mut parts = rest.split(|byte| *byte == b'.');
    let (head, claims) = (parts.next()?, parts.next()?);
    (8 <= head.len() && claims.starts_with(b"eyJ")).then(|| run.start + begin..run.end)
}

fn mail(bytes: &[u8], sign: usize) -> Option<Range<usize>> {
    let is_local =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-'".contains(byte) || 0x80 <= *byte;
    let is_domain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte) || 0x80 <= *byte;
    let before = bytes.get(..sign)?.iter().rev().take_while(|byte| is_local(byte)).count();
    let after = bytes.get(sign + 1..)?.iter().take_while(|byte| is_domain(byte)).count();
    let mut domain = bytes.get(sign + 1..sign + 1 + after)?;
    while let Some((b'.' | b'-', rest)) = domain.split_last() {
        domain = rest;
    }
    let dot = domain.iter().rposition(|byte| *byte == b'.')?;
    let is_one = 0 < before && 0 < dot && dot + 2 < domain.len();
    is_one.then(|| sign - before..sign + 1 + domain.len())
}

/// Whether all of a text is a mail address.
pub(super) fn is_mail(text: &str) -> bool {
    let bytes = text.as_bytes();
    let sign = bytes.iter().position(|byte| *byte == b'@');
    sign.and_then(|sign| mail(bytes, sign)).is_some_and(|range| range == (0..bytes.len()))
}

fn is_token(bytes: &[u8], run: &Range<usize>) -> bool {
    let Some(run) = bytes.get(run.clone()) else { return false };
    let known = BEGINNINGS
        .iter()
        .any(|begin| run.starts_with(begin.as_bytes()) && begin.len() + 10 <= run.len());
    known || (!is_id(run) && run.split(|byte| b"-_".contains(byte)).any(is_random))
}

/// UUIDs and ULIDs: names of things.
fn is_id(run: &[u8]) -> bool {
    let parts: Vec<usize> = run.split(|byte| *byte == b'-').map(<[u8]>::len).collect();
    let is_hex = run.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    (parts == [8, 4, 4, 4, 12] && is_hex) || run.len() == 26
}

/// Whether no word looks like this: kinds of letters change often.
fn is_random(run: &[u8]) -> bool {
    let is_hex = run.iter().all(u8::is_ascii_hexdigit);
    let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
    if run.len() < if is_hex { HEX_RUN_MIN } else { RUN_MIN } || digits == run.len() {
        return false;
    }
    let kind = |byte: &u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let changes = run.windows(2).filter(|pair| kind(&pair[0]) != kind(&pair[1])).count();
    // Words in a row, each with a capital, change a third of the time; chance two thirds.
    let least = if digits < 3 { run.len() * 9 / 20 } else { run.len() / 5 };
    least < changes
}

/// Base64 with its two signs, which no other run takes.
fn is_base64(bytes: &[u8], run: &Range<usize>) -> bool {
    let Some(run) = bytes.get(run.clone()) else { return false };
    let share = |is_of: fn(&u8) -> bool| run.iter().filter(|byte| is_of(byte)).count();
    let signs = share(|byte| b"+/".contains(byte));
    40 <= run.len()
        && 0 < signs
        && run.len() <= share(u8::is_ascii_digit) * 16
        && run.len() <= share(u8::is_ascii_uppercase) * 8
        && signs * 8 <= run.len()
}

/// A stretch of digits.
#[derive(Debug, Clone)]
struct Group {
    range: Range<usize>,
    digits: Vec<u8>,
}

/// Numbers of cards and of phones.
fn numbers(bytes: &[u8], patterns: Patterns) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for range in runs(bytes, |byte| byte.is_ascii_digit()) {
        let is_next =
            groups.last().is_some_and(|last| is_gap(bytes.get(last.range.end..range.start)));
        if !is_next {
            of_groups(bytes, &groups, patterns, &mut found);
            groups.clear();
        }
        let digits = bytes.get(range.clone()).unwrap_or_default();
        groups.push(Group { digits: digits.iter().map(|digit| digit - b'0').collect(), range });
    }
    of_groups(bytes, &groups, patterns, &mut found);
    found
}

/// What may stand between the digits of one number.
fn is_gap(gap: Option<&[u8]>) -> bool {
    let gap = gap.unwrap_or_default();
    (1..=2).contains(&gap.len()) && gap.iter().all(|byte| b" -.()".contains(byte))
}

fn of_groups(bytes: &[u8], groups: &[Group], patterns: Patterns, found: &mut Vec<Range<usize>>) {
    let mut first = 0;
    while first < groups.len() {
        let some = groups.get(first..).unwrap_or_default();
        let card = if patterns.card { card(bytes, some) } else { None };
        let phone = || if patterns.phone { phone(bytes, some) } else { None };
        match card.or_else(phone) {
            Some((count, range)) => {
                found.push(range);
                first += count;
            }
            None => first += 1,
        }
    }
}

/// A number that begins with the first of these groups: how many of them it takes, and where it is.
fn joined(bytes: &[u8], groups: &[Group], count: usize) -> Option<(Vec<u8>, Range<usize>)> {
    let (first, last) = (groups.first()?, groups.get(count - 1)?);
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let before = first.range.start.checked_sub(1).and_then(|place| bytes.get(place));
    if is_word(before) || is_word(bytes.get(last.range.end)) {
        return None;
    }
    let digits = groups.iter().take(count).flat_map(|group| group.digits.iter().copied()).collect();
    Some((digits, first.range.start..last.range.end))
}

/// Groups of one number at most.
const GROUPS_MAX: usize = 8;

fn card(bytes: &[u8], groups: &[Group]) -> Option<(usize, Range<usize>)> {
    (1..=groups.len().min(GROUPS_MAX)).rev().find_map(|count| {
        let (digits, range) = joined(bytes, groups, count)?;
        (is_card_length(&digits) && is_luhn(&digits)).then_some((count, range))
    })
}

/// What issuers give out, by first digit: ISO/IEC 7812.
fn is_card_length(digits: &[u8]) -> bool {
    match digits.first() {
        Some(2..=6) => (13..=19).contains(&digits.len()),
        _ => false,
    }
}

fn phone(bytes: &[u8], groups: &[Group]) -> Option<(usize, Range<usize>)> {
    let first = groups.first()?;
    let sign = first.range.start.checked_sub(1).and_then(|place| bytes.get(place));
    let signs = if sign == Some(&b'(') {
        first.range.start.checked_sub(2).and_then(|place| bytes.get(place))
    } else {
        sign
    };
    let lengths: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    (1..=groups.len().min(GROUPS_MAX)).rev().find_map(|count| {
        let (digits, range) = joined(bytes, groups, count)?;
        let lengths = lengths.get(..count)?;
        let is_abroad =
            (sign == Some(&b'+') || signs == Some(&b'+')) && (8..=15).contains(&digits.len());
        let is_trunk = digits.first() == Some(&0)
            && !digits.starts_with(&[0, 0, 0])
            && (if count == 1 { 10..=11 } else { 9..=15 }).contains(&digits.len())
            && lengths.iter().all(|length| 2 <= *length);
        let is_american = matches!(lengths, [3, 3, 4] | [1, 3, 3, 4]);
        (is_abroad || is_trunk || is_american).then_some((count, range))
    })
}

/// Luhn's check (ISO/IEC 7812-1, annex B).
pub(super) fn is_luhn(digits: &[u8]) -> bool {
    !digits.is_empty() && luhn_sum(digits).is_multiple_of(10)
}

fn luhn_sum(digits: &[u8]) -> u32 {
    let doubled = |(place, digit): (usize, &u8)| {
        let digit = u32::from(*digit);
        if place % 2 == 1 { digit * 2 - if digit < 5 { 0 } else { 9 } } else { digit }
    };
    digits.iter().rev().enumerate().map(doubled).sum()
}

/// Makes the last digit the one that Luhn's check wants.
pub(super) fn make_luhn(digits: &mut [u8]) {
    if let Some(last) = digits.last_mut() {
        *last = 0;
    }
    let wanted = (10 - luhn_sum(digits) % 10) % 10;
    if let Some(last) = digits.last_mut() {
        *last = u8::try_from(wanted).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let look = Look { patterns: Patterns::default() };
        look.find(text).into_iter().map(|(range, _)| text.get(range).unwrap()).collect()
    }

    #[test]
    fn what_identifies_people_is_found() {
        for secret in [
            "mail me: ada.l+x@mail.example.org",
            "card 4111 1111 1111 1111",
            "card 5500-0000-0000-0004",
            "4111111111111111",
            "+49 151 23456789",
            "+1 (415) 555-0132",
            "415-555-0132",
            "030 1234567",
            "01511234567",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "Zm9vYmFyMTIz/NDU2Nzg5MDEyMzQ1Njc4OTA+QUJDREVGRw==",
        ] {
            assert!(!found(secret).is_empty(), "{secret}");
        }
    }

    #[test]
    fn what_identifies_things_stays() {
        for harmless in [
            "2026-11-22T00:51:14.123Z",
            "22.11.2026 00:51",
            "550e8400-e29b-41d4-a716-446655440000",
            "507f1f77bcf86cd799439011",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "1763772146000",
            "10.12.13.14",
            "/api/orders/12345/items/",
            "getTheNumberOfOrdersOfEachCustomer2",
            "a-slug-of-an-article-about-2024-and-more-of-it",
            "0.123456789",
            "1111111111111111",
            "user@localhost",
            "@media screen",
        ] {
            assert_eq!(found(harmless), [""; 0], "{harmless}");
        }
    }

    #[test]
    fn a_number_is_found_beside_others() {
        assert_eq!(found("12 4111 1111 1111 1111 2026"), ["4111 1111 1111 1111"]);
        assert_eq!(found("a@b.cd, c@d.ef."), ["a@b.cd", "c@d.ef"]);
    }

    #[test]
    fn luhn_is_as_in_the_standard() {
        let digits = |text: &str| text.bytes().map(|byte| byte - b'0').collect::<Vec<_>>();
        assert!(is_luhn(&digits("79927398713")) && !is_luhn(&digits("79927398710")));
        let mut made = digits("79927398710");
        make_luhn(&mut made);
        assert_eq!(made, digits("79927398713"));
    }
}
