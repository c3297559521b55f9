//! Files that browsers may not keep, or ask about though they never change.
//!
//! Which headers are missing no span tells, but those of Taut's gateway: it names what a file is in `taut.asset`.

use model::{Sighting, Text};

use crate::{Detector, Knob, Knobs, Looks, RequestView};

static RETURNING_SHARE: Knob = Knob {
    key: "returning-share",
    default: 0.5,
    unit: "of the requests",
    doc: "Requests of browsers that have been here before: Yahoo! saw 80 % of its pages opened with a full cache \
          (Theurer, 2007); visitors of smaller sites come back less.",
};

pub(super) static UNKEPT_ASSET: Detector = Detector {
    code: "F042",
    name: "unkept-asset",
    title: "Browsers may not keep files that do not change",
    doc: include_str!("unkept_asset.md"),
    effort_days: 0.25,
    share_min: 0.0,
    knobs: &[&RETURNING_SHARE],
    looks: &[Looks::Request(look)],
};

/// What the gateway calls a file, in its spans.
const KIND: &str = "taut.asset";

fn look(view: &RequestView<'_>, knobs: &Knobs<'_>, found: &mut Vec<Sighting>) {
    let Some(request) = view.request().filter(|_| view.is_awaited()) else { return };
    let mut attributes = request.attributes.iter();
    let Some((_, kind)) = attributes.find(|(key, _)| key == KIND) else { return };
    let (saved_share, claim, why) = match (kind.as_str(), request.status) {
        ("cold" | "unmarked-cold", 200) => (
            knobs.get(&RETURNING_SHARE).clamp(0.0, 1.0),
            "files are sent anew each time: browsers may not keep them",
            "sent whole, with nothing that lets browsers keep it or ask about it",
        ),
        ("forbidden", 200) => (
            knobs.get(&RETURNING_SHARE).clamp(0.0, 1.0),
            "files are sent anew each time: the application forbids browsers to keep them",
            "sent whole, with `no-store`",
        ),
        ("unmarked", 304) => (
            1.0,
            "files that never change are asked for again",
            "asked about again, although its name changes with its content",
        ),
        _ => return,
    };
    let mut sighting = view.sighting(UNKEPT_ASSET.name, kind.to_string(), claim.to_owned());
    sighting.evidence = view.evidence(&[view.entry]);
    sighting.evidence.attribute = Some((Text::const_new(KIND), kind.clone()));
    sighting.evidence.endpoint = Some(Text::from(format!("{} {}", request.method, request.path)));
    let bytes = request.response_bytes.map_or(String::new(), |bytes| format!(", {bytes} bytes"));
    sighting.evidence.excerpt = vec![format!("{}{bytes}: {why}", request.path)];
    sighting.saved = view.duration().mul_f64(saved_share);
    found.push(sighting);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::TraceBuilder;

    use super::*;

    fn found(kind: &str, status: u16) -> Vec<Sighting> {
        let mut trace = TraceBuilder::new();
        let entry = trace.root("GET /static/app.css", 0, 8_000);
        trace.edit_request(entry, |request| {
            request.status = status;
            request.response_bytes = Some(121_457);
            request.attributes.push((KIND.into(), kind.into()));
        });
        let trace = trace.trace();
        let none = std::collections::BTreeMap::new();
        let mut found = Vec::new();
        let view = RequestView::new(&trace, entry);
        look(&view, &Knobs::new(UNKEPT_ASSET.name, &none), &mut found);
        found
    }

    #[test]
    fn what_the_application_forbids_is_told_as_such() {
        let found = found("forbidden", 200);
        assert!(found[0].claim.contains("the application forbids"), "{:?}", found[0].claim);
    }

    #[test]
    fn what_is_sent_anew_is_told_with_its_size_and_half_of_it_is_reckoned() {
        let found = found("cold", 200);
        let told = "/static/app.css, 121457 bytes: sent whole, with nothing that lets browsers keep it or ask about it";
        assert_eq!(found[0].evidence.excerpt, [told]);
        assert_eq!(found[0].saved, Duration::from_millis(4));
    }

    #[test]
    fn a_hashed_name_counts_where_a_browser_had_it() {
        assert_eq!(found("unmarked", 304)[0].saved, Duration::from_millis(8));
        assert_eq!(found("unmarked", 200), [], "the first time it has to be sent");
        assert_eq!(found("revalidated", 304), []);
    }
}
