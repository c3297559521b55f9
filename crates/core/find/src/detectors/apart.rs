//! What tells slow requests from fast ones: an attribute's value, or work that only the slow ones do.
//!
//! The measure is Youden's J: the share of slow requests that have it minus the share of fast ones that
//! have it. 1 separates perfectly, 0 not at all.

use std::collections::BTreeMap;

use model::Text;

use crate::PastRequest;

/// Below this, what is common among the slow ones is too common among the others.
const J_MIN: f64 = 0.7;

/// What tells slow requests from fast ones.
#[derive(Debug)]
pub(super) struct Apart {
    /// The attribute and the value that slow requests have.
    pub(super) attribute: Option<(Text, Text)>,
    /// Work that slow requests do and fast ones do not.
    pub(super) deed: Option<Text>,
    slow_share: f64,
    fast_share: f64,
}

impl Apart {
    /// As it stands in a claim: `cache.hit = false`.
    pub(super) fn label(&self) -> String {
        match (&self.attribute, &self.deed) {
            (Some((key, value)), _) => format!("{key} = {value}"),
            (None, Some(deed)) => format!("`{}`", super::words::shorten(deed)),
            (None, None) => String::new(),
        }
    }

    /// As it stands in an excerpt.
    pub(super) fn line(&self) -> String {
        format!(
            "{} holds for {:.0} % of the slow and {:.0} % of the fast requests",
            self.label(),
            self.slow_share * 100.0,
            self.fast_share * 100.0
        )
    }
}

/// The best attribute, else the best deed, if it tells well enough.
pub(super) fn what_tells(
    slow: &[&PastRequest],
    fast: &[&PastRequest],
    names: &BTreeMap<u64, Text>,
) -> Option<Apart> {
    let share = |count: usize, of: usize| {
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        let share = count as f64 / of.max(1) as f64;
        share
    };
    let mut best: Option<Apart> = None;
    let offer = |best: &mut Option<Apart>, candidate: Apart| {
        let j = |apart: &Apart| apart.slow_share - apart.fast_share;
        if J_MIN <= j(&candidate) && best.as_ref().is_none_or(|best| j(best) < j(&candidate)) {
            *best = Some(candidate);
        }
    };
    let (in_slow, in_fast) = (count_attributes(slow), count_attributes(fast));
    for (pair, count) in &in_slow {
        let other = in_fast.get(pair).copied().unwrap_or_default();
        let candidate = Apart {
            attribute: Some((pair.0.clone(), pair.1.clone())),
            deed: None,
            slow_share: share(*count, slow.len()),
            fast_share: share(other, fast.len()),
        };
        offer(&mut best, candidate);
    }
    // An attribute says whose requests are slow; work says only what they do. The former wins.
    if best.is_some() {
        return best;
    }
    let (in_slow, in_fast) = (count_deeds(slow), count_deeds(fast));
    for (deed, count) in &in_slow {
        let Some(name) = names.get(deed) else { continue };
        let other = in_fast.get(deed).copied().unwrap_or_default();
        let candidate = Apart {
            attribute: None,
            deed: Some(name.clone()),
            slow_share: share(*count, slow.len()),
            fast_share: share(other, fast.len()),
        };
        offer(&mut best, candidate);
    }
    best
}

fn count_attributes<'a>(requests: &[&'a PastRequest]) -> BTreeMap<&'a (Text, Text), usize> {
    let mut counts = BTreeMap::new();
    for pair in requests.iter().flat_map(|request| &request.attributes) {
        *counts.entry(pair).or_default() += 1;
    }
    counts
}

fn count_deeds(requests: &[&PastRequest]) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for deed in requests.iter().flat_map(|request| &request.footprint) {
        *counts.entry(*deed).or_default() += 1;
    }
    counts
}
