//! Tails of the normal distribution and of Kolmogorov's.

/// How likely a normal value is at least this far from 0, on either side: Abramowitz and Stegun 7.1.26, right to 1.5e-7.
pub(crate) fn two_sided(z: f64) -> f64 {
    const TERMS: [f64; 5] =
        [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = TERMS.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    (sum * (-x * x).exp()).clamp(0.0, 1.0)
}

/// How likely two samples of one distribution are at least this far apart, with an effective size of `size`
/// (Kolmogorov's series, with the correction for small samples by Stephens, 1970).
pub(crate) fn kolmogorov(distance: f64, size: f64) -> f64 {
    let root = size.max(0.0).sqrt();
    let x = distance * (root + 0.12 + 0.11 / root.max(1e-9));
    if x < 0.2 {
        return 1.0;
    }
    let mut sum = 0.0;
    for k in 1..=100_i32 {
        let term = (-2.0 * f64::from(k * k) * x * x).exp();
        sum += if k % 2 == 1 { term } else { -term };
        if term < 1e-12 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_published_tables() {
        assert!((two_sided(1.959_964) - 0.05).abs() < 1e-6);
        assert!((two_sided(-2.575_829) - 0.01).abs() < 1e-6);
        assert!((two_sided(0.0) - 1.0).abs() < 1e-6);
        // The 5 % point of Kolmogorov's distribution is 1.358.
        let size = 1e8_f64;
        assert!((kolmogorov(1.358 / size.sqrt(), size) - 0.05).abs() < 0.001);
        assert!((kolmogorov(0.0, 10.0) - 1.0).abs() < 1e-9);
    }
}
