//! Runs against servers in this process: one that pauses, one that fails, one that hangs up.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use load::{
    Believes, Goal, Http, Method, Model, Outcome, Plan, RunError, Scenario, Target, find_limit,
    judge, run,
};
use model::{Exchange, Moment, RequestSeen};
use prove::{
    capacity::Search,
    schedule::{Arrivals, Schedule, Stage, Think, Users},
};

const SECOND: Duration = Duration::from_secs(1);

/// Answers each request with what `answer` makes of its first line, each connection in a thread of its own.
fn serve(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            thread::spawn(move || talk(stream, answer.as_ref()));
        }
    });
    address
}

fn talk(stream: TcpStream, answer: &dyn Fn(&str) -> Option<String>) {
    stream.set_nodelay(true).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(first)) = lines.next() {
        let is_end = |line: Result<String, _>| line.is_ok_and(|line: String| line.is_empty());
        if !lines.by_ref().any(is_end) {
            return;
        }
        let Some(said) = answer(&first) else { return };
        if writer.write_all(said.as_bytes()).is_err() {
            return;
        }
    }
}

fn ok(body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

fn plan(address: SocketAddr, model: Model) -> Plan {
    let url = format!("http://{address}/");
    Plan {
        scenario: Scenario::url(&url, Method::Get, Vec::new(), String::new()).unwrap(),
        name: url,
        model,
        load: "a test".to_owned(),
        seed: 1,
        connections: 20,
        threads: 1,
        timeout: SECOND * 5,
        connections_of_two: 1,
        streams: 1,
        http: Http::Agreed,
        believes: Believes::System,
        may_be_public: false,
    }
}

fn constant(rate: f64, length: Duration) -> Model {
    Model::Open(Schedule::constant(rate, length, Arrivals::Even).unwrap())
}

fn done(plan: &Plan) -> Outcome {
    run(plan, &Arc::new(AtomicBool::new(false)), |_tick| {}).unwrap()
}

/// A server that answers nothing for a while: those that it keeps from being sent are slow, too.
#[test]
fn a_pause_is_seen_by_all_who_meant_to_come_during_it() {
    let gate = Arc::new(Mutex::new(()));
    let held = Arc::clone(&gate);
    let address = serve(move |_first| {
        drop(held.lock().unwrap());
        ok("fine")
    });
    let (begun, paused) = (Instant::now(), Arc::new(Mutex::new(Duration::ZERO)));
    let tell = Arc::clone(&paused);
    let pause = thread::spawn(move || {
        thread::sleep(SECOND);
        let closed = gate.lock().unwrap();
        let from = Instant::now();
        thread::sleep(SECOND / 2);
        drop(closed);
        *tell.lock().unwrap() = from.elapsed();
        from - begun
    });
    let plan = plan(address, constant(200.0, SECOND * 3));
    let seen = done(&plan);
    assert!(SECOND / 2 < pause.join().unwrap());
    let paused = *paused.lock().unwrap();
    // What the schedule says of those that are meant to start within the pause: each waits for the rest of it.
    let Model::Open(schedule) = &plan.model else { panic!("an open model was asked for") };
    let mut truth: Vec<Duration> =
        schedule.starts().filter_map(|start| paused.checked_sub(start)).collect();
    truth.resize(600, Duration::ZERO);
    truth.sort();
    let true_p95 = truth[569];
    assert!(true_p95.abs_diff(SECOND * 7 / 20) < SECOND / 5, "{true_p95:?}");
    let off = seen.latency(0.95).abs_diff(true_p95);
    assert!(off < Duration::from_millis(60), "{:?} for {true_p95:?}", seen.latency(0.95));
    assert_eq!((seen.started, seen.answered, seen.failed), (600, 600, 0));
    // Without the correction, only those that were sent are slow: as many as there are connections.
    assert!(seen.uncorrected.value_at_quantile(0.95) < 200_000_000, "p95 as sent");
    assert!(seen.connections <= 21, "{}", seen.connections);
}

#[test]
fn a_result_survives_its_file() {
    let address = serve(|_first| ok("fine"));
    let seen = done(&plan(address, constant(200.0, SECOND / 2)));
    let again = Outcome::from_json(seen.to_json().as_bytes()).unwrap();
    assert_eq!((again.corrected.len(), &again.samples), (100, &seen.samples));
    assert_eq!(again.corrected, seen.corrected);
    assert_eq!(again.statuses, [(200, 100)]);
    let spread = again.spread();
    let count = |figure: fn(&load::Spread) -> u64| spread.iter().map(figure).sum::<u64>();
    assert_eq!((count(|it| it.corrected), count(|it| it.uncorrected)), (100, 100));
    for pair in spread.windows(2) {
        assert!((pair[0].to_nanos - pair[1].from_nanos).abs() < 1.0, "without a gap: {pair:?}");
    }
    let median = again.latency(0.5).as_secs_f64() * 1e9;
    assert!(spread.iter().any(|it| it.from_nanos <= median && median < it.to_nanos), "{median}");
    let log = load::write_hlog(&seen);
    let sum = load::read_hlog(&[&log, &log]).unwrap();
    assert_eq!((sum.corrected.len(), sum.uncorrected.len()), (200, 200));
    assert_eq!(load::read_hlog(&[&sum.to_hlog("two\nlogs")]).unwrap(), sum);
    assert!(load::read_hlog(&["1,2,3,nonsense\n"]).is_err());
    assert!(Outcome::from_json(b"{}").unwrap_err().contains("not a result of `taut load`"));
    let other = seen.to_json().replacen("taut-load-1", "taut-load-9", 1);
    assert!(Outcome::from_json(other.as_bytes()).unwrap_err().contains("taut-load-9"));
}

#[test]
fn a_generator_that_is_late_is_known_by_what_it_adds() {
    let address = serve(|_first| ok("fine"));
    let mut seen = done(&plan(address, constant(200.0, SECOND / 2)));
    let mut says = |late_micros: u64, took_millis: u64| {
        seen.late.clear();
        seen.late.record_n(late_micros * 1_000, 100).unwrap();
        seen.corrected.clear();
        seen.corrected.record_n(took_millis * 1_000_000, 100).unwrap();
        seen.lateness().is_bottleneck
    };
    // Late by more than a millisecond, and by more than a tenth of what was measured.
    assert!(says(40_000, 45) && says(5_000, 45));
    assert!(!says(4_000, 45) && !says(900, 1) && !says(40_000, 900));
}

#[test]
fn failures_are_counted_by_what_they_are() {
    let count = AtomicU64::new(0);
    let address = serve(move |_first| match count.fetch_add(1, Relaxed) % 4 {
        0 => Some("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_owned()),
        1 => Some("nonsense\r\n\r\n".to_owned()),
        _ => ok("fine"),
    });
    let seen = done(&Plan { connections: 1, ..plan(address, constant(100.0, SECOND)) });
    assert_eq!(seen.statuses, [(200, 50), (500, 25)]);
    assert_eq!(seen.troubles, [("the answer is no HTTP".to_owned(), 25)]);
    assert_eq!((seen.failed, seen.answered), (50, 75));
    let goals = ["errors<60%", "errors<40%", "p50<4s"].map(|text| Goal::parse(text).unwrap());
    let met: Vec<bool> = judge(&goals, &seen).iter().map(|judged| judged.is_met).collect();
    assert_eq!(met, [true, false, true]);
}

#[test]
fn a_server_that_hangs_up_is_called_again() {
    let address =
        serve(|_first| Some("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbye".to_owned()));
    // Threads of the server end with their answer only if it ends the connection: `talk` goes on, so the bodies
    // never end, and time is up.
    let seen =
        done(&Plan { timeout: SECOND / 5, connections: 2, ..plan(address, constant(8.0, SECOND)) });
    assert_eq!((seen.answered, seen.failed), (0, 8));
    assert_eq!(seen.troubles, [("timed out".to_owned(), 8)]);
}

#[test]
fn users_wait_for_their_answers() {
    let address = serve(|_first| {
        thread::sleep(Duration::from_millis(20));
        ok("fine")
    });
    let users = Users {
        count: 4,
        arrive_over: Duration::ZERO,
        think: Think::Always(Duration::from_millis(30)),
        length: SECOND,
    };
    let seen = done(&plan(address, Model::Closed(users)));
    // A round takes 50 ms at least, so that four users ask at most 84 times, each once more at the end.
    assert!((4..=84).contains(&seen.started), "{}", seen.started);
    assert_eq!((seen.failed, seen.unfinished, seen.is_open), (0, 0, false));
    assert!(seen.latency(0.5) >= Duration::from_millis(20));
}

#[test]
fn an_early_end_keeps_what_was_measured() {
    let address = serve(|_first| ok("fine"));
    let stop = Arc::new(AtomicBool::new(false));
    let ask = Arc::clone(&stop);
    let plan = plan(address, constant(200.0, SECOND * 600));
    let seen = run(&plan, &stop, move |tick| {
        if SECOND / 2 < tick.elapsed {
            ask.store(true, Relaxed);
        }
    });
    let seen = seen.unwrap();
    assert!(seen.is_interrupted && seen.answered > 0 && seen.seconds < 600.0);
    assert_eq!(seen.started, seen.answered);
}

#[test]
fn where_nobody_is_there_is_no_run() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let error = run(&plan(closed, constant(1.0, SECOND)), &stop, |_tick| {}).unwrap_err();
    assert!(matches!(error, RunError::Unreachable { .. }), "{error}");
    let mut public = plan(closed, constant(1.0, SECOND));
    public.scenario.target.host = "192.0.2.1".to_owned();
    let error = run(&public, &stop, |_tick| {}).unwrap_err();
    assert!(matches!(error, RunError::Public { .. }), "{error}");
}

#[test]
fn steps_hand_on_what_they_find() {
    let address = serve(|first| match first {
        "GET /orders?user=ann HTTP/1.1" => ok("{\"results\": [{\"id\": 7}]}"),
        "GET /orders/7 HTTP/1.1" => ok("{\"total\": 1}"),
        _ => Some("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_owned()),
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.csv"), "user\nann\nbob\n").unwrap();
    let path = folder.path().join("shop.toml");
    let text = format!(
        "target = \"http://{address}\"\ndata = \"data.csv\"\n[[flow]]\nname = \"a\"\n[[flow.step]]\n\
         path = \"/orders?user={{user}}\"\nextract = {{ id = \"json:/results/0/id\" }}\n[[flow.step]]\n\
         name = \"order\"\npath = \"/orders/{{id}}\"\njson = \"/total\"\n"
    );
    std::fs::write(&path, text).unwrap();
    let scenario = Scenario::file(&path).unwrap();
    // Nothing starts after half a second, so that all flows have time to be done.
    let part = |rate, length| Stage { from: rate, to: rate, length };
    let stages = vec![part(40.0, SECOND / 2), part(0.0, SECOND * 4)];
    let schedule = Schedule::new(stages, Arrivals::Even).unwrap();
    let seen = done(&Plan { scenario, threads: 2, ..plan(address, Model::Open(schedule)) });
    // Bob has no orders: his flows end with their first step.
    assert_eq!((seen.started, seen.answered, seen.failed), (30, 30, 10));
    assert_eq!((seen.routes[1].name.as_str(), seen.routes[1].count), ("order", 10));
    // Steps have no moment of their own at which they are due, and hide no flow that was late.
    assert_eq!((seen.flows, seen.cut, seen.late.len()), (20, 0, 20));
}

/// Two requests, the second one after a pause.
fn two_steps(address: SocketAddr, think: Think) -> Scenario {
    let url = format!("http://{address}/");
    let mut scenario = Scenario::url(&url, Method::Get, Vec::new(), String::new()).unwrap();
    let steps = &mut scenario.flows[0].steps;
    steps.push(steps[0].clone());
    steps[0].think = think;
    scenario
}

#[test]
fn a_run_ends_when_it_should_and_cuts_flows_that_are_longer() {
    let address = serve(|_first| ok("fine"));
    let scenario = two_steps(address, Think::Always(SECOND * 20));
    let users =
        Users { count: 3, arrive_over: Duration::ZERO, think: Think::Never, length: SECOND };
    for (model, flows) in [(constant(20.0, SECOND), 20), (Model::Closed(users), 3)] {
        let begun = Instant::now();
        let seen = done(&Plan { scenario: scenario.clone(), ..plan(address, model) });
        assert!(begun.elapsed() < SECOND * 6, "nobody waits for who thinks: {:?}", begun.elapsed());
        assert_eq!((seen.flows, seen.cut), (flows, flows));
        assert_eq!((seen.started, seen.answered, seen.unfinished), (flows, flows, 0));
        assert!(seen.rate() <= 20.0, "{}", seen.rate());
    }
}

#[test]
fn what_a_slow_server_answers_afterwards_is_no_rate() {
    let turn = Mutex::new(());
    let address = serve(move |_first| {
        let held = turn.lock().unwrap();
        thread::sleep(Duration::from_millis(5));
        drop(held);
        ok("fine")
    });
    // It does two hundred a second at most, and is asked four hundred.
    let seen = done(&plan(address, constant(400.0, SECOND)));
    assert_eq!((seen.started, seen.answered), (400, 400));
    assert!(seen.rate() <= 220.0, "{}", seen.rate());
    assert!(0.8 < seen.tail_seconds, "{}", seen.tail_seconds);
}

#[test]
fn who_finds_no_connection_in_time_has_waited_and_failed() {
    let address = serve(|_first| {
        thread::sleep(Duration::from_millis(100));
        ok("fine")
    });
    let begun = Instant::now();
    let plan =
        Plan { connections: 1, timeout: SECOND / 2, ..plan(address, constant(200.0, SECOND)) };
    let seen = done(&plan);
    assert!(begun.elapsed() < SECOND * 10, "20 s are in line: {:?}", begun.elapsed());
    assert!(0 < seen.answered && seen.answered < 50, "{}", seen.answered);
    assert_eq!((seen.answered + seen.failed, seen.unfinished), (200, 0));
    let waited =
        seen.troubles.iter().any(|(what, _)| what.contains("no connection was free in time"));
    assert!(waited, "{:?}", seen.troubles);
    // All have waited; as sent, nobody who was not sent has a latency.
    assert_eq!(seen.corrected.len(), 200);
    assert!(seen.uncorrected.len() < 60, "{}", seen.uncorrected.len());
}

/// A visit that was recorded goes on after an answer that was not what it should be: what came later did not hang on it.
#[test]
fn a_recorded_visit_does_not_end_with_a_status() {
    let address = serve(|first| match first {
        "GET /me HTTP/1.1" => Some("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n".to_owned()),
        _ => ok("fine"),
    });
    let asked = |second: u64, target: &str| Exchange {
        began: Moment { nanos: second * 1_000_000 },
        client: "ann".to_owned(),
        request: RequestSeen {
            method: "GET".to_owned(),
            target: target.to_owned(),
            ..RequestSeen::default()
        },
        ..Exchange::default()
    };
    let exchanges = [asked(0, "/me"), asked(1, "/orders/1"), asked(2, "/orders/2")];
    let target = Target::parse(&format!("http://{address}")).unwrap().0;
    let (scenario, _made) = Scenario::recorded(target, &exchanges, false, 1).unwrap();
    let part = |rate, length| Stage { from: rate, to: rate, length };
    let stages = vec![part(20.0, SECOND / 2), part(0.0, SECOND * 4)];
    let schedule = Schedule::new(stages, Arrivals::Even).unwrap();
    let seen = done(&Plan { scenario, ..plan(address, Model::Open(schedule)) });
    assert_eq!((seen.flows, seen.started, seen.failed), (10, 30, 10));
    assert_eq!(seen.statuses, [(200, 20), (401, 10)]);
}

#[test]
fn a_limit_of_flows_is_told_in_requests_too() {
    let address = serve(|_first| ok("fine"));
    let scenario = two_steps(address, Think::Never);
    let plan = Plan { scenario, ..plan(address, constant(1.0, SECOND)) };
    let goals = [Goal::parse("p95<20s").unwrap()];
    let stop = Arc::new(AtomicBool::new(false));
    let search = Search::new(40.0, 40.0, 0.3).unwrap();
    let found =
        find_limit(&plan, search, (SECOND, &goals), &stop, |_step, _rate, _tick| {}).unwrap();
    assert_eq!((found.is_of_flows, found.breaking.held), (true, Some(40.0)));
    // Some flows are cut between their steps when a step of the search ends.
    let requests = found.held_requests().unwrap();
    assert!((72.0..=80.0).contains(&requests), "{requests}");
    assert_eq!(found.broke_requests(), None);
}

/// A server that does one request after the other, 5 ms each, breaks at 200 a second.
#[test]
fn the_limit_of_a_queue_is_found() {
    let turn = Mutex::new(());
    let address = serve(move |_first| {
        let held = turn.lock().unwrap();
        thread::sleep(Duration::from_millis(5));
        drop(held);
        ok("fine")
    });
    let goals = [Goal::parse("p95<150ms").unwrap()];
    let stop = Arc::new(AtomicBool::new(false));
    let plan = plan(address, constant(1.0, SECOND));
    // A machine that does something else for a moment breaks at any rate, or starts too late to tell: then again.
    let search = || {
        let search = Search::new(60.0, 5_000.0, 0.3).unwrap();
        let found = find_limit(&plan, search, (SECOND, &goals), &stop, |_step, _rate, _tick| {});
        let found = found.unwrap();
        Some((found.breaking.held?, found.breaking.broke?, found))
    };
    let (held, broke, found) = (0..8).find_map(|_| search()).expect("one search in eight ends");
    // Sleeps are longer than they are asked to be, and machines busy: 200 a second is what it cannot exceed.
    assert!(held < broke && held <= 260.0, "{held} to {broke}");
    assert!(found.rungs.len() >= 3 && !found.is_interrupted);
}
