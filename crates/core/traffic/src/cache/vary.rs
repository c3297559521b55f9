//! `Vary`: which headers of a request an answer was chosen by, and whether another request has the same (RFC 9111,
//! section 4.1).

use http::{HeaderMap, HeaderName, header};

use crate::fields::Fields;

/// Headers that an answer was chosen by, with what the request said in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selecting {
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: HeaderName,
    /// As it came, where it came in one line: what nearly all requests are compared by.
    pub(super) raw: Option<Vec<u8>>,
    /// What it means, the same for all that mean the same; `None` if it was not there.
    pub(super) meaning: Option<Vec<u8>>,
}

/// What an answer was chosen by; `None` if by what only its sender knows (`Vary: *`).
#[must_use]
pub fn selecting(answer: &HeaderMap, request: &impl Fields) -> Option<Selecting> {
    /// More than any application varies by; an answer with more is not worth storing.
    const FIELDS_MAX: usize = 32;
    let mut fields: Vec<Field> = Vec::new();
    for line in answer.get_all(header::VARY) {
        for name in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if name.is_empty() {
                continue;
            }
            let name = HeaderName::from_bytes(name).ok().filter(|name| name.as_str() != "*")?;
            if fields.iter().any(|field| field.name == name) {
                continue;
            }
            if fields.len() == FIELDS_MAX {
                return None;
            }
            let (raw, meaning) =
                (single(&name, request).map(<[u8]>::to_vec), meaning(&name, request));
            fields.push(Field { name, raw, meaning });
        }
    }
    Some(Selecting { fields })
}

impl Selecting {
    /// Whether a request says the same.
    #[must_use]
    pub fn takes(&self, request: &impl Fields) -> bool {
        self.fields.iter().all(|field| match (&field.raw, single(&field.name, request)) {
            (Some(stored), Some(asked)) if stored == asked => true,
            _ => field.meaning == meaning(&field.name, request),
        })
    }

    /// Whether it stands for the same requests as another.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.fields.len() == other.fields.len()
            && self.fields.iter().all(|field| {
                let same =
                    |known: &Field| known.name == field.name && known.meaning == field.meaning;
                other.fields.iter().any(same)
            })
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let long = |text: &Option<Vec<u8>>| text.as_ref().map_or(0, Vec::len);
        let of = |field: &Field| 128 + 2 * long(&field.meaning) + long(&field.raw);
        self.fields.iter().map(of).sum()
    }

    /// Names of the headers.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.fields.iter().map(|field| &field.name)
    }

    /// A number for what a request says in these headers.
    #[must_use]
    pub fn number(&self, request: &impl Fields) -> u64 {
        let mut all = Vec::new();
        for field in &self.fields {
            match meaning(&field.name, request) {
                Some(meaning) => all.extend_from_slice(&meaning),
                None => all.push(1),
            }
            all.push(0);
        }
        super::key::hash(0, &all)
    }
}

fn single<'a>(name: &'a HeaderName, headers: &'a impl Fields) -> Option<&'a [u8]> {
    let mut lines = headers.all(name);
    let first = lines.next()?;
    lines.next().is_none().then_some(first)
}

/// What a header means: lines joined, blanks around commas dropped, and for lists whose order says nothing the order.
/// Credentials are compared byte by byte.
fn meaning(name: &HeaderName, headers: &impl Fields) -> Option<Vec<u8>> {
    let mut lines = headers.all(name).peekable();
    lines.peek()?;
    if *name == header::COOKIE || *name == header::AUTHORIZATION {
        return Some(lines.collect::<Vec<_>>().join(&b"\x01"[..]));
    }
    let joined = lines.collect::<Vec<_>>().join(&b","[..]);
    let mut members: Vec<Vec<u8>> = super::control::members(&joined).map(<[u8]>::to_vec).collect();
    if *name == header::ACCEPT_LANGUAGE || *name == header::ACCEPT_ENCODING {
        for member in &mut members {
            member.make_ascii_lowercase();
            member.retain(|byte| !byte.is_ascii_whitespace());
            // The weight that is meant where none is said.
            for one in [&b";q=1"[..], b";q=1.0", b";q=1.00", b";q=1.000"] {
                if member.ends_with(one) {
                    member.truncate(member.len() - one.len());
                }
            }
        }
        members.sort();
        members.dedup();
    }
    Some(members.join(&b","[..]))
}
