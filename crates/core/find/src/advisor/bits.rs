//! Sets of candidates, as bits: subsets are tested a million times.

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn insert(&mut self, place: usize) {
        let word = place / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (place % 64);
    }

    pub(super) fn remove(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
        self.trim();
    }

    pub(super) fn contains(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.len() <= other.0.len()
            && self.0.iter().zip(&other.0).all(|(mine, theirs)| mine & !theirs == 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        let mut both =
            Self(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine & theirs).collect());
        both.trim();
        both
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        let (long, short) =
            if self.0.len() < other.0.len() { (other, self) } else { (self, other) };
        let mut any = long.clone();
        for (word, more) in any.0.iter_mut().zip(&short.0) {
            *word |= more;
        }
        any
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        for (word, gone) in rest.0.iter_mut().zip(&other.0) {
            *word &= !gone;
        }
        rest.trim();
        rest
    }

    /// Its members, rising.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, bits)| {
            (0..64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| word * 64 + bit)
        })
    }

    /// Equal sets are equal words.
    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<T: IntoIterator<Item = usize>>(places: T) -> Self {
        let mut bits = Self::default();
        for place in places {
            bits.insert(place);
        }
        bits
    }
}
