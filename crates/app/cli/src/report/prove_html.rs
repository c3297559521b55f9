//! A comparison as a page that needs nothing else: the verdict, both distributions over one axis, what requests did, and
//! of recordings the flame graphs of before and after and their difference.

mod flame;

use engine::proof::Proven;
use maud::{Markup, html as page};
use prove::compare::{Change, Verdict};
use web::Flamed;

use super::{
    page::framed,
    prove::{amount, basis, between, changed, interval, name, time},
};

const STYLE: &str = " svg { width: 100%; overflow: visible; } svg text { fill: var(--muted); font-size: 11px; } .spread { height: 15rem; } \
     .spread path { fill-opacity: 0.18; stroke-width: 1.5; } .old { fill: var(--amber); stroke: var(--amber); } \
     .now { fill: var(--accent); stroke: var(--accent); } .key .old { color: var(--amber); } .key .now { color: var(--accent); } \
     .key span { margin-right: 1rem; } .mark { stroke-width: 1; stroke-dasharray: 3 3; } .flame rect { stroke: var(--paper); stroke-width: 0.5; } \
     .flame text { fill: #1b1f24; font-size: 10px; pointer-events: none; } .decides { font-weight: 600; }";

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 180.0;

/// The report as one HTML document; `names` are those of both sides.
pub(crate) fn html(proven: &Proven, names: [&str; 2], flames: Option<&Flamed>) -> String {
    let comparison = &proven.comparison;
    let claim = format!("{}: {}", comparison.verdict.words(), comparison.reason);
    let body = page! {
        h1 { (claim) }
        p.claim { code { (names[0]) } " before, " code { (names[1]) } " after" }
        @if let Verdict::CannotTell { more: Some(more) } = comparison.verdict {
            p { "About " (crate::units::count(more)) " more requests a side would tell." }
        }
        p.basis { (basis(comparison)) }
        @for note in &comparison.notes { p.high { (note) } }
        (spread(proven))
        (measures(proven))
        (routes(proven))
        @if let Some(flames) = flames { (flame::graphs(flames)) }
    };
    framed(&claim, STYLE, &body)
}

/// Both distributions over one axis, on which each step is so many times as long, with p50 and what decides marked.
fn spread(proven: &Proven) -> Markup {
    let bins = &proven.comparison.spread;
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Markup::default() };
    let most = bins.iter().map(|bin| bin.before.max(bin.after)).fold(1e-9, f64::max);
    let (low, high) = (first.from_nanos.ln(), last.to_nanos.ln().max(first.from_nanos.ln() + 1e-6));
    let x = |nanos: f64| ((nanos.max(1.0).ln() - low) / (high - low)).clamp(0.0, 1.0) * WIDTH;
    let outline = |share: fn(&prove::compare::Bin) -> f64| {
        let mut steps = String::new();
        for bin in bins {
            let top = HEIGHT - share(bin) / most * HEIGHT;
            steps.push_str(&format!("L{:.1} {top:.1}H{:.1}", x(bin.from_nanos), x(bin.to_nanos)));
        }
        format!("M0 {HEIGHT}{steps}V{HEIGHT}Z")
    };
    let comparison = &proven.comparison;
    let decides = comparison.question.quantile;
    let is_marked = |change: &&Change| {
        (change.quantile - 0.5).abs() < 1e-9 || (change.quantile - decides).abs() < 1e-9
    };
    let ticks: Vec<usize> = (0..bins.len()).step_by((bins.len() / 6).max(1)).collect();
    page! {
        h2 { "How long requests took" }
        p.key { span.old { "before" } span.now { "after" } "shares of the requests; the axis grows by the same factor at each step" }
        svg.spread viewBox="-10 -16 990 220" role="img" aria-label="how latencies before and after are spread" {
            path.old d=(outline(|bin| bin.before)) {}
            path.now d=(outline(|bin| bin.after)) {}
            @for (place, change) in comparison.quantiles.iter().filter(is_marked).enumerate() {
                @for (side, at) in [("old", change.before), ("now", change.after)] {
                    @let at = format!("{:.1}", x(at));
                    line.mark.(side) x1=(at) x2=(at) y1="0" y2=(HEIGHT) {}
                    text x=(at) y=(if place == 0 { "-4" } else { "8" }) text-anchor="middle" { (name(change.quantile)) }
                }
            }
            @for place in ticks {
                text x=(format!("{:.1}", x(bins[place].from_nanos))) y="200" { (time(bins[place].from_nanos)) }
            }
        }
    }
}

fn measures(proven: &Proven) -> Markup {
    let comparison = &proven.comparison;
    let decides = comparison.question.quantile;
    page! {
        h2 { "Before and after" }
        table {
            thead { tr { th { "" } th.number { "before" } th.number { "after" } th.number { "change" } th.number { "interval" } } }
            tbody {
                @for change in &comparison.quantiles {
                    tr {
                        td { span.decides[(change.quantile - decides).abs() < 1e-9] { (name(change.quantile)) } }
                        td.number { (time(change.before)) }
                        td.number { (time(change.after)) }
                        td.number { (format!("{:+.1} %", change.ratio() * 100.0)) }
                        td.number { (interval(change)) }
                    }
                }
                tr {
                    td { "failed" }
                    td.number { (format!("{:.2} %", comparison.errors.before * 100.0)) }
                    td.number { (format!("{:.2} %", comparison.errors.after * 100.0)) }
                    td.number {}
                    td.number { (format!("p = {:.3}", comparison.errors.p)) }
                }
                @for change in &proven.work {
                    tr {
                        td { (change.measure.words()) }
                        td.number { (amount(change.measure, change.before)) }
                        td.number { (amount(change.measure, change.after)) }
                        td.number { (changed(change)) }
                        td.number { (between(change)) }
                    }
                }
            }
        }
    }
}

fn routes(proven: &Proven) -> Markup {
    let comparison = &proven.comparison;
    page! {
        @if !comparison.routes.is_empty() {
            h2 { (name(comparison.question.quantile)) " of each route" }
            table {
                thead { tr { th { "route" } th.number { "share" } th.number { "before" } th.number { "after" } th.number { "change" } } }
                tbody { @for route in &comparison.routes {
                    tr {
                        td { code { (route.route) } }
                        td.number { (format!("{:.0} %", route.share * 100.0)) }
                        td.number { (time(route.change.before)) }
                        td.number { (time(route.change.after)) }
                        td.number { (format!("{:+.1} %", route.change.ratio() * 100.0)) }
                    }
                } }
            }
        }
    }
}
