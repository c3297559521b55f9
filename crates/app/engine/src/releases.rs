//! Which version of a service was first seen when: what a page marks on its axes of time.
//!
//! A release is a version that came after another one of the same service. What the first one is, nobody can tell from
//! spans: it may have run for years.

use std::{collections::BTreeMap, sync::Arc};

use model::{Moment, Resource, Span, Text, Window};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};

/// Name of the document in the store.
const NAME: &str = "releases";

/// Versions of a service that are remembered, the latest ones: more than an axis can show.
const VERSIONS_MAX: usize = 100;

/// Services of which versions are remembered: five times the largest systems that the pages are made for.
const SERVICES_MAX: usize = 1_000;

/// Longest version, in bytes: some put a whole commit and a date into it.
const VERSION_BYTES_MAX: usize = 200;

/// When each version of each service was first seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Releases {
    /// Nanoseconds since the epoch, by version, by service.
    first_seen_unix_nanos: BTreeMap<String, BTreeMap<String, u64>>,
    #[serde(skip)]
    is_saved: bool,
}

/// A version that came after another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When its first span began.
    pub time: Moment,
    /// `service.name`.
    pub service: Text,
    /// `service.version`.
    pub version: Text,
}

impl Releases {
    /// Takes in who sent these spans; `received` is when.
    pub fn see(&mut self, spans: &[Span], received: Moment) {
        let mut last: Option<&Arc<Resource>> = None;
        for span in spans {
            // Spans of one process come together and share what is known of it.
            if last.is_some_and(|last| Arc::ptr_eq(last, &span.resource)) {
                continue;
            }
            last = Some(&span.resource);
            // A clock that is ahead does not make a release of tomorrow.
            self.note(&span.resource, span.start.min(received));
        }
    }

    fn note(&mut self, resource: &Resource, time: Moment) {
        let Some(version) = resource.attributes.text("service.version") else { return };
        if version.is_empty() || VERSION_BYTES_MAX < version.len() {
            return;
        }
        let service = resource.service();
        let services = &mut self.first_seen_unix_nanos;
        if !services.contains_key(service) {
            if SERVICES_MAX <= services.len() {
                return;
            }
            services.insert(service.to_owned(), BTreeMap::new());
        }
        let Some(versions) = services.get_mut(service) else { return };
        match versions.get_mut(version) {
            Some(first) if time.nanos < *first => *first = time.nanos,
            Some(_) => return,
            None => {
                versions.insert(version.to_owned(), time.nanos);
            }
        }
        self.is_saved = false;
        if VERSIONS_MAX < versions.len() {
            let oldest = versions.iter().min_by_key(|(_, first)| **first);
            if let Some(oldest) = oldest.map(|(version, _)| version.clone()) {
                versions.remove(&oldest);
            }
        }
    }

    /// The releases of a window, in order of time.
    #[must_use]
    pub fn within(&self, window: Window) -> Vec<Release> {
        let mut releases = Vec::new();
        for (service, versions) in &self.first_seen_unix_nanos {
            let Some(first) = versions.values().min() else { continue };
            let later = versions.iter().filter(|(_, nanos)| first < *nanos);
            releases.extend(later.map(|(version, nanos)| Release {
                time: Moment { nanos: *nanos },
                service: service.as_str().into(),
                version: version.as_str().into(),
            }));
        }
        releases.retain(|release| window.contains(release.time));
        releases.sort_by(|one, other| {
            (one.time, &one.service, &one.version).cmp(&(
                other.time,
                &other.service,
                &other.version,
            ))
        });
        releases
    }

    /// What was saved last; nothing if there is nothing, or if it is damaged.
    pub(crate) fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let bytes = match store.load_document(NAME) {
            Err(StoreError::Damaged { .. }) => None,
            loaded => loaded?,
        };
        Ok(serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default())
    }

    /// Saves it, if there is something new.
    pub(crate) fn save(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if self.is_saved || self.first_seen_unix_nanos.is_empty() {
            return Ok(());
        }
        store.save_document(NAME, &serde_json::to_vec(self).unwrap_or_default())?;
        self.is_saved = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::{Attributes, Value};
    use store::{Folder, Options};

    use super::*;

    fn resource(service: &str, version: &str) -> Resource {
        let pair = |key: &str, value: &str| (Text::from(key), Value::Text(value.into()));
        let attributes = vec![pair("service.name", service), pair("service.version", version)];
        Resource { attributes: Attributes(attributes), ..Resource::default() }
    }

    fn at(second: u64) -> Moment {
        Moment { nanos: second * 1_000_000_000 }
    }

    fn told(releases: &Releases) -> Vec<(u64, String, String)> {
        let all = releases.within(Window::ALL).into_iter();
        all.map(|it| {
            (it.time.nanos / 1_000_000_000, it.service.to_string(), it.version.to_string())
        })
        .collect()
    }

    #[test]
    fn a_release_is_a_version_that_came_after_another_one() {
        let mut releases = Releases::default();
        releases.note(&resource("shop", "1.0"), at(10));
        assert_eq!(told(&releases), []);
        releases.note(&resource("shop", "1.1"), at(50));
        releases.note(&resource("shop", "1.1"), at(40));
        releases.note(&resource("mail", "7"), at(20));
        let shop = (40, "shop".to_owned(), "1.1".to_owned());
        assert_eq!(told(&releases), [shop]);
        assert_eq!(releases.within(Window { from: at(0), to: at(40) }), []);
    }

    #[test]
    fn versions_without_end_take_no_memory_without_end() {
        let mut releases = Releases::default();
        for number in 0..1_000 {
            releases.note(&resource("shop", &format!("build-{number}")), at(number));
        }
        releases.note(&resource("shop", &"x".repeat(VERSION_BYTES_MAX + 1)), at(2_000));
        assert_eq!(told(&releases).len(), VERSIONS_MAX - 1);
        assert_eq!(told(&releases).last().map(|(second, ..)| *second), Some(999));
    }

    #[test]
    fn releases_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Folder::open(folder.path(), Options::default()).unwrap();
        let mut releases = Releases::load(&store).unwrap();
        releases.note(&resource("shop", "1"), at(1));
        releases.note(&resource("shop", "2"), at(2));
        releases.save(&store).unwrap();
        assert_eq!(told(&Releases::load(&store).unwrap()), told(&releases));
    }
}
