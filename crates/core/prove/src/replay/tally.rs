//! Differences of many answers: what of them is noise, the rest grouped.
//!
//! A place is noise unless it differs more often between old and new than between old and old, by more than a fifth of both
//! together, and in more than 3 of 10,000 answers: the thresholds that Diffy has in use.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compared, Difference, Place};

/// More often than noise, as a part of both.
const RELATIVE: f64 = 0.2;
/// More often than noise, as a part of all answers.
const ABSOLUTE: f64 = 0.0003;

/// Endpoints and places at most; a capture of more paths than that has ids in them that are not known as such.
const PLACES_MAX: usize = 20_000;
/// Sets of places at most, some 40 MB of numbers: a dozen noisy places of an endpoint make 4,096 of them.
const SETS_MAX: usize = 200_000;

/// Counts as answers come.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    endpoints: BTreeMap<String, Endpoint>,
    places: BTreeMap<(String, Place), Seen>,
    /// Which places, by their numbers, differed together: whether an answer differs is known once noise is.
    sets: BTreeMap<Vec<u32>, u64>,
    /// Answers whose places are not all counted: they differ.
    uncounted: u64,
    /// What was left out because there were too many places.
    beyond: u64,
}

#[derive(Debug, Clone, Default)]
struct Endpoint {
    compared: u64,
    identical: u64,
    equal: u64,
    so_far: u64,
    unknown: u64,
    /// Answers of the same version that were compared with each other.
    paired: u64,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    /// Its own; places are counted as they come.
    number: u32,
    raw: u64,
    noise: u64,
    example: Option<(String, Difference)>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Answers that were compared.
    pub compared: u64,
    /// Byte for byte the same.
    pub identical: u64,
    /// The same but for space, order of keys and what is masked.
    pub equal: u64,
    /// The same as far as they were kept: bodies were cut.
    pub so_far: u64,
    /// Different in what is noise alone.
    pub noisy: u64,
    /// Different.
    pub different: u64,
    /// Nothing was kept that could be compared.
    pub unknown: u64,
    /// Differences, by endpoint and place, the most frequent first.
    pub groups: Vec<Group>,
    /// Places that are noise.
    pub noise: Vec<Group>,
    /// Endpoints that were asked, and how often.
    pub endpoints: Vec<(String, u64)>,
    /// Differences that were not counted because there were too many places.
    pub beyond: u64,
}

/// A place at which answers of an endpoint differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Method and path.
    pub endpoint: String,
    /// Where.
    pub place: Place,
    /// Answers that differ there, old from new.
    pub count: u64,
    /// Answers of the endpoint that were compared.
    pub compared: u64,
    /// Answers that differ there from others of the same version.
    pub noise: u64,
    /// One of them: what was asked.
    pub asked: String,
    /// And how it differs.
    pub example: Option<Difference>,
}

impl Tally {
    /// An answer of the old version and one of the new.
    pub fn add(&mut self, endpoint: &str, asked: &str, compared: Compared) {
        let of = self.endpoints.entry(endpoint.to_owned()).or_default();
        of.compared += 1;
        match compared {
            Compared::Identical => of.identical += 1,
            Compared::Equal => of.equal += 1,
            Compared::SoFar => of.so_far += 1,
            Compared::Unknown => of.unknown += 1,
            Compared::Different(differences) => {
                let (mut places, mut numbers) = (Vec::new(), Vec::new());
                let mut is_counted = true;
                for difference in differences {
                    if places.contains(&difference.place) {
                        continue;
                    }
                    places.push(difference.place.clone());
                    if let Some(seen) = self.place(endpoint, &difference.place) {
                        seen.raw += 1;
                        numbers.push(seen.number);
                        seen.example.get_or_insert_with(|| (asked.to_owned(), difference));
                    } else {
                        is_counted = false;
                    }
                }
                numbers.sort_unstable();
                let has_room = self.sets.len() < SETS_MAX || self.sets.contains_key(&numbers);
                if is_counted && has_room {
                    *self.sets.entry(numbers).or_default() += 1;
                } else {
                    self.uncounted += 1;
                }
            }
        }
    }

    /// Two answers of the same version.
    pub fn add_noise(&mut self, endpoint: &str, compared: Compared) {
        self.endpoints.entry(endpoint.to_owned()).or_default().paired += 1;
        let Compared::Different(differences) = compared else { return };
        let mut places: Vec<Place> =
            differences.into_iter().map(|difference| difference.place).collect();
        places.sort();
        places.dedup();
        for place in places {
            if let Some(seen) = self.place(endpoint, &place) {
                seen.noise += 1;
            }
        }
    }

    fn place(&mut self, endpoint: &str, place: &Place) -> Option<&mut Seen> {
        let key = (endpoint.to_owned(), place.clone());
        if PLACES_MAX <= self.places.len() && !self.places.contains_key(&key) {
            self.beyond += 1;
            return None;
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        Some(self.places.entry(key).or_insert_with(|| Seen { number, ..Seen::default() }))
    }

    /// What it came to.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report =
            Report { beyond: self.beyond, different: self.uncounted, ..Report::default() };
        for (name, of) in &self.endpoints {
            report.compared += of.compared;
            report.identical += of.identical;
            report.equal += of.equal;
            report.so_far += of.so_far;
            report.unknown += of.unknown;
            report.endpoints.push((name.clone(), of.compared));
        }
        let mut noise = BTreeSet::new();
        for ((endpoint, place), seen) in &self.places {
            if seen.raw == 0 {
                continue;
            }
            let compared = self.endpoints.get(endpoint).map_or(0, |of| of.compared);
            let (asked, example) = seen
                .example
                .clone()
                .map_or((String::new(), None), |(asked, one)| (asked, Some(one)));
            let group = Group {
                endpoint: endpoint.clone(),
                place: place.clone(),
                count: seen.raw,
                compared,
                noise: seen.noise,
                asked,
                example,
            };
            if self.is_noise(endpoint, seen) {
                noise.insert(seen.number);
                report.noise.push(group);
            } else {
                report.groups.push(group);
            }
        }
        for (numbers, count) in &self.sets {
            if numbers.iter().all(|number| noise.contains(number)) {
                report.noisy += count;
            } else {
                report.different += count;
            }
        }
        for groups in [&mut report.groups, &mut report.noise] {
            groups.sort_by(|one, other| {
                (other.count, &one.endpoint, &one.place).cmp(&(
                    one.count,
                    &other.endpoint,
                    &other.place,
                ))
            });
        }
        report
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of answers")]
    fn is_noise(&self, endpoint: &str, seen: &Seen) -> bool {
        let of = self.endpoints.get(endpoint);
        let (compared, paired) = of.map_or((0, 0), |of| (of.compared, of.paired));
        if seen.noise == 0 || paired == 0 {
            return false;
        }
        // Fewer were asked twice than were compared, where some failed.
        let raw = seen.raw as f64;
        let noise = seen.noise as f64 * compared as f64 / paired as f64;
        let more = raw - noise;
        !(0.0 < more && RELATIVE < more / (raw + noise) && ABSOLUTE < more / compared.max(1) as f64)
    }
}
