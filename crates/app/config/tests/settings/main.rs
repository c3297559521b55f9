//! Settings as users write them: what they mean, where each is from, and what every mistake is told.

mod check;
mod gateway;
mod gateway_defaults;
mod gateway_edge;
mod gateway_shared;
mod meaning;
mod mistakes;
mod pages;
mod patch;

use config::{Flag, Settings, Sources};

/// The settings of a file of this text.
fn file(text: &str) -> Sources {
    Sources { file: Some(("taut.toml".into(), text.to_owned())), ..Sources::default() }
}

/// The settings of these environment variables.
fn environment(variables: &[(&str, &str)]) -> Sources {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Sources { environment: variables.iter().map(own).collect(), ..Sources::default() }
}

fn flag(name: &str, key: &str, value: &str) -> Flag {
    Flag { name: name.to_owned(), key: key.to_owned(), value: value.to_owned() }
}

/// What is said about these settings.
fn complaint(sources: &Sources) -> String {
    Settings::load(sources).expect_err("these settings are wrong").to_string()
}

fn load(sources: &Sources) -> Settings {
    Settings::load(sources).unwrap_or_else(|error| panic!("{error}"))
}
