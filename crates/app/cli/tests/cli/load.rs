//! `taut load` and `taut prove` over a server in this process.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::kit::{Ran, file, run, ten_orders};

/// A server that answers everything after so long; its URL.
fn server(wait: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || talk(stream, wait));
        }
    });
    format!("http://{address}/")
}

fn talk(stream: TcpStream, wait: Duration) {
    let Ok(mut writer) = stream.try_clone() else { return };
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if !line.is_empty() {
            continue;
        }
        thread::sleep(wait);
        if writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
            return;
        }
    }
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.data)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ran.data, ran.words))
}

#[test]
fn a_load_tells_its_figures_and_is_proven_slower() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (quick, slow) = (server(Duration::from_millis(2)), server(Duration::from_millis(12)));
    let load = |url: &str, out: &str| {
        run([
            "load",
            url,
            "--rate",
            "400",
            "--for",
            "2s",
            "--json",
            "--out",
            out,
            "--html",
            &at("page.html"),
            "--hlog",
            &at("log.hlog"),
        ])
    };
    let ran = load(&quick, &at("before.json"));
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
    let seen = json(&ran);
    assert_eq!(
        (&seen["started"], &seen["answered"], &seen["failed"]),
        (&800.into(), &800.into(), &0.into())
    );
    assert!(seen["latency_nanos"]["p50"].as_u64().unwrap() >= 2_000_000);
    let page = std::fs::read_to_string(at("page.html")).unwrap();
    assert!(page.contains("<polyline") && page.contains("Latency over time"));
    // The file holds what was said, for those who open it on a page.
    let kept = std::fs::read_to_string(at("before.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["report"], seen);
    let counted = |figure: &str| {
        let spread = kept["spread"].as_array().unwrap().iter();
        spread.map(|it| it[figure].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((counted("corrected"), counted("uncorrected")), (800, 800));
    assert!(std::fs::read_to_string(at("log.hlog")).unwrap().contains("Tag=corrected"));
    assert_eq!(load(&slow, &at("after.json")).code, Some(0));
    let ran = run(["prove", "--measure", "p50", "--json", &at("before.json"), &at("after.json")]);
    assert_eq!((ran.code, json(&ran)["verdict"].as_str().unwrap()), (Some(1), "worse"));
    let ran = run(["prove", "--measure", "p50", &at("after.json"), &at("before.json")]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.data.starts_with("better: p50 changed by -"), "{}", ran.data);
}

#[test]
fn a_recorded_run_is_given_back_as_it_was_written() {
    let url = server(Duration::from_millis(1));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (out, store) = (at("run.json"), at("store"));
    let load = ["load", &url, "--rate", "100", "--for", "500ms", "--expect", "errors<1%"];
    let ran = run(load.into_iter().chain(["--out", &out, "--record", "--store", &store]));
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    assert!(ran.words.contains("run 1 is in the ledger"), "{}", ran.words);
    let whole = run(["ledger", "show", "1", "--result", "--store", &store]);
    assert_eq!(whole.code, Some(0), "{}", whole.words);
    assert_eq!(whole.data, std::fs::read_to_string(&out).unwrap());
    let again = at("again.json");
    std::fs::write(&again, &whole.data).unwrap();
    let ran = run(["prove", &out, &again, "--worse-only", "--record", "--store", &store]);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    assert!(ran.words.contains("proof 2 is in the ledger"), "{}", ran.words);
    let told = run(["ledger", "show", "1", "--store", &store]);
    assert!(told.data.contains("goals met") && told.data.contains(" a second"), "{}", told.data);
    assert!(told.data.contains("`taut ledger show 1 --result`"), "{}", told.data);
    let json = json(&run(["ledger", "show", "1", "--json", "--store", &store]));
    assert_eq!(json["result_bytes"], whole.data.len(), "{json}");
    for (id, code) in [("7", 2), ("x", 2)] {
        let none = run(["ledger", "show", id, "--result", "--store", &store]);
        assert_eq!((none.code, none.data.as_str()), (Some(code), ""), "{}", none.words);
    }
    run(["ledger", "decide", "No cache", "--store", &store]);
    let none = run(["ledger", "show", "3", "--result", "--store", &store]);
    assert_eq!(none.code, Some(3));
    assert!(none.words.contains("the whole result of decision 3 is not kept"), "{}", none.words);
}

#[test]
fn results_of_two_generators_add_up() {
    let (url, other) = (server(Duration::from_millis(1)), server(Duration::from_millis(1)));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let load = |url: &str, name: &str| {
        let (out, log) = (at(&format!("{name}.json")), at(&format!("{name}.hlog")));
        let given = ["load", url, "--rate", "100", "--for", "2s", "--out", &out, "--hlog", &log];
        assert_eq!(run(given).code, Some(0));
    };
    thread::scope(|scope| {
        let (load, url) = (&load, url.as_str());
        for name in ["one", "two"] {
            scope.spawn(move || load(url, name));
        }
    });
    load(&other, "other");
    let [one, two, other] = ["one.json", "two.json", "other.json"].map(at);
    let (sum, page, log) = (at("sum.json"), at("sum.html"), at("sum.hlog"));
    let more = ["--out", &sum, "--html", &page, "--hlog", &log, "--expect", "errors<1%"];
    let ran = run(["load", "--json", "--add", &one, &two].into_iter().chain(more));
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    let seen = json(&ran);
    assert_eq!((&seen["started"], &seen["goals"][0]["met"]), (&400.into(), &true.into()), "{seen}");
    let load = seen["load"].as_str().unwrap();
    assert!(load.starts_with("2 runs side by side: 100 a second"), "{load}");
    let rate = seen["answered_per_second"].as_f64().unwrap();
    assert!((150.0..=200.0).contains(&rate), "{rate}");
    assert!(std::fs::read_to_string(&page).unwrap().contains("Latency over time"));
    // The sum is a result like any other, and so are sums of histograms alone.
    assert_eq!(run(["prove", &sum, &sum, "--worse-only"]).code, Some(0));
    let logs = run(["load", "--add", &at("one.hlog"), &at("two.hlog"), "--json"]);
    assert_eq!((logs.code, &json(&logs)["requests"]), (Some(0), &400.into()), "{}", logs.words);
    assert_eq!(json(&logs)["latency_nanos"], seen["latency_nanos"], "exactly");
    let again = run(["load", "--add", &log]);
    assert!(again.data.starts_with("400 requests, p50 "), "{}", again.data);
    let refused = [
        (vec![&one, &one], "are the same run"),
        (vec![&one, &other], "the target differs"),
        (vec![&one], "1 results: from 2"),
        (vec![&one, &log], "histograms alone"),
        (vec![&page, &one], "failed to understand"),
    ];
    for (files, why) in refused {
        let ran = run(["load", "--add"].into_iter().chain(files.into_iter().map(String::as_str)));
        assert_eq!((ran.code, ran.data.as_str()), (Some(2), ""), "{why}: {}", ran.words);
        assert!(ran.words.contains(why), "{why}: {}", ran.words);
    }
    for more in [["--rate", "7"], ["--at", "http://localhost:1"]] {
        let ran = run(["load", "--add", &one, &two].into_iter().chain(more));
        assert_eq!(ran.code, Some(2), "{}", ran.words);
        assert!(ran.words.contains("--add sends nothing"), "{}", ran.words);
    }
    assert_eq!(run(["load", &url, "--add", &one]).code, Some(2), "a target, too");
    assert_eq!(run(["load"]).code, Some(2), "neither");
    let gone = run(["load", "--add", &one, &at("gone.json")]);
    assert_eq!(gone.code, Some(3), "{}", gone.words);
}

#[test]
fn goals_decide_the_exit_code() {
    let url = server(Duration::from_millis(5));
    let run = |goal: &str| run(["load", &url, "--rate", "50", "--for", "500ms", "--expect", goal]);
    let met = run("errors<1%");
    assert_eq!(met.code, Some(0), "{}", met.words);
    assert!(met.data.contains("met     errors below 1.00 %: 0.00 %"), "{}", met.data);
    let missed = run("p50<1ms");
    assert_eq!(missed.code, Some(1));
    assert!(missed.data.contains("missed  p50 below 1.00 ms: "), "{}", missed.data);
    assert_eq!(run("p50<fast").code, Some(2));
}

#[test]
fn users_are_the_other_model() {
    let url = server(Duration::from_millis(5));
    let ran = run(["load", &url, "--users", "3", "--think", "20ms", "--for", "500ms"]);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    assert!(ran.data.contains("3 users for 500 ms, closed model"), "{}", ran.data);
    assert!(ran.data.contains("Closed model: users who wait ask less"), "{}", ran.data);
}

/// A search that ends at 200 a second, at the latest.
const SEARCH: [&str; 8] =
    ["--search", "--from", "50", "--up-to", "200", "--for", "300ms", "--json"];

#[test]
fn a_search_ends_where_it_may_go_no_further_and_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let url = server(Duration::ZERO);
    let page = folder.path().join("limit.html").display().to_string();
    let goals = ["--expect", "errors<50%", "--expect", "p95<20s", "--peak", "40"];
    let store = folder.path().display().to_string();
    let more = ["--html", &page, "--record", "--store", &store];
    let ran = run(["load", &url].into_iter().chain(SEARCH).chain(goals).chain(more));
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    let seen = json(&ran);
    assert_eq!(seen["held_per_second"].as_f64(), Some(200.0), "{seen}");
    assert_eq!(seen["steps"].as_array().unwrap().len(), 5);
    assert_eq!((seen["headroom"].as_f64(), &seen["ended_because"]), (Some(0.8), &Value::Null));
    let goals = seen["goals"].as_array().unwrap();
    assert_eq!(
        (&goals[0]["goal"], &goals[0]["latency_nanos"]),
        (&"errors below 50.00 %".into(), &Value::Null)
    );
    assert_eq!(goals[1]["latency_nanos"].as_f64(), Some(2e10));
    let drawn = std::fs::read_to_string(page).unwrap();
    for part in [
        "It holds 200 a second, as much as was asked for",
        "latency against load, and where it breaks",
        "p95 below 20000.00 ms",
        "today's peak",
        "Headroom: 80 % at today's peak of 40 a second.",
    ] {
        assert!(drawn.contains(part), "{part}:\n{drawn}");
    }
    assert!(5 <= drawn.matches("<circle class=\"held\"").count(), "each step is a point");
    assert!(!drawn.contains("<script"), "it needs nothing but itself");
    let kept = run(["ledger", "--kind", "run", "--store", &store]);
    assert!(kept.data.contains("the limit of errors below 50.00 %"), "{}", kept.data);
}

/// A flow of two requests: today's peak counts requests, and the search counts flows.
#[test]
fn headroom_of_flows_is_told_by_their_requests() {
    let url = server(Duration::ZERO);
    let flow =
        "[[flow]]\nname = \"a\"\n[[flow.step]]\npath = \"/\"\n[[flow.step]]\npath = \"/b\"\n";
    let (folder, path) = file("shop.toml", format!("target = \"{url}\"\n{flow}"));
    let page = folder.path().join("limit.html").display().to_string();
    let toml = path.display().to_string();
    let goals = ["--expect", "errors<50%", "--expect", "p95<20s", "--peak", "40", "--html", &page];
    let ran = run(["load", &toml].into_iter().chain(SEARCH).chain(goals));
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    let seen = json(&ran);
    assert_eq!(seen["held_per_second"].as_f64(), Some(200.0), "{seen}");
    assert_eq!(seen["per_second_is_of"], "flows");
    // Two requests each, but for flows that the end of a step cuts.
    let held = seen["held_requests_per_second"].as_f64().unwrap();
    assert!((300.0..=400.0).contains(&held), "{held}");
    let headroom = seen["headroom"].as_f64().unwrap();
    assert!((headroom - (1.0 - 40.0 / held)).abs() < 1e-9, "{headroom} of {held}");
    let drawn = std::fs::read_to_string(page).unwrap();
    assert!(drawn.contains("It holds 200 flows ("), "{drawn}");
    assert!(drawn.contains("flows a second"), "{drawn}");
}

#[test]
fn a_run_does_not_wait_for_pauses_and_says_what_it_cut() {
    let url = server(Duration::ZERO);
    let flow = "[[flow]]\nname = \"a\"\n[[flow.step]]\npath = \"/\"\nthink = \"20s\"\n[[flow.step]]\npath = \"/b\"\n";
    let (_folder, path) = file("shop.toml", format!("target = \"{url}\"\n{flow}"));
    let toml = path.display().to_string();
    for how_much in [["--rate", "20"], ["--users", "10"]] {
        let ran = run(["load", &toml, "--for", "500ms", "--json"].into_iter().chain(how_much));
        assert_eq!(ran.code, Some(0), "{}", ran.words);
        let seen = json(&ran);
        assert_eq!(
            (&seen["flows"], &seen["flows_cut"], &seen["started"]),
            (&10.into(), &10.into(), &10.into()),
            "{seen}"
        );
        assert!(seen["tail_seconds"].as_f64().unwrap() < 10.0, "{seen}");
        assert!(
            seen["notes"].to_string().contains("10 of 10 passes through a flow were not done"),
            "{seen}"
        );
    }
    let words = ["--expect", "errors<50%"];
    let ran = run(["load", &toml]
        .into_iter()
        .chain(SEARCH)
        .chain(words)
        .filter(|word| *word != "--json"));
    assert!(
        ran.data.contains("Up to 100 % of flows were not done when a step ended"),
        "{}",
        ran.data
    );
    assert!(
        ran.data.contains("flows/s")
            && ran.data.contains("It holds 200 flows (200 requests) a second"),
        "{}",
        ran.data
    );
}

#[test]
fn a_search_keeps_no_single_run_and_knows_peaks_of_recordings() {
    let url = server(Duration::ZERO);
    let search =
        |more: &[&str]| run(["load", &url].into_iter().chain(SEARCH).chain(more.iter().copied()));
    for flag in ["--out", "--hlog"] {
        let ran = search(&["--expect", "errors<50%", flag, "run.json"]);
        assert_eq!((ran.code, ran.data.as_str()), (Some(2), ""));
        assert!(ran.words.contains("hint: --json and --html tell all steps"), "{}", ran.words);
    }
    let (_folder, spans) = file("spans.json", ten_orders("/api/orders/", "customers"));
    let ran = search(&["--expect", "errors<50%", "--peak", &spans.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    // Ten requests, a second apart.
    let peak = json(&ran)["peak_today_per_second"].as_f64().unwrap();
    assert!((peak - 10.0 / 9.0).abs() < 1e-6, "{peak}");
    assert!(ran.words.contains("1 a second in the busiest ten seconds of"), "{}", ran.words);
    let ran = search(&["--expect", "errors<50%", "--peak", "-3"]);
    assert_eq!(ran.code, Some(2), "{}", ran.words);
}

#[test]
fn a_target_that_ends_under_a_search_takes_no_steps_along() {
    // Some fifteen requests are the first step; it is gone within the second one. On a busy machine it may be gone only
    // within the last, which nobody misses it after.
    let search = || {
        let url = mortal(20);
        let words = ["--expect", "errors<50%", "--connections", "1"];
        run(["load", &url].into_iter().chain(SEARCH).chain(words))
    };
    let ran = (0..5).map(|_| search()).find(|ran| ran.code == Some(3));
    let ran = ran.expect("it is missed");
    let seen = json(&ran);
    assert_eq!(seen["held_per_second"].as_f64(), Some(50.0), "{seen}");
    assert!(seen["ended_because"].as_str().unwrap().contains("failed to reach"), "{seen}");
    assert!(ran.words.contains("hint: what was measured before is told"), "{}", ran.words);
}

#[test]
fn steps_and_spikes_ask_as_often_as_they_say() {
    let url = server(Duration::ZERO);
    for (shape, rates, words, count) in [
        ("--steps", "20..60x3", "3 steps from 20 to 60 a second over 600 ms", 24),
        ("--spike", "20..120", "20 a second for 600 ms, 120 in its middle fifth", 24),
        ("--ramp", "0..80", "from 0 to 80 a second over 600 ms", 24),
    ] {
        let ran = run(["load", &url, shape, rates, "--for", "600ms", "--json"]);
        assert_eq!(ran.code, Some(0), "{}", ran.words);
        let seen = json(&ran);
        assert_eq!((&seen["started"], &seen["failed"]), (&count.into(), &0.into()), "{seen}");
        assert!(seen["load"].as_str().unwrap().starts_with(words), "{seen}");
    }
}

#[test]
fn what_is_for_something_else_is_refused_rather_than_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let url = server(Duration::ZERO);
    let path = folder.path().join("shop.toml");
    let text =
        "target = \"http://127.0.0.1:1\"\n[[flow]]\nname = \"a\"\n[[flow.step]]\npath = \"/\"\n";
    std::fs::write(&path, text).unwrap();
    let toml = path.display().to_string();
    let refused = |words: &[&str], told: &str| {
        let ran = run(words);
        assert_eq!((ran.code, ran.data.as_str()), (Some(2), ""), "{}", ran.words);
        assert!(ran.words.contains(told), "{}", ran.words);
    };
    refused(&["load", &url, "--at", &url], "a URL says itself where requests go");
    refused(&["load", &toml, "--method", "POST"], "--method and --body are for a URL");
    refused(&["load", &toml, "--body", "x"], "--method and --body are for a URL");
    let ran = run(["load", &toml, "--at", &url, "-H", "X-A: b", "--for", "200ms", "--json"]);
    assert_eq!((ran.code, &json(&ran)["failed"]), (Some(0), &0.into()), "{}", ran.words);
    let given = ["--search", "--expect", "p95<1s", "--json"];
    let ran = run(["load", &toml, "--export", "k6"].into_iter().chain(given));
    assert_eq!((ran.code, ran.data.as_str()), (Some(2), ""));
    let told = "and what has to come of it; --search, --json is no part of that";
    assert!(ran.words.contains(told), "{}", ran.words);
    assert!(ran.words.contains("hint: figures are those of the tool"), "{}", ran.words);
    refused(&["load", &toml, "--host", "a"], "--host is for a HAR");
    let script = run(["load", &toml, "-H", "X-A: b", "--export", "k6"]);
    assert!(script.data.contains("headers: { \"X-A\": \"b\" }"), "{}", script.data);
    assert_eq!(script.words, "", "who runs it says how much");
    let given = ["--rate", "50", "--for", "1m", "--expect", "p95<1s", "--insecure"];
    let of = |tool: &str| run(["load", &toml, "--export", tool].into_iter().chain(given));
    let (k6, locust) = (of("k6"), of("locust"));
    for part in ["\"constant-arrival-rate\"", "\"p(95)<1000\"", "\"insecureSkipTLSVerify\": true"] {
        assert!(k6.data.contains(part), "{part}: {}", k6.data);
    }
    assert!(k6.words.contains("note: k6 times a request from when it is sent"), "{}", k6.words);
    for part in
        ["constant_throughput(", "get_response_time_percentile(0.95) < 1000", "verify = False"]
    {
        assert!(locust.data.contains(part), "{part}: {}", locust.data);
    }
    assert!(locust.words.contains("note: Locust has no open model"), "{}", locust.words);
    let api = folder.path().join("api.yaml");
    std::fs::write(&api, "openapi: 3.0.0\npaths: {}\n").unwrap();
    let ran = run(["load", &api.display().to_string(), "--at", &url]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("hint: OpenAPI is read as JSON: `yq -o json"), "{}", ran.words);
}

#[test]
fn what_cannot_be_loaded_is_said() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = run(["load", &format!("http://{closed}/")]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(3), ""));
    assert!(ran.words.contains("failed to reach `127.0.0.1:"), "{}", ran.words);
    let ran = run(["load", "http://192.0.2.1/", "--for", "1s"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.words.contains("hint: if you have a right to load it, say so: --target-is-mine"),
        "{}",
        ran.words
    );
    assert_eq!(run(["load", "nothing.toml"]).code, Some(3));
    assert_eq!(run(["load", "http://127.0.0.1:1/", "--rate", "-5"]).code, Some(2));
    let (_folder, path) = file("bad.toml", "target = \"http://127.0.0.1\"\nflows = 3\n");
    let ran = run([std::ffi::OsStr::new("load"), path.as_os_str()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("unknown field `flows`"), "{}", ran.words);
}

/// A server that answers so many requests, and is gone then, its port too.
fn mortal(answers: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let mut left = answers;
        for stream in listener.incoming().map_while(Result::ok) {
            let Ok(mut writer) = stream.try_clone() else { return };
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if line.is_empty() && 0 < left {
                    left -= 1;
                    drop(writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
                }
                if left == 0 {
                    return;
                }
            }
        }
    });
    format!("http://{address}/")
}

#[test]
fn a_target_that_goes_away_takes_no_figures_along() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.json").display().to_string();
    let words = ["--rate", "100", "--for", "1s", "--connections", "1", "--out", &out, "--json"];
    let url = mortal(20);
    let ran = run(["load", &url, "--expect", "errors<1%"].into_iter().chain(words));
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let seen = json(&ran);
    assert_eq!((&seen["started"], &seen["answered"]), (&100.into(), &20.into()), "{seen}");
    assert_eq!(seen["failed"], 80, "{seen}");
    let failures = seen["failures"].to_string();
    assert!(failures.contains("connection refused or failed"), "{failures}");
    let kept = std::fs::read_to_string(&out).unwrap();
    assert!(kept.contains("\"answered\":20"), "what was measured is kept");
    // Half of that file, and one of a later version, are no results.
    let half = folder.path().join("half.json");
    std::fs::write(&half, kept.get(..kept.len() / 2).unwrap()).unwrap();
    let ran = run(["prove", &half.display().to_string(), &out]);
    assert_eq!((ran.code, ran.data.as_str()), (Some(2), ""));
    assert!(ran.words.contains("half.json"), "{}", ran.words);
    let next = folder.path().join("next.json");
    std::fs::write(&next, kept.replacen("taut-load-1", "taut-load-9", 1)).unwrap();
    let ran = run(["prove", &out, &next.display().to_string()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("its format is `taut-load-9`; this version reads"), "{}", ran.words);
}

#[test]
fn no_latencies_at_all_are_no_comparison() {
    let (_none, none) = file("none.csv", "latency_ms\n");
    let (_some, some) = file("some.csv", "latency_ms\n1\n2\n");
    let ran = run([std::ffi::OsStr::new("prove"), none.as_os_str(), some.as_os_str()]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    assert!(ran.data.starts_with("cannot tell: a side has no requests\n"), "{}", ran.data);
    let ran = run([
        std::ffi::OsStr::new("prove"),
        some.as_os_str(),
        std::ffi::OsStr::new("/no/such.json"),
    ]);
    assert_eq!(ran.code, Some(3), "{}", ran.words);
    assert!(ran.words.contains("/no/such.json"), "{}", ran.words);
}

#[test]
fn too_few_latencies_say_how_many_more() {
    let (_before, before) = file("before.csv", "1\n2\n3\n2\n1\n2\n");
    let (_after, after) = file("after.csv", "latency_ms,failed\n3\n4\n3\n");
    let prove = |more: &[&str]| {
        let files = [before.display().to_string(), after.display().to_string()];
        run(["prove".to_owned()]
            .into_iter()
            .chain(files)
            .chain(more.iter().map(|word| (*word).to_owned())))
    };
    let ran = prove(&[]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.data.starts_with("cannot tell: p95 has too few independent requests"),
        "{}",
        ran.data
    );
    assert!(ran.data.contains("Need about 160 more requests a side"), "{}", ran.data);
    assert_eq!(prove(&["--worse-only"]).code, Some(0));
    let (_odd, odd) = file("odd.csv", "fast\nslow\n");
    let ran = run([std::ffi::OsStr::new("prove"), odd.as_os_str(), odd.as_os_str()]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("no column is called `latency_ms`"), "{}", ran.words);
}
