//! A stretch of what `taut up` keeps: asked of the one that runs here, or read from its folder.

use engine::proof::{self, Evidence, Of};
use model::Window;

use super::Arguments;
use crate::{
    client::{self, Unanswered},
    commands::{query, store::of_the_disk},
    say::Failure,
};

/// The requests of a window.
pub(super) fn evidence(
    window: Window,
    of: &Of,
    arguments: &Arguments,
) -> Result<Evidence, Failure> {
    let settings = arguments.which.settings()?;
    let answer = if arguments.which.names_a_folder() {
        Err(Unanswered::Nobody)
    } else {
        client::get(settings.web.listen, &address(window, of))
    };
    let told = match answer {
        Ok(answer) => answer,
        Err(Unanswered::Nobody) => return of_folder(window, of, &settings),
        Err(Unanswered::Problem(failure)) => return Err(failure),
    };
    let kept: web::wire::KeptRequests = serde_json::from_value(told).map_err(|error| {
        Failure::of_the_world(format!("what it told makes no sense: {error}"))
            .hint("is the `taut up` that runs of the same version?")
    })?;
    Ok(kept.into())
}

fn address(window: Window, of: &Of) -> String {
    let mut address = format!(
        "/api/v1/proof/requests?from={}&to={}",
        window.from.nanos / 1_000_000,
        window.to.nanos.div_ceil(1_000_000)
    );
    for (name, text) in [("service", &of.service), ("operation", &of.operation)] {
        if let Some(text) = text {
            address.push_str(&format!("&{name}={}", client::encoded(text)));
        }
    }
    address
}

fn of_folder(window: Window, of: &Of, settings: &config::Settings) -> Result<Evidence, Failure> {
    let store = query::folder(settings)?;
    proof::of_store(&store, window, of).map_err(|error| of_the_disk(&error))
}
