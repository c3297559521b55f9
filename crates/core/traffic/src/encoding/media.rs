//! Kinds of content, and ranges of them.

/// Kinds of content: one, or all of a sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaRange {
    /// `*/*`
    Any,
    /// `application/json`
    Exactly(String),
    /// `text/*`
    Below(String),
    /// `*/*+json`: what is JSON, whatever else it is.
    Suffix(String),
}

/// What gains from being compressed. Pictures, sounds, films, archives and most fonts are compressed already.
const USUAL: &[&str] = &[
    "text/*",
    "application/json",
    "*/*+json",
    "application/x-ndjson",
    "application/javascript",
    "application/x-javascript",
    "application/xml",
    "*/*+xml",
    "application/yaml",
    "application/wasm",
    "application/msgpack",
    "application/x-msgpack",
    "application/vnd.ms-fontobject",
    "font/ttf",
    "font/otf",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
];

impl MediaRange {
    /// A range as settings have it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if text == "*/*" || text == "*" {
            return Some(Self::Any);
        }
        let token = |text: &str| {
            let byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            !text.is_empty() && text.bytes().all(byte)
        };
        let (top, sub) = text.split_once('/')?;
        match (top, sub, sub.strip_prefix('*')) {
            ("*", _, Some(suffix)) if suffix.starts_with('+') && token(suffix) => {
                Some(Self::Suffix(suffix.to_owned()))
            }
            (_, "*", _) if token(top) => Some(Self::Below(format!("{top}/"))),
            (_, _, None) if token(top) && token(sub) => Some(Self::Exactly(text)),
            _ => None,
        }
    }

    /// What is compressed unless told otherwise.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        USUAL.iter().filter_map(|text| Self::parse(text)).collect()
    }

    /// Whether content of this type, as `Content-Type` has it, is of this kind.
    #[must_use]
    pub fn contains(&self, content_type: &[u8]) -> bool {
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
        let essence = essence.trim_ascii();
        let starts = |with: &str| {
            let start = essence.get(..with.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
        };
        match self {
            Self::Any => true,
            Self::Exactly(whole) => essence.eq_ignore_ascii_case(whole.as_bytes()),
            Self::Below(top) => starts(top),
            Self::Suffix(suffix) => {
                let end = essence.len().checked_sub(suffix.len());
                let end = end.and_then(|start| essence.get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
            }
        }
    }
}
