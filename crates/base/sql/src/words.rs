//! The words that the lexer must know, and what follows from each; classes of bytes.

/// What follows from a word: bits, because several hold for most.
pub(crate) type Flags = u16;

/// A space stands before a parenthesis that follows it.
pub(crate) const SPACED: Flags = 1;
/// What follows in double quotes is a value.
pub(crate) const VALUE: Flags = 2;
/// What follows in double quotes is a name.
pub(crate) const NAME: Flags = 4;
/// From here on, this pair of parentheses holds names, even if it began like the arguments of a function.
pub(crate) const NAMES: Flags = 8;
/// The parentheses after the name that follows hold names: `INTO t (a, b)`.
pub(crate) const TARGET: Flags = 16;
/// A constant: `NULL`, `TRUE`, `FALSE`.
pub(crate) const CONSTANT: Flags = 32;
/// A label of one session follows, such as the name of a savepoint.
pub(crate) const LABEL: Flags = 64;
/// Something that can be computed with; what follows is no sign but an operator.
pub(crate) const OPERAND: Flags = 128;
/// A constant after it is part of the shape: `IS NULL`.
pub(crate) const KEEPS: Flags = 256;
/// Begins a list of values, whose equal members are folded.
pub(crate) const LIST: Flags = 512;
/// Begins a list of rows.
pub(crate) const ROWS: Flags = 1024;
/// `LIMIT`
pub(crate) const LIMIT: Flags = 2048;
/// `OFFSET`
pub(crate) const OFFSET: Flags = 4096;
/// `BETWEEN`
pub(crate) const BETWEEN: Flags = 8192;
/// `AND`
pub(crate) const AND: Flags = 16384;
/// `ESCAPE`
pub(crate) const ESCAPE: Flags = 32768;

/// Lower case. A quoted name that is one of these keeps its quotes.
const WORDS: &[(&str, Flags)] = &[
    ("all", 0),
    ("alter", 0),
    ("and", SPACED | AND),
    ("any", 0),
    ("array", LIST | OPERAND),
    ("as", SPACED | NAME),
    ("asc", 0),
    ("begin", 0),
    ("between", SPACED | VALUE | BETWEEN),
    ("binary", SPACED | VALUE),
    ("by", SPACED | NAMES),
    ("case", SPACED),
    ("close", LABEL),
    ("collate", NAME),
    ("commit", 0),
    ("conflict", SPACED),
    ("constraint", NAME),
    ("create", 0),
    ("cross", 0),
    ("deallocate", LABEL),
    ("declare", LABEL),
    ("default", VALUE | KEEPS | OPERAND),
    ("delete", 0),
    ("desc", 0),
    ("distinct", SPACED),
    ("do", 0),
    ("drop", 0),
    ("else", SPACED | VALUE),
    ("end", OPERAND),
    ("escape", SPACED | VALUE | ESCAPE),
    ("except", SPACED),
    ("exists", SPACED),
    ("false", CONSTANT),
    ("fetch", 0),
    ("filter", SPACED),
    ("for", 0),
    ("from", SPACED | NAME | NAMES),
    ("full", 0),
    ("group", SPACED),
    ("having", SPACED | NAMES),
    ("identified", VALUE),
    ("ilike", SPACED | VALUE),
    ("in", SPACED | VALUE | LIST),
    ("index", NAME),
    ("inner", 0),
    ("insert", 0),
    ("intersect", SPACED),
    ("interval", SPACED | VALUE),
    ("into", SPACED | NAME | TARGET),
    ("is", SPACED | KEEPS),
    ("join", SPACED | NAME),
    ("key", SPACED),
    ("lateral", SPACED),
    ("left", 0),
    ("like", SPACED | VALUE),
    ("limit", SPACED | VALUE | LIMIT),
    ("natural", 0),
    ("not", SPACED | KEEPS),
    ("null", CONSTANT),
    ("offset", SPACED | VALUE | OFFSET),
    ("on", SPACED | NAMES),
    ("only", SPACED | NAME),
    ("or", SPACED),
    ("order", SPACED),
    ("outer", 0),
    ("over", SPACED),
    ("partition", 0),
    ("password", VALUE | OPERAND),
    ("primary", 0),
    ("recursive", TARGET | NAME),
    ("references", NAME | TARGET),
    ("regexp", SPACED | VALUE),
    ("release", LABEL),
    ("returning", SPACED | NAMES),
    ("right", 0),
    ("rlike", SPACED | VALUE),
    ("rollback", 0),
    ("savepoint", LABEL),
    ("select", SPACED | NAMES),
    ("separator", SPACED | VALUE),
    ("set", SPACED | KEEPS),
    ("some", 0),
    ("table", NAME | TARGET),
    ("then", SPACED | VALUE),
    ("to", SPACED | VALUE),
    ("top", SPACED),
    ("true", CONSTANT),
    ("union", SPACED),
    ("update", SPACED | NAME),
    ("using", SPACED),
    ("values", SPACED | ROWS),
    ("when", SPACED),
    ("where", SPACED | NAMES),
    ("with", SPACED | NAME | TARGET),
];

const SLOTS: usize = 512;

/// Open addressing: each word sits at its hash or in the next free slot; 0 is free.
const TABLE: [u8; SLOTS] = {
    let mut table = [0; SLOTS];
    let mut index = 0;
    while index < WORDS.len() {
        let mut slot = slot(WORDS[index].0.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 255 words")]
        {
            table[slot] = index as u8 + 1;
        }
        index += 1;
    }
    table
};

const fn slot(word: &[u8]) -> usize {
    let last = word.len() - 1;
    let sum = word[0] as usize * 31 + word[1] as usize * 7 + word[last] as usize * 17 + last * 5;
    sum % SLOTS
}

/// What follows from `word`, which is in lower case; `None` if nothing does.
#[inline]
pub(crate) fn keyword(word: &[u8]) -> Option<Flags> {
    if word.len() < 2 || word.len() > 10 {
        return None;
    }
    let mut slot = slot(word);
    while TABLE[slot] != 0 {
        let (known, flags) = WORDS[usize::from(TABLE[slot]) - 1];
        if known.as_bytes() == word {
            return Some(flags);
        }
        slot = (slot + 1) % SLOTS;
    }
    None
}

/// Class of a byte: blank.
pub(crate) const BLANK: u8 = 1;
/// Class of a byte: may begin a word.
pub(crate) const LETTER: u8 = 2;
/// Class of a byte: digit.
pub(crate) const DIGIT: u8 = 4;
/// Class of a byte: letter of upper case.
pub(crate) const UPPER: u8 = 8;
/// Class of a byte: `$`, which may go on with a word.
pub(crate) const DOLLAR: u8 = 16;
/// Class of a byte: of an operator of any length.
pub(crate) const OPERATOR: u8 = 32;
/// Classes that may go on with a word.
pub(crate) const WORD: u8 = LETTER | DIGIT | DOLLAR;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = match byte {
            0..=b' ' | 0x7f => BLANK,
            b'a'..=b'z' | b'_' | 0x80.. => LETTER,
            b'A'..=b'Z' => LETTER | UPPER,
            b'0'..=b'9' => DIGIT,
            b'$' => DOLLAR,
            b'<' | b'>' | b'=' | b'!' | b'~' | b'|' | b'&' | b'^' => OPERATOR,
            _ => 0,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

/// Whether `byte` is of one of `classes`.
#[inline]
pub(crate) fn is(byte: u8, classes: u8) -> bool {
    CLASSES[usize::from(byte)] & classes != 0
}

/// First place from `at` on that is not of `classes`.
#[inline]
pub(crate) fn skip(text: &[u8], at: usize, classes: u8) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !is(*byte, classes)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_and_no_other() {
        for (word, flags) in WORDS {
            assert_eq!(keyword(word.as_bytes()), Some(*flags), "{word}");
        }
        for word in ["", "a", "orders", "id", "selects", "valuesx", "deallocated"] {
            assert_eq!(keyword(word.as_bytes()), None, "{word}");
        }
        assert!(WORDS.iter().all(|(word, _)| (2..=10).contains(&word.len())));
    }
}
