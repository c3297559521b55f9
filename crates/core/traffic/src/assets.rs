//! Assets: files that a page consists of. One whose name has a hash of its content never changes, and need not be asked
//! for again; any other is worth a question whether it has changed, and no more.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// What is told to browsers of a file whose name has a hash: a year, as RFC 9111 and RFC 8246 have it. Who may
/// keep it besides follows from the request: `public` would also mean what is sent to somebody with a password.
pub const IMMUTABLE: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");

/// What is told of any other that says nothing itself: keep it, and ask each time whether it has changed.
pub const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// What an answer is, as an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asset {
    /// Its name has a hash: it is kept for good.
    Immutable,
    /// It is kept, and asked for again with a condition.
    Revalidated,
    /// It says itself how long it is kept.
    Told,
    /// It is sent anew each time: there is nothing to ask about.
    Cold,
    /// It is sent anew each time: the application forbids to keep it, in so many words.
    Forbidden,
    /// Its name has a hash, but nothing says that it is kept: it is asked for again with a condition.
    Unmarked,
    /// Its name has a hash, and it is sent anew each time all the same.
    UnmarkedCold,
}

impl Asset {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Immutable,
        Self::Revalidated,
        Self::Told,
        Self::Cold,
        Self::Forbidden,
        Self::Unmarked,
        Self::UnmarkedCold,
    ];

    /// As metrics and spans have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Immutable => "immutable",
            Self::Revalidated => "revalidated",
            Self::Told => "told",
            Self::Cold => "cold",
            Self::Forbidden => "forbidden",
            Self::Unmarked => "unmarked",
            Self::UnmarkedCold => "unmarked-cold",
        }
    }
}

/// Endings of files that pages are made of.
const ENDINGS: [&str; 25] = [
    "js", "mjs", "cjs", "css", "map", "wasm", "json", "woff", "woff2", "ttf", "otf", "eot", "png",
    "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "mp3", "mp4", "webm", "ogg", "txt",
];

/// Hexadecimal digits of the shortest digest that is a name by itself: MD5's. `MongoDB`'s `ObjectId` has 24.
const DIGEST_DIGITS: usize = 32;

/// Endings of what bundlers write with hashes of mixed letters; elsewhere such a name may be a word: `iPhone15Pro.png`.
const CODE: [&str; 7] = ["js", "mjs", "cjs", "css", "map", "wasm", "woff2"];

/// Endings of what as often is an answer of an application as a file.
const DATA: [&str; 3] = ["json", "txt", "map"];

/// Says of an answer how long it may be kept, if it does not say so itself; what it is then. `None` if it is no
/// asset: another method, a failure, or an answer for one user.
pub fn tell(
    method: &Method,
    path: &str,
    status: StatusCode,
    headers: &mut HeaderMap,
) -> Option<Asset> {
    let said = Said::of(method, status, headers)?;
    if said.forbids || said.private {
        return Some(if said.forbids { Asset::Forbidden } else { said.kept() });
    }
    if is_hashed(path) {
        headers.insert(header::CACHE_CONTROL, IMMUTABLE);
        return Some(Asset::Immutable);
    }
    if !said.tells {
        headers.insert(header::CACHE_CONTROL, REVALIDATE);
    }
    Some(said.kept())
}

/// What an answer is as it stands, where its name is that of a file which pages are made of; nothing is changed.
#[must_use]
pub fn seen(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap) -> Option<Asset> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    if !ENDINGS.contains(&&*ending) || DATA.contains(&&*ending) {
        return None;
    }
    let said = Said::of(method, status, headers)?;
    Some(match said.kept() {
        // Who forbids it means it, whatever the name is.
        _ if said.forbids => Asset::Forbidden,
        _ if said.immutable => Asset::Immutable,
        Asset::Cold if is_hashed(path) => Asset::UnmarkedCold,
        _ if is_hashed(path) && !said.lasts => Asset::Unmarked,
        kept => kept,
    })
}

/// What an answer says of how long it is kept.
#[expect(clippy::struct_excessive_bools, reason = "words that stand beside each other in any way")]
struct Said {
    /// Nobody may keep it.
    forbids: bool,
    /// Browsers alone may keep it.
    private: bool,
    immutable: bool,
    /// Browsers may keep it for a while without asking.
    lasts: bool,
    /// It says something of how long it is kept.
    tells: bool,
    /// There is something to ask about.
    can_be_asked: bool,
}

impl Said {
    /// `None` if it is no asset.
    fn of(method: &Method, status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let good = matches!(
            status,
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
        );
        if !reads || !good || headers.contains_key(header::SET_COOKIE) {
            return None;
        }
        let says = |word: &str| {
            let lines = headers.get_all(header::CACHE_CONTROL).iter();
            let mut words = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
            words.any(|one| {
                let name = one.split(|byte| *byte == b'=').next().unwrap_or_default();
                // With its value, or any.
                [one, name].iter().any(|it| it.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
            })
        };
        let ends = says("no-cache") || says("max-age=0");
        let timed = says("max-age") || headers.contains_key(header::EXPIRES);
        Some(Self {
            forbids: says("no-store"),
            private: says("private"),
            immutable: says("immutable"),
            lasts: timed && !ends,
            tells: timed || ["s-maxage", "no-cache", "must-revalidate"].into_iter().any(says),
            // What answers a condition was asked about already, whatever it repeats of it.
            can_be_asked: status == StatusCode::NOT_MODIFIED
                || headers.contains_key(header::ETAG)
                || headers.contains_key(header::LAST_MODIFIED),
        })
    }

    fn kept(&self) -> Asset {
        match (self.lasts, self.can_be_asked) {
            (true, _) => Asset::Told,
            (false, true) if self.tells => Asset::Told,
            (false, true) => Asset::Revalidated,
            (false, false) => Asset::Cold,
        }
    }
}

/// Whether the name of a file has a hash of its content, as bundlers write it: `app.3f2a9c1b.js`, `index-BX2k9Qz1.css`.
///
/// In doubt it has none: who is asked once more than needed loses little, who keeps an old file for a year, much.
/// So a date, a version or a word is none, and nor is what databases call their rows: a UUID, an `ObjectId`.
#[must_use]
pub fn is_hashed(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut parts: Vec<&str> = name.split('.').collect();
    let Some(ending) = parts.pop() else { return false };
    let ending = ending.to_ascii_lowercase();
    if parts.is_empty() || !ENDINGS.contains(&&*ending) {
        return false;
    }
    let is_code = CODE.contains(&&*ending);
    let is_hash = |text: &str| is_hex(text, 8) || is_code && is_mixed(text);
    if parts.iter().any(|part| ends_in_uuid(part)) {
        return false;
    }
    // The hash of all of the name is as long as that of a digest, lest a word or a row's key is taken for one.
    if let [all] = *parts
        && is_hex(all, DIGEST_DIGITS)
    {
        return true;
    }
    let named = |part: &&str| !part.is_empty();
    let mut later = parts.iter().skip(1).copied().filter(named);
    if later.any(is_hash) {
        return true;
    }
    // In a part of its own, or behind the last dash; a hash may itself begin with one, but is then not seen.
    parts.iter().any(|part| part.rsplit_once(['-', '_']).is_some_and(|(_, last)| is_hash(last)))
}

/// Whether a part of a name ends in five groups of 8, 4, 4, 4 and 12 hexadecimal digits (RFC 9562).
fn ends_in_uuid(part: &str) -> bool {
    let Some(last) = part.len().checked_sub(36).and_then(|start| part.get(start..)) else {
        return false;
    };
    let groups: Vec<&str> = last.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Hexadecimal digits of one case, at least so many; a number is none, and nor is a word.
fn is_hex(text: &str, bytes_min: usize) -> bool {
    let lower = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let upper = text.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    bytes_min <= text.len()
        && text.len() <= 64
        && (lower || upper)
        && 0 < digits
        && digits < text.len()
}

/// Eight or more letters of both cases and digits, so mixed that they are no word with a number behind.
fn is_mixed(text: &str) -> bool {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => Some(0),
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        _ => None,
    };
    let kinds: Option<Vec<i32>> = text.bytes().map(kind).collect();
    let Some(kinds) = kinds.filter(|kinds| (8..=64).contains(&kinds.len())) else { return false };
    let changes = kinds.windows(2).filter(|pair| pair.first() != pair.last()).count();
    kinds.contains(&0) && 4 <= changes
}
