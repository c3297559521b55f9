//! `[gateway]`: its example means what it says, and every mistake in it is told with its line.

use std::time::Duration;

use config::GATEWAY_EXAMPLE;
use traffic::{
    encoding::Coding,
    plan::{Balance, Host, PathRule},
    telling::{AccessLog, Parents, Timing},
};

use crate::{complaint, file, load};

/// A right section, but for what a test puts into it.
fn with(service: &str, route: &str) -> String {
    format!(
        "[gateway]\n\n[gateway.service.app]\nmembers = [\"127.0.0.1:8000\"]\n{service}\n\n\
         [[gateway.route]]\nservice = \"app\"\n{route}\n"
    )
}

#[test]
fn the_example_is_right() {
    let plan = load(&file(GATEWAY_EXAMPLE)).gateway.expect("there is a section");
    assert_eq!(plan.listen[0].address.to_string(), "127.0.0.1:8080");
    assert_eq!(plan.services[0].members[1].weight, 2);
    assert_eq!(plan.services[0].balance, Balance::Latency);
    assert_eq!(plan.routes[0].paths, [PathRule::Below("/api/".to_owned())]);
    assert_eq!(plan.routes[0].limit.as_ref().expect("a limit").quota.requests.get(), 100);
    assert_eq!(plan.routes.last().expect("a route").name, "everything-else");
    assert!(plan.routes.iter().all(|route| route.compress.is_some()));
}

#[test]
fn settings_without_a_gateway_have_none() {
    assert_eq!(load(&file("")).gateway, None);
}

#[test]
fn routes_are_named_after_what_they_match() {
    let text = with("", "hosts = [\"*.example.com\"]\npaths = \"/a/*\"")
        + "[[gateway.route]]\nservice = \"app\"\n";
    let plan = load(&file(&text)).gateway.expect("there is a section");
    assert_eq!(plan.routes[0].hosts, [Host::Below(".example.com".to_owned())]);
    let names: Vec<&str> = plan.routes.iter().map(|route| &*route.name).collect();
    assert_eq!(names, ["app/a/*", "app"]);
}

#[test]
fn every_mistake_is_told_with_its_line_and_a_cure() {
    for (service, route, line, words) in [
        ("balanse = \"latency\"", "", 5, "did you mean `balance`?"),
        ("balance = \"random\"", "", 5, "`round-robin` or"),
        ("balance = \"cookie\"", "", 3, "cookies are signed"),
        ("answer-timeout = 5", "", 5, "the unit is missing"),
        ("check = { path = \"health\" }", "", 5, "a path such as `/health`"),
        ("check = { status = \"9\" }", "", 5, "`200` or `200-399`"),
        ("panic-share = 2", "", 5, "must be at most 1"),
        ("", "paths = [\"api\"]", 9, "`/exactly` or `/below/*`"),
        ("", "limit = { window = \"1m\" }", 9, "how many in a `window`"),
        ("", "rewrite = \"v2\"", 9, "a path such as `/v2/`"),
        ("", "set-request-headers = { \"a b\" = \"1\" }", 9, "no header is called so"),
        ("", "surprise = 1", 9, "known in `[gateway.route]`"),
        ("", "compress = \"yes\"", 9, "expected `on`, `off` or a table"),
        ("", "compress = { codings = [\"gzip:10\"] }", 9, "each once of `zstd`, `br`, `gzip`"),
        ("", "compress = { codings = [\"gzip\", \"gzip:2\"] }", 9, "each once of"),
        ("", "compress = { types = [\"json\"] }", 9, "expected `application/json`, `text/*`"),
    ] {
        let told = complaint(&file(&with(service, route)));
        assert!(told.contains(words), "{words}:\n{told}");
        assert!(told.contains(&format!("taut.toml:{line}:")), "line {line}:\n{told}");
    }
}

#[test]
fn a_route_to_nowhere_is_told_where_it_could_lead() {
    let text = with("", "").replace("service = \"app\"", "service = \"ap\"");
    assert!(complaint(&file(&text)).contains("did you mean `app`?"));
    assert!(complaint(&file("[gateway]\n")).contains("name at least one"));
    assert!(complaint(&file("gateway = 1\n")).contains("`gateway` is a section"));
    let twice = with("", "").replace("[\"127.0.0.1:8000\"]", "[\"a:1\", \"a:1\", \"b\"]");
    let told = complaint(&file(&twice));
    assert!(
        told.contains("it is among them already") && told.contains("a host and a port"),
        "{told}"
    );
}

#[test]
fn routes_compress_as_the_gateway_does_unless_they_say_otherwise() {
    let text = "[gateway]\ncompress = { bytes-min = \"2KiB\", codings = [\"gzip:6\", \"br\"] }\n\
                [gateway.service.app]\nmembers = [\"127.0.0.1:8000\"]\n\
                [[gateway.route]]\nservice = \"app\"\npaths = \"/a/*\"\n\
                [[gateway.route]]\nservice = \"app\"\npaths = \"/b/*\"\ncompress = \"off\"\n\
                [[gateway.route]]\nservice = \"app\"\ncompress = { types = [\"text/css\"], take-over = \"on\" }\n";
    let plan = load(&file(text)).gateway.expect("there is a section");
    let first = plan.routes[0].compress.as_ref().expect("as the gateway");
    assert_eq!(first.codings, [(Coding::Gzip, 6), (Coding::Brotli, 1)]);
    assert_eq!((first.bytes_min, first.takes_over), (2 << 10, false));
    assert_eq!(plan.routes[1].compress, None);
    let last = plan.routes[2].compress.as_ref().expect("its own");
    assert_eq!((last.bytes_min, last.types.len(), last.takes_over), (2 << 10, 1, true));
    assert_eq!(last.codings, first.codings);
}

#[test]
fn what_is_told_of_requests_and_whom_is_read() {
    let rest = "\n[gateway.service.app]\nmembers = [\"127.0.0.1:8000\"]\n[[gateway.route]]\nservice = \"app\"\n";
    let text = format!(
        "[gateway]\naccess-log = \"access.log\"\nserver-timing = \"anyone\"\n[gateway.spans]\n\
         endpoint = \"http://collector:4318\"\nshare = 0.1\nparents = \"trusted\"\nheader = {{ x-key = \"1\" }}\n{rest}"
    );
    let telling = load(&file(&text)).gateway.expect("there is a section").telling;
    assert!(
        matches!(&telling.access_log, Some(AccessLog::File(path)) if path.ends_with("access.log"))
    );
    assert_eq!(telling.server_timing, Timing::Anyone);
    let spans = telling.spans.expect("spans");
    assert_eq!(spans.endpoint, "http://collector:4318/v1/traces");
    assert!((spans.share - 0.1).abs() < 1e-9 && spans.parents == Parents::Trusted);
    assert_eq!(spans.header.expect("a header").0, "x-key");
    for (wrong, words) in [
        ("[gateway.spans]\nshare = 0.1\n", "a collector: `endpoint"),
        ("[gateway.spans]\nendpoint = \"collector:4318\"\n", "an address such as"),
        ("[gateway]\naccess-log = 7\n", "expected a text"),
        ("[gateway]\nserver-timing = \"all\"\n", "`anyone`"),
    ] {
        let told = complaint(&file(&format!("{wrong}{rest}")));
        assert!(told.contains(words), "{words}:\n{told}");
    }
}

#[test]
fn the_token_of_the_admin_port_may_come_from_the_environment() {
    let text = with("", "").replacen(
        "[gateway]\n",
        "[gateway]\nadmin-token = \"a token of the file\"\n",
        1,
    );
    let token = |sources: &config::Sources| {
        let plan = load(sources).gateway.expect("there is a section");
        plan.admin_token.map(|token| token.0)
    };
    assert_eq!(token(&file(&text)).as_deref(), Some("a token of the file"));
    let both = config::Sources {
        environment: vec![(
            "TAUT_GATEWAY_ADMIN_TOKEN".to_owned(),
            "a token of the environment".to_owned(),
        )],
        ..file(&text)
    };
    assert_eq!(token(&both).as_deref(), Some("a token of the environment"));
    let empty = config::Sources {
        environment: vec![("TAUT_GATEWAY_ADMIN_TOKEN".to_owned(), String::new())],
        ..file(&with("", ""))
    };
    assert_eq!(token(&empty), None);
}

#[test]
fn every_key_of_the_section_is_in_the_guide() {
    let told =
        complaint(&file(&with("", "").replacen("[gateway]\n", "[gateway]\nqqqqqqqq = 1\n", 1)));
    let (_, known) = told.split_once("known in `[gateway]`: ").expect("they are named");
    let guide = include_str!("../../../../../docs/gateway.md");
    let (_, table) = guide.split_once("| key in `[gateway]` |").expect("there is a table");
    let (table, _) = table.split_once("\n\n").expect("it ends");
    let keys: Vec<&str> =
        known.split([',', '\n']).map(str::trim).take_while(|key| !key.is_empty()).collect();
    assert!(20 < keys.len(), "{keys:?}");
    let missing: Vec<_> = keys.iter().filter(|key| !table.contains(&format!("`{key}`"))).collect();
    assert_eq!(missing, Vec::<&&str>::new());
}

#[test]
fn a_pause_of_websockets_is_read_and_bounded() {
    let text = |pause: &str| {
        with("", "").replacen("[gateway]\n", &format!("[gateway]\ntunnel-pause = \"{pause}\"\n"), 1)
    };
    let plan = load(&file(&text("5m"))).gateway.expect("there is a section");
    assert_eq!(plan.bounds.tunnel_pause, Duration::from_mins(5));
    let plan = load(&file(&with("", ""))).gateway.expect("there is a section");
    assert_eq!(plan.bounds.tunnel_pause, Duration::from_hours(1));
    let told = complaint(&file(&text("2d")));
    assert!(told.contains("at most") && told.contains("taut.toml:2:"), "{told}");
}

#[test]
fn a_token_that_is_none_is_told() {
    for token in ["", "short"] {
        let text = with("", "").replacen(
            "[gateway]\n",
            &format!("[gateway]\nadmin-token = \"{token}\"\n"),
            1,
        );
        let told = complaint(&file(&text));
        assert!(told.contains("at least 16 characters"), "{told}");
        assert!(told.contains("taut.toml:2:"), "{told}");
    }
    let environment = config::Sources {
        environment: vec![("TAUT_GATEWAY_ADMIN_TOKEN".to_owned(), "sesame".to_owned())],
        ..file(&with("", ""))
    };
    let told = complaint(&environment);
    assert!(told.contains("TAUT_GATEWAY_ADMIN_TOKEN") && !told.contains("sesame"), "{told}");
}

#[test]
fn one_too_many_is_told_with_its_line_and_never_left_out() {
    let lines = |lines: Vec<String>| lines.concat();
    let list = |count: usize| lines((0..count).map(|it| format!("\"n{it}\",\n")).collect());
    let member = |it: usize| format!("\"10.0.{}.{}:80\",\n", it / 250, it % 250);
    let members = |count| lines((0..count).map(member).collect());
    let capture = |key: &str, count| {
        with("", "") + &format!("[gateway.capture]\n{key} = [\n{}]\n", list(count))
    };
    let routes =
        |count: usize| with("", "") + &"[[gateway.route]]\nservice = \"app\"\n".repeat(count - 1);
    let app = |members: String| {
        format!(
            "[gateway]\n[gateway.service.app]\nmembers = [\n{members}]\n[[gateway.route]]\nservice = \"app\"\n"
        )
    };
    let steps = |count: u32| {
        let share = |it| format!("{},\n", f64::from(it) / 100.0);
        let shares = lines((1..=count).map(share).collect());
        with("", &format!("canary = {{ service = \"b\", steps = [\n{shares}] }}"))
            + "[gateway.service.b]\nmembers = [\"127.0.0.1:1\"]\n"
    };
    for key in ["redact-headers", "redact-fields", "keep-cookies"] {
        assert!(load(&file(&capture(key, 500))).gateway.is_some(), "{key}");
    }
    assert_eq!(load(&file(&routes(1_000))).gateway.expect("it is right").routes.len(), 1_000);
    assert!(load(&file(&app(members(1_000)))).gateway.is_some());
    assert!(load(&file(&steps(20))).gateway.is_some());
    for (text, line, max) in [
        (capture("redact-fields", 501), 512, 500),
        (capture("redact-headers", 501), 512, 500),
        (capture("keep-fields", 502), 512, 500),
        (routes(1_001), 2_008, 1_000),
        (app(members(1_001)), 1_004, 1_000),
        (steps(21), 30, 20),
    ] {
        let told = complaint(&file(&text));
        assert!(told.contains(&format!("one too many: at most {max}")), "{told}");
        assert!(told.contains(&format!("taut.toml:{line}:")), "line {line}:\n{told}");
    }
}

#[test]
fn a_canary_is_read_and_its_mistakes_are_told() {
    let two = "[gateway]\n\n[gateway.service.app]\nmembers = [\"127.0.0.1:8000\"]\n\n[gateway.service.next]\n\
               members = [\"127.0.0.1:8001\"]\n\n[[gateway.route]]\nservice = \"app\"\n";
    let canary = "canary = { service = \"next\", steps = [0.01, 0.2], every = \"1m\", sticky = \"address\", header = \"x-v\" }\n";
    let plan = load(&file(&format!("{two}{canary}"))).gateway.expect("there is a section");
    let rule = plan.routes[0].canary.as_deref().expect("a canary");
    assert_eq!((rule.service, &*rule.steps), (1, &[0.01, 0.2][..]));
    assert_eq!(rule.sticky, traffic::canary::Sticky::Address);
    assert_eq!(rule.cookie, None);
    for (cookie, name, value) in [("version", "version", None), ("beta=1", "beta", Some("1"))] {
        let canary = format!("canary = {{ service = \"next\", cookie = \"{cookie}\" }}\n");
        let plan = load(&file(&format!("{two}{canary}"))).gateway.expect("there is a section");
        let chooses = plan.routes[0].canary.as_ref().and_then(|rule| rule.cookie.as_ref());
        let chooses = chooses.expect("a cookie that chooses");
        assert_eq!((&*chooses.name, chooses.value.as_deref()), (name, value));
    }
    for (wrong, label) in [
        ("canary = { service = \"app\" }", "the version that is there already"),
        ("canary = { service = \"other\" }", "no service has this name"),
        ("canary = { service = \"next\", steps = [0.5, 0.2] }", "shares rise"),
        ("canary = { service = \"next\", steps = [1] }", "shares rise"),
        ("cache = {}\ncanary = { service = \"next\" }", "one or the other"),
        ("canary = { sticky = \"cookie\" }", "`service` is missing"),
        ("canary = { service = \"next\", cookie = \"a b\" }", "expected a cookie"),
        ("canary = { service = \"next\", cookie = \"beta=\" }", "expected a cookie"),
        ("canary = { service = \"next\", cookie = \"beta=1;2\" }", "expected a cookie"),
        ("canary = { service = \"next\", cookie = \"taut-version\" }", "needs another name"),
    ] {
        let told = complaint(&file(&format!("{two}{wrong}\n")));
        assert!(told.contains(label), "{wrong}: {told}");
    }
}
