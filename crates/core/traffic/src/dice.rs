//! Chance from a seed: the same seed throws the same numbers.
//!
//! `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014): one
//! word of state, and good enough to spread load with. Nothing secret hangs on it.

/// Numbers by chance.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Dice that throw what this seed says.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Any number.
    pub fn throw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        // Multiply and shift instead of a remainder: quicker, and as even.
        let wide = u128::from(self.throw()) * (end as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A share from 0 up to, but not, 1.
    pub fn share(&mut self) -> f64 {
        let bits = u32::try_from(self.throw() >> 32).unwrap_or(0);
        f64::from(bits) / 4_294_967_296.0
    }
}

/// Scrambles a number so that neighbours end up far from each other.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// A number for some bytes, the same in every process and every version: FNV-1a, scrambled.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    mix(bytes.iter().fold(0xCBF2_9CE4_8422_2325, fold))
}
