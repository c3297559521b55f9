//! The folder of a crate is its layer, and a layer uses only what lies below.

use std::collections::BTreeMap;

use crate::repository::{Crate, crates, refuse};

/// Lowest first: a layer, and those it may use. Crates of `core` and of `edge` never see their siblings.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &["base"]),
    ("core", &["base"]),
    ("edge", &["base", "core"]),
    ("app", &["base", "core", "edge", "app"]),
    ("dev", &["base", "core", "edge", "app", "dev"]),
];

/// Others' crates that do I/O, tell the time or throw dice: not for `base` and `core`.
const IMPURE: &[&str] = &[
    "axum",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "hyper-util",
    "rand",
    "reqwest",
    "rustix",
    "time",
    "tokio",
    "tokio-postgres",
    "tonic",
    "uuid",
];

#[test]
fn layers_point_down() {
    let all = crates();
    let layer_of: BTreeMap<&str, &str> =
        all.iter().filter_map(|one| Some((one.name.as_str(), one.layer()?))).collect();
    let wrong: Vec<String> = all
        .iter()
        .flat_map(|one| one.uses.iter().filter_map(|used| refusal(one, used, &layer_of)))
        .collect();
    refuse("layers must point down", &wrong);
}

#[test]
fn what_points_up_or_sideways_is_refused() {
    let layer_of = BTreeMap::from([
        ("model", "base"),
        ("find", "core"),
        ("fix", "core"),
        ("store", "edge"),
        ("engine", "app"),
        ("testkit", "dev"),
    ]);
    let check = |layer: &str, used: &str, kind: Option<&str>| {
        let one = Crate { name: "x".into(), folder: format!("crates/{layer}/x"), uses: vec![] };
        refusal(&one, &(used.to_owned(), kind.map(str::to_owned)), &layer_of).is_none()
    };
    assert!(check("core", "model", None));
    assert!(!check("core", "fix", None), "sideways");
    assert!(!check("base", "find", None), "up");
    assert!(!check("edge", "store", None), "sideways");
    assert!(!check("core", "tokio", None), "the world");
    assert!(check("edge", "tokio", None));
    assert!(!check("app", "testkit", None), "shipped");
    assert!(check("core", "testkit", Some("dev")));
    assert!(!check("core", "testkit", Some("build")), "shipped");
    assert!(check("dev", "engine", None));
}

#[test]
fn every_crate_is_named_after_its_folder_and_lies_in_a_known_layer() {
    let mut wrong = Vec::new();
    for one in crates() {
        let folder_name = one.folder.rsplit('/').next().unwrap();
        if one.name != folder_name {
            wrong.push(format!("{} is called {}", one.folder, one.name));
        }
        if let Some(layer) = one.layer()
            && !LAYERS.iter().any(|(known, _)| *known == layer)
        {
            wrong.push(format!("{} lies in no known layer", one.folder));
        }
    }
    refuse("a crate bears the name of its folder, below the folder of its layer", &wrong);
}

/// Why a crate may not use another; `None` if it may.
fn refusal(
    one: &Crate,
    (used, kind): &(String, Option<String>),
    layer_of: &BTreeMap<&str, &str>,
) -> Option<String> {
    let layer = one.layer()?;
    let (_, allowed) = LAYERS.iter().find(|(known, _)| *known == layer)?;
    let is_for_tests = kind.as_deref() == Some("dev");
    let name = &one.name;
    match layer_of.get(used.as_str()) {
        Some(&"dev") if is_for_tests => None,
        Some(below) if !is_for_tests && !allowed.contains(below) => {
            Some(format!("{layer}/{name} uses {below}/{used}"))
        }
        None if !is_for_tests
            && ["base", "core"].contains(&layer)
            && IMPURE.contains(&used.as_str()) =>
        {
            Some(format!("{layer}/{name} uses {used}, which reaches the world"))
        }
        _ => None,
    }
}
