//! The example and the manual's page, made from the table.

use config::{Settings, known};

use crate::{file, load};

#[test]
fn the_example_as_it_is_changes_nothing() {
    let settings = load(&file(&Settings::example()));
    assert_eq!(settings.listed(), Settings::load(&config::Sources::default()).unwrap().listed());
}

#[test]
fn the_example_with_every_line_taken_in_says_the_defaults() {
    let example = Settings::example();
    let is_setting = |line: &str| {
        line.strip_prefix("# ").is_some_and(|line| {
            known().iter().any(|setting| {
                let (_, name) = setting.section_and_name();
                line == format!("{name} = {}", setting.default)
            })
        })
    };
    let taken_in: Vec<&str> = example
        .lines()
        .map(|line| if is_setting(line) { line.trim_start_matches("# ") } else { line })
        .collect();
    let settings = load(&file(&taken_in.join("\n")));
    let defaults = load(&config::Sources::default());
    for (listed, default) in settings.listed().iter().zip(defaults.listed()) {
        assert_ne!(listed.origin, config::Origin::Default, "{} is missing", listed.key);
        assert_eq!((listed.key, &listed.value), (default.key, &default.value));
    }
}

#[test]
fn the_example_begins_with_how_to_use_it() {
    let start: Vec<_> = Settings::example().lines().take(8).map(str::to_owned).collect();
    insta::assert_snapshot!(start.join("\n"), @r#"
    # Settings of taut. Every line shows its default; take the `#` off to change one.
    # Environment variables go over this file, flags over both.

    [receive]
    # Where OTLP over gRPC is received; `off` for nowhere. The port that the OTLP specification
    # registers; loopback until you say otherwise.
    # grpc = "127.0.0.1:4317"
    # Where OTLP over HTTP is received; `off` for nowhere. The port that the OTLP specification
    "#);
}

#[test]
fn every_setting_is_on_the_manuals_page() {
    let manual = Settings::manual();
    for setting in known() {
        assert!(manual.contains(&format!("`{}`", setting.variable())), "{}", setting.key);
    }
    assert_eq!(manual.lines().filter(|line| line.starts_with("| `")).count(), known().len());
}

#[test]
fn keys_and_variables_are_unique() {
    let mut keys: Vec<_> = known().iter().map(|setting| setting.key.clone()).collect();
    let mut variables: Vec<_> = known().iter().map(config::Setting::variable).collect();
    let count = keys.len();
    keys.sort();
    keys.dedup();
    variables.sort();
    variables.dedup();
    assert_eq!((keys.len(), variables.len()), (count, count));
}

#[test]
fn defaults_are_written_as_they_are_listed() {
    for (setting, listed) in known().iter().zip(load(&config::Sources::default()).listed()) {
        assert_eq!(setting.default, listed.value, "{}", setting.key);
    }
}
