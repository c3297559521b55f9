//! Numbers that look random and are told by a seed: xoshiro256++ (Blackman and Vigna, 2021), seeded by `SplitMix64`.

/// A stream of pseudo-random numbers; the same seed gives the same stream, on every machine.
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
    /// Normal numbers come in pairs: the second of the last one.
    spare: Option<f64>,
}

impl Random {
    /// The stream of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed;
        let mut next = || {
            mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut word = mixed;
            word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            word ^ (word >> 31)
        };
        Self { state: [next(), next(), next(), next()], spare: None }
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// Uniform in [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform among 0 to `count` - 1; 0 for a `count` of 0.
    #[expect(clippy::cast_possible_truncation, reason = "below `count`")]
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Normal with mean 0 and variance 1 (the polar method of Marsaglia and Bray, 1964).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // Refused one time in five; the bound is for the reader's peace of mind.
        for _ in 0..1_000 {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if 0.0 < square && square < 1.0 {
                let times = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * times);
                return x * times;
            }
        }
        0.0
    }

    /// Gamma with this shape, at least 1/3, and scale 1 (Marsaglia and Tsang, 2000, without the step for shapes below).
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape.max(0.34) - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        // Refused less than once in twenty; the bound is as above.
        for _ in 0..1_000 {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v <= 0.0 {
                continue;
            }
            let (unit, square) = (self.unit(), x * x);
            // Nearly always that is enough, and no logarithm is needed.
            if unit < 1.0 - 0.0331 * square * square
                || unit.ln() < 0.5 * square + d - d * v + d * v.ln()
            {
                return d * v;
            }
        }
        shape
    }

    /// Beta: the part that one of two gammas has of both.
    pub(crate) fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        if x + y > 0.0 { x / (x + y) } else { 0.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(mut draw: impl FnMut(&mut Random) -> f64) -> (f64, f64) {
        let mut random = Random::new(7);
        let values: Vec<f64> = (0..100_000).map(|_| draw(&mut random)).collect();
        let mean = values.iter().sum::<f64>() / 1e5;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 1e5)
    }

    fn near(seen: (f64, f64), mean: f64, variance: f64) {
        assert!((seen.0 - mean).abs() < 0.02 * (1.0 + mean), "mean {} for {mean}", seen.0);
        assert!((seen.1 - variance).abs() < 0.04 * (0.1 + variance), "{} for {variance}", seen.1);
    }

    #[test]
    fn distributions_have_their_means_and_variances() {
        near(moments(Random::unit), 0.5, 1.0 / 12.0);
        near(moments(Random::exponential), 1.0, 1.0);
        near(moments(Random::normal), 0.0, 1.0);
        near(moments(|random| random.gamma(4.5)), 4.5, 4.5);
        near(moments(|random| random.beta(6.0, 2.0)), 0.75, 12.0 / (64.0 * 9.0));
        #[expect(clippy::cast_precision_loss, reason = "below ten")]
        near(moments(|random| random.below(10) as f64), 4.5, 8.25);
    }

    #[test]
    fn a_seed_tells_the_stream() {
        let stream = |seed| -> Vec<u64> {
            let mut random = Random::new(seed);
            (0..4).map(|_| random.bits()).collect()
        };
        assert_eq!(stream(1), stream(1));
        assert_ne!(stream(1), stream(2));
        assert_eq!(Random::new(1).below(0), 0);
    }
}
