//! Scenarios from what was recorded: visits of clients, with the pauses that they made.

use std::{collections::BTreeMap, time::Duration};

use model::Exchange;
use prove::schedule::Think;

use crate::{
    Target,
    scenario::{Check, Flow, Method, Scenario, ScenarioError, Step},
};

/// Visits at most: more are no other mix, and each step is held in memory.
const FLOWS_MAX: usize = 2_000;

/// Steps of a visit at most; a longer one is cut.
const STEPS_MAX: usize = 200;

/// A longer pause ends a visit: what web analysis takes for that.
const PAUSE_MAX: Duration = Duration::from_mins(30);

/// Headers that are of a connection, or of who asked.
const LEFT_OUT: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "traceparent",
    "tracestate",
];

/// What a scenario is made of.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// Requests that are in it.
    pub requests: usize,
    /// Requests that were left out because they might change something.
    pub writes_left_out: usize,
    /// Requests that cannot be sent: a method that is not known, a body that is no text.
    pub others_left_out: usize,
}

impl Scenario {
    /// The visits that were recorded, each as often as the others: the mix and the pauses are those of the recording. What
    /// might change something is left out unless `writes`.
    ///
    /// # Errors
    ///
    /// Nothing is left.
    pub fn recorded(
        target: Target,
        exchanges: &[Exchange],
        writes: bool,
    ) -> Result<(Self, Made), ScenarioError> {
        let mut made = Made::default();
        let mut clients: BTreeMap<String, Vec<(&Exchange, Step)>> = BTreeMap::new();
        for (place, exchange) in exchanges.iter().enumerate() {
            if !writes && !exchange.request.is_read() {
                made.writes_left_out += 1;
                continue;
            }
            let Some(step) = step(exchange) else {
                made.others_left_out += 1;
                continue;
            };
            // Nobody knows whose it is: a visit of its own.
            let client = if exchange.client.is_empty() {
                format!("\0{place}")
            } else {
                exchange.client.clone()
            };
            clients.entry(client).or_default().push((exchange, step));
        }
        let mut flows: Vec<Flow> = Vec::new();
        for visit in clients.into_values().flat_map(visits) {
            if FLOWS_MAX <= flows.len() {
                break;
            }
            made.requests += visit.len();
            flows.push(Flow {
                name: format!("visit {}", flows.len() + 1),
                weight: 1.0,
                steps: visit,
            });
        }
        if flows.is_empty() {
            let all = exchanges.len();
            return Err(ScenarioError::Wrong(format!(
                "nothing that can be sent: of {all} recorded requests {} may change something",
                made.writes_left_out
            )));
        }
        Ok((Self { target, flows, data: Vec::new() }, made))
    }
}

/// What one client asked, in visits: a long pause ends one. Each step thinks as long as its client did before the next.
fn visits(asked: Vec<(&Exchange, Step)>) -> Vec<Vec<Step>> {
    let mut visits: Vec<Vec<Step>> = Vec::new();
    let mut before: Option<&Exchange> = None;
    for (exchange, step) in asked {
        let pause = before.map(|before| exchange.began.since(before.began + before.took));
        match (pause, visits.last_mut()) {
            (Some(pause), Some(visit)) if pause <= PAUSE_MAX && visit.len() < STEPS_MAX => {
                if let Some(last) = visit.last_mut().filter(|_| !pause.is_zero()) {
                    last.think = Think::Always(pause);
                }
                visit.push(step);
            }
            _ => visits.push(vec![step]),
        }
        before = Some(exchange);
    }
    visits
}

fn step(exchange: &Exchange) -> Option<Step> {
    let request = &exchange.request;
    let method = Method::parse(&request.method).ok()?;
    let path = request.target.replace(' ', "%20");
    if !path.starts_with('/') || path.contains(['\r', '\n']) {
        return None;
    }
    let body = String::from_utf8(request.body.bytes.clone()).ok()?;
    let is_sent = |name: &str, value: &str| {
        !LEFT_OUT.contains(&name)
            && !name.is_empty()
            && !name.contains([':', ' '])
            && !value.contains(['\r', '\n'])
    };
    let headers =
        request.headers.iter().filter(|(name, value)| is_sent(name, value)).cloned().collect();
    // A refusal that was recorded is no failure.
    let statuses =
        exchange.answer.iter().map(|answer| answer.status).filter(|status| 400 <= *status);
    let mut statuses: Vec<u16> = statuses.collect();
    if !statuses.is_empty() {
        statuses.extend(200..400);
    }
    Some(Step {
        name: prove::replay::endpoint(&request.method, &request.target),
        method,
        path,
        headers,
        body,
        think: Think::Never,
        extract: Vec::new(),
        check: Check { statuses, ..Check::default() },
    })
}

#[cfg(test)]
mod tests {
    use model::{Moment, RequestSeen};

    use super::*;

    fn asked(client: &str, second: u64, method: &str, target: &str) -> Exchange {
        Exchange {
            began: Moment { nanos: second * 1_000_000_000 },
            took: Duration::from_millis(500),
            client: client.to_owned(),
            request: RequestSeen {
                method: method.to_owned(),
                target: target.to_owned(),
                ..RequestSeen::default()
            },
            ..Exchange::default()
        }
    }

    #[test]
    fn visits_keep_their_order_and_their_pauses() {
        let exchanges = [
            asked("a", 0, "GET", "/orders/1"),
            asked("b", 1, "GET", "/"),
            asked("a", 3, "GET", "/orders/2"),
            asked("a", 4, "POST", "/orders/"),
            asked("a", 8_000, "GET", "/later"),
        ];
        let target = || Target::parse("http://localhost:1").unwrap().0;
        let (scenario, made) = Scenario::recorded(target(), &exchanges, false).unwrap();
        assert_eq!((made.requests, made.writes_left_out), (4, 1));
        let paths: Vec<Vec<&str>> = scenario
            .flows
            .iter()
            .map(|flow| flow.steps.iter().map(|step| step.path.as_str()).collect())
            .collect();
        assert_eq!(paths, [vec!["/orders/1", "/orders/2"], vec!["/later"], vec!["/"]]);
        assert_eq!(scenario.flows[0].steps[0].think, Think::Always(Duration::from_millis(2_500)));
        assert_eq!(scenario.routes(), ["GET /orders/{id}", "GET /later", "GET /"]);
        let none = Scenario::recorded(target(), &exchanges[3..4], false);
        assert!(
            none.unwrap_err().to_string().contains("of 1 recorded requests 1 may change something")
        );
    }
}
