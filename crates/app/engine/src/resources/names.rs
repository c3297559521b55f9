//! What series are called: in a cluster a name is one pod's only within a namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::ResourceSeries;

/// What each series is called: its instance, and for pods of one name in several namespaces which of them.
pub(crate) fn told_apart(series: &[ResourceSeries]) -> Vec<String> {
    let mut places = BTreeMap::<(&str, &str), BTreeSet<String>>::new();
    for one in series {
        places.entry((one.used.of, one.instance.as_str())).or_default().extend(place(one));
    }
    let called = |one: &ResourceSeries| {
        let alike = places.get(&(one.used.of, one.instance.as_str())).map_or(0, BTreeSet::len);
        match place(one) {
            Some(place) if 1 < alike => format!("{} ({place})", one.instance),
            _ => one.instance.clone(),
        }
    };
    series.iter().map(called).collect()
}

/// `prod`, or `west/prod` where the cluster is told as well.
fn place(series: &ResourceSeries) -> Option<String> {
    let told = [&series.cluster, &series.namespace].into_iter().flatten();
    let parts: Vec<&str> = told.map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}
