//! Plans and chains of waits on the page; plans are folded.

use maud::{Markup, html as page};

use super::{part, percent, whole};
use crate::{
    report::log::{ChainTold, LogReport, PlansTold},
    units,
};

/// The statements whose plans were slowest, each plan folded.
pub(super) fn plans(report: &LogReport) -> Markup {
    page! {
        @if !report.slowest_plans.is_empty() {
            section {
                h2 { (units::some(report.plans, "plan was logged", "plans were logged")) }
                p.basis { "Of each statement the slowest one; times are each node's own." }
                table { tbody { @for one in &report.slowest_plans { (plan(one)) } } }
            }
        }
    }
}

fn plan(one: &PlansTold) -> Markup {
    page! {
        tr {
            td.number { (whole(one.slowest_micros)) }
            td.number.faint { (units::count(one.count)) " ×" }
            td.sql {
                code tabindex="0" { (one.statement) }
                @if !one.nodes.is_empty() {
                    details {
                        summary { "Plan of " (one.at) }
                        table { tbody { @for node in &one.nodes {
                            tr {
                                td.number.share style=(part(node.share)) {
                                    @match node.own_micros {
                                        Some(own) => (whole(own)),
                                        None => (percent(node.share)),
                                    }
                                }
                                td style=(format!("padding-left: {}rem", f64::from(node.depth.min(20)) * 0.9)) {
                                    (node.title) " " span.faint { (node.rows_told()) }
                                }
                            }
                        } } }
                        @if 0 < one.nodes_left_out {
                            p.basis { (units::some(one.nodes_left_out, "node", "nodes")) " more" }
                        }
                    }
                }
            }
        }
    }
}

/// Who waited for whom.
pub(super) fn chains(chains: &[ChainTold]) -> Markup {
    page! {
        @if !chains.is_empty() {
            h3 { "Who waited for whom" }
            p.basis { "The holder first, as far as the log tells its statement." }
            table {
                tbody {
                    @for one in chains {
                        tr {
                            td.number { (whole(one.total_micros)) }
                            td.number.faint { (units::count(one.waits)) " ×" }
                            td.sql {
                                span.basis { (one.what) ", longest " (whole(one.longest_micros)) }
                                @for (place, text) in one.statements.iter().enumerate() {
                                    code tabindex="0" style=(format!("padding-left: {place}rem")) {
                                        @if 0 < place { "→ " }
                                        @if text.is_empty() { "a session whose statement is not in the log" }
                                        @else { (text) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
