//! Scenarios from what was recorded: visits of clients, with the pauses that they made.

use std::{collections::BTreeMap, time::Duration};

use model::Exchange;
use prove::{Random, schedule::Think};

use crate::{
    Target,
    replay::is_hidden,
    scenario::{Check, Flow, Method, Scenario, ScenarioError, Step},
};

/// Visits at most: more are no other mix, and each step is held in memory. Of more they are drawn.
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
    /// Visits that were recorded; those in it were drawn from them if it has fewer.
    pub visits: usize,
    /// Requests that were left out because they might change something.
    pub writes_left_out: usize,
    /// Requests that cannot be sent: a method that is not known, a body that is no text.
    pub others_left_out: usize,
}

impl Scenario {
    /// The visits that were recorded, each as often as the others: the mix and the pauses are those of the recording. What
    /// might change something is left out unless `writes`. Of too many visits some are drawn by the seed, each as likely as the others.
    ///
    /// # Errors
    ///
    /// Nothing is left.
    pub fn recorded(
        target: Target,
        exchanges: &[Exchange],
        writes: bool,
        seed: u64,
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
        let mut all: Vec<Vec<Step>> = clients.into_values().flat_map(visits).collect();
        made.visits = all.len();
        draw(&mut all, FLOWS_MAX, seed);
        made.requests = all.iter().map(Vec::len).sum();
        let flows: Vec<Flow> = (1..)
            .zip(all)
            .map(|(number, steps)| Flow {
                name: format!("visit {number}"),
                weight: 1.0,
                steps,
                goes_on: true,
            })
            .collect();
        if flows.is_empty() {
            let all = exchanges.len();
            return Err(ScenarioError::Wrong(format!(
                "nothing that can be sent: of {all} recorded requests {} may change something",
                made.writes_left_out
            )));
        }
        Ok((Self { target, flows, data: Vec::new() }, made))
    }

    /// Requests that carry what was hidden when they were recorded, so that nobody will know it.
    #[must_use]
    pub fn hidden(&self) -> usize {
        let steps = self.flows.iter().flat_map(|flow| &flow.steps);
        steps.filter(|step| is_hidden(&step.path, &step.headers, step.body.as_bytes())).count()
    }
}

/// Keeps so many of all, each as likely as the others (the beginning of a shuffle, by Fisher and Yates).
fn draw<T>(all: &mut Vec<T>, most: usize, seed: u64) {
    if all.len() <= most {
        return;
    }
    let mut random = Random::new(seed);
    for place in 0..most {
        let other = place + random.below(all.len() - place);
        all.swap(place, other);
    }
    all.truncate(most);
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
        let (scenario, made) = Scenario::recorded(target(), &exchanges, false, 1).unwrap();
        assert_eq!((made.requests, made.visits, made.writes_left_out), (4, 3, 1));
        assert!(scenario.flows.iter().all(|flow| flow.goes_on), "whatever is answered");
        let paths: Vec<Vec<&str>> = scenario
            .flows
            .iter()
            .map(|flow| flow.steps.iter().map(|step| step.path.as_str()).collect())
            .collect();
        assert_eq!(paths, [vec!["/orders/1", "/orders/2"], vec!["/later"], vec!["/"]]);
        assert_eq!(scenario.flows[0].steps[0].think, Think::Always(Duration::from_millis(2_500)));
        assert_eq!(scenario.routes(), ["GET /orders/{id}", "GET /later", "GET /"]);
        let none = Scenario::recorded(target(), &exchanges[3..4], false, 1);
        assert!(
            none.unwrap_err().to_string().contains("of 1 recorded requests 1 may change something")
        );
    }

    #[test]
    fn too_many_visits_are_drawn_from_all_of_the_recording() {
        let exchanges: Vec<Exchange> =
            (0..5_000).map(|second| asked("", second, "GET", &format!("/{second}"))).collect();
        let drawn = |seed| -> Vec<usize> {
            let target = Target::parse("http://localhost:1").unwrap().0;
            let (scenario, made) = Scenario::recorded(target, &exchanges, false, seed).unwrap();
            assert_eq!((made.visits, made.requests, scenario.flows.len()), (5_000, 2_000, 2_000));
            let path = |flow: &Flow| flow.steps[0].path.trim_start_matches('/').parse().unwrap();
            let mut places: Vec<usize> = scenario.flows.iter().map(path).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let first = drawn(1);
        assert_eq!((first.len(), &first), (2_000, &drawn(1)), "each once, and told by the seed");
        assert_ne!(first, drawn(2));
        // 400 of each fifth are to be expected, with a spread of 16.
        for fifth in 0..5 {
            let within = first.iter().filter(|place| **place / 1_000 == fifth).count();
            assert!((320..=480).contains(&within), "{within} of fifth {fifth}");
        }
    }

    #[test]
    fn what_was_hidden_is_counted_where_it_is_sent() {
        let mut exchanges = [asked("a", 0, "GET", "/me"), asked("a", 1, "GET", "/orders/1")];
        let token = ("authorization".to_owned(), "Bearer ~8c1f2a9b77de".to_owned());
        exchanges[0].request.headers.push(token);
        let target = Target::parse("http://localhost:1").unwrap().0;
        let (mut scenario, _made) = Scenario::recorded(target, &exchanges, false, 1).unwrap();
        assert_eq!(scenario.hidden(), 1);
        scenario.flows[0].steps[0].headers[0].1 = "Bearer mine".to_owned();
        assert_eq!(scenario.hidden(), 0);
    }
}
