//! The axis of latencies in charts of pages: logarithmic, so that a pause is a wedge and noise stays flat.

use std::time::Duration;

use maud::{Markup, html as page};

use crate::units;

/// Latencies from the bottom of a chart to its top.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latencies {
    /// Powers of ten of nanoseconds.
    low: f64,
    high: f64,
    height: f64,
}

impl Latencies {
    /// As much as holds all of these, in nanoseconds; whole powers of ten, and one at least. `None` where there are none.
    pub(super) fn of(nanos: impl IntoIterator<Item = f64>, height: f64) -> Option<Self> {
        let (least, most) = nanos
            .into_iter()
            .fold((f64::INFINITY, 0.0_f64), |(least, most), it| (least.min(it), most.max(it)));
        if most < least {
            return None;
        }
        let low = least.max(1e3).log10().floor();
        Some(Self { low, high: most.max(1e3).log10().ceil().max(low + 1.0), height })
    }

    /// Where a latency is, within the chart.
    pub(super) fn y(&self, nanos: f64) -> f64 {
        let at = nanos.max(1.0).log10().clamp(self.low, self.high);
        self.height - (at - self.low) / (self.high - self.low) * self.height
    }

    /// A line for each power of ten, over this width.
    pub(super) fn grid(&self, width: f64) -> Markup {
        let powers = std::iter::successors(Some(self.low), |power| Some(power + 1.0))
            .take_while(|power| *power <= self.high);
        page! {
            @for power in powers {
                @let at = self.y(10_f64.powf(power));
                line.grid x1="0" x2=(width) y1=(place(at)) y2=(place(at)) {}
                text x="-8" y=(place(at + 4.0)) text-anchor="end" {
                    (units::time(Duration::try_from_secs_f64(10_f64.powf(power - 9.0)).unwrap_or_default()))
                }
            }
        }
    }
}

/// A place in a picture.
pub(super) fn place(at: f64) -> String {
    format!("{at:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_seen_lies_between_whole_powers_of_ten() {
        let axis = Latencies::of([2e6, 3e8], 90.0).unwrap();
        assert_eq!([1e6, 1e7, 1e9].map(|nanos| place(axis.y(nanos))), ["90.0", "60.0", "0.0"]);
        assert_eq!(place(axis.y(0.0)), "90.0");
        assert_eq!(axis.grid(10.0).into_string().matches("<line").count(), 4);
        assert!(Latencies::of([], 90.0).is_none());
        let one = Latencies::of([5e6], 90.0).unwrap();
        assert_eq!(one.grid(10.0).into_string().matches("<line").count(), 2);
    }
}
