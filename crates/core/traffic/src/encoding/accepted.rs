//! `Accept-Encoding`: what a client takes, by weight.

use http::{HeaderMap, header};

use super::{Coding, CompressRule};

/// The weight of what is named without one, in thousandths.
const WHOLE: u16 = 1_000;

/// What a client takes; weights in thousandths, `None` for what it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    codings: [Option<u16>; Coding::ALL.len()],
    identity: Option<u16>,
    /// `*`: everything that is not named.
    others: Option<u16>,
}

impl Accepted {
    /// What a request says. One that says nothing takes anything by the letter, but who does not ask for compression
    /// may well not be able to read it.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        for line in headers.get_all(header::ACCEPT_ENCODING) {
            for entry in line.as_bytes().split(|byte| *byte == b',') {
                accepted.take(entry);
            }
        }
        accepted
    }

    /// One entry, `gzip;q=0.5`; one that cannot be read is none. Of two for the same coding the first counts.
    fn take(&mut self, entry: &[u8]) {
        let mut parts = entry.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let mut weight = WHOLE;
        for parameter in parts {
            if let [b'q' | b'Q', b'=', value @ ..] = parameter {
                let Some(read) = read_weight(value) else { return };
                weight = read;
            }
        }
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        let coding = Coding::ALL.into_iter().find(|coding| is(coding.token()));
        let place = match coding {
            Some(coding) => &mut self.codings[coding.number()],
            None if is("x-gzip") => &mut self.codings[Coding::Gzip.number()],
            None if is("identity") => &mut self.identity,
            None if is("*") => &mut self.others,
            None => return,
        };
        place.get_or_insert(weight);
    }

    /// The weight of a coding; 0 for what is not taken.
    #[must_use]
    pub fn weight(&self, coding: Coding) -> u16 {
        self.codings[coding.number()].or(self.others).unwrap_or(0)
    }

    /// Whether it takes nothing that is not compressed.
    #[must_use]
    pub fn refuses_plain(&self) -> bool {
        self.identity.or(self.others) == Some(0)
    }

    /// The coding that it likes best of those of a rule; `None` if it takes none of them, or likes plain bodies
    /// better.
    #[must_use]
    pub fn best(&self, rule: &CompressRule) -> Option<Coding> {
        let mut best: Option<(Coding, u16)> = None;
        for (coding, _) in &rule.codings {
            let weight = self.weight(*coding);
            if best.map_or(0, |(_, known)| known) < weight {
                best = Some((*coding, weight));
            }
        }
        // Only a word about plain bodies of its own counts: `*` is about codings, too.
        let plain = self.identity.unwrap_or(0);
        best.filter(|(_, weight)| plain <= *weight).map(|(coding, _)| coding)
    }
}

/// `0`, `0.5`, `1.000`: in thousandths.
fn read_weight(text: &[u8]) -> Option<u16> {
    let (whole, digits) = match text {
        [whole @ (b'0' | b'1')] => (*whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] if digits.len() <= 3 => (*whole, digits),
        _ => return None,
    };
    let mut thousandths = 0;
    for place in 0..3 {
        let digit = digits.get(place).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths = thousandths * 10 + u16::from(digit - b'0');
    }
    match (whole, thousandths) {
        (b'0', _) => Some(thousandths),
        (_, 0) => Some(WHOLE),
        _ => None,
    }
}
