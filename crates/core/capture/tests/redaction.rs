//! No secret of the input survives, and what belonged together still does.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use capture::{FORMAT, Head, Key, Line, Redactor, parse, usual, write_exchange, write_head};
use model::{AnswerSeen, BodySeen, Exchange, Kept, Moment, Redaction, RequestSeen, TraceId};
use proptest::prelude::*;

fn redactor() -> Redactor {
    Redactor::new(Key::new(b"a key for tests"), &usual())
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn json_body(text: &str) -> BodySeen {
    BodySeen::whole(text.as_bytes().to_vec())
}

/// The exchange as one line of a capture.
fn line(redactor: &Redactor, exchange: Exchange) -> String {
    String::from_utf8(write_exchange(&redactor.exchange(exchange))).unwrap()
}

fn body_of(redactor: &Redactor, kind: &str, text: &str, kept: Kept) -> Option<String> {
    let mut body = BodySeen { kept, ..json_body(text) };
    redactor.body(&mut body, Some(kind));
    (body.kept != Kept::LeftOut).then(|| String::from_utf8(body.bytes).unwrap())
}

fn login() -> Exchange {
    Exchange {
        began: Moment { nanos: 1_795_308_660_000_000_000 },
        client: "203.0.113.9".to_owned(),
        trace_id: TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736"),
        request: RequestSeen {
            method: "POST".to_owned(),
            target: "/login?email=ada%40mail.example.org&page=2".to_owned(),
            headers: headers(&[
                ("content-type", "application/json"),
                ("x-forwarded-for", "203.0.113.9, 10.0.0.1"),
                ("accept", "*/*"),
            ]),
            body: json_body(
                "{\"email\": \"ada@mail.example.org\",  \"password\":\"hunter2\", \"remember\": true}",
            ),
        },
        answer: Some(AnswerSeen {
            status: 200,
            headers: headers(&[
                ("content-type", "application/json"),
                ("set-cookie", "sid=s3cr3t-session-of-ada; Path=/; HttpOnly"),
            ]),
            body: json_body(
                "{\"access_token\":\"tok-of-ada-1234567890\",\"id\":17,\"total\":12.50}",
            ),
            ..AnswerSeen::default()
        }),
        ..Exchange::default()
    }
}

#[test]
fn a_log_in_keeps_what_belongs_together_and_no_secret() {
    let redactor = redactor();
    let first = redactor.exchange(login());
    let second = redactor.exchange(Exchange {
        request: RequestSeen {
            method: "GET".to_owned(),
            target: "/me".to_owned(),
            headers: headers(&[
                ("authorization", "Bearer tok-of-ada-1234567890"),
                ("cookie", "sid=s3cr3t-session-of-ada"),
            ]),
            ..RequestSeen::default()
        },
        client: "203.0.113.9".to_owned(),
        ..Exchange::default()
    });
    let answer = first.answer.as_ref().unwrap();
    let given: serde_json::Value = serde_json::from_slice(&answer.body.bytes).unwrap();
    let token = given["access_token"].as_str().unwrap();
    assert_eq!(second.request.header("authorization"), Some(format!("Bearer {token}").as_str()));
    let cookie = second.request.header("cookie").unwrap();
    assert_eq!(answer.header("set-cookie").unwrap(), format!("{cookie}; Path=/; HttpOnly"));
    assert_eq!(first.client, second.client);
    assert!(first.request.header("x-forwarded-for").unwrap().starts_with(&first.client));
    let asked: serde_json::Value = serde_json::from_slice(&first.request.body.bytes).unwrap();
    assert_eq!(
        first.request.target,
        format!("/login?email={}&page=2", asked["email"].as_str().unwrap())
    );
    // Everything else is as it was, byte for byte.
    let body = String::from_utf8(first.request.body.bytes.clone()).unwrap();
    assert!(
        body.contains("\",  \"password\":\"~") && body.ends_with(", \"remember\": true}"),
        "{body}"
    );
    assert!(String::from_utf8_lossy(&answer.body.bytes).ends_with(",\"id\":17,\"total\":12.50}"));
}

#[test]
fn what_is_written_is_read_back() {
    let head = Head { format: FORMAT.to_owned(), by: "a test".to_owned(), ..Head::default() };
    assert_eq!(parse(write_head(&head).trim_ascii()), Ok(Line::Head(head)));
    let exchange = login();
    assert_eq!(
        parse(write_exchange(&exchange).trim_ascii()),
        Ok(Line::Exchange(Box::new(exchange)))
    );
    let next = b"{\"format\":\"taut-capture-2\",\"began_unix_nanos\":0,\"by\":\"\"}";
    let error = parse(next).unwrap_err().to_string();
    assert_eq!(
        error,
        "it is of the format `taut-capture-2`, and only `taut-capture-1` is known here"
    );
    assert!(parse(b"{\"began_unix_nanos\":1,\"req").is_err());
}

#[test]
fn half_a_body_is_kept_up_to_where_it_is_whole() {
    let cut = |kind: &str, text: &str| body_of(&redactor(), kind, text, Kept::Cut);
    assert_eq!(
        cut("application/json", "{\"a\": 1, \"mail\": \"ada@mai").as_deref(),
        Some("{\"a\": 1, \"mail\": ")
    );
    assert_eq!(cut("application/json", "[12, 411111111111").as_deref(), Some("[12, "));
    assert_eq!(
        cut("application/x-www-form-urlencoded", "a=1&card=41111111").as_deref(),
        Some("a=1")
    );
    let long = format!("{} and then 4111 1111 1111 11", "words ".repeat(100));
    assert!(!cut("text/plain", &long).unwrap().contains("4111"));
}

#[test]
fn what_cannot_be_looked_into_is_left_out() {
    let kept = |kind: &str, text: &str| body_of(&redactor(), kind, text, Kept::Whole);
    assert_eq!(kept("image/png", "ada@mail.example.org"), None);
    assert_eq!(kept("application/json", "{\"a\": ada@mail.example.org}"), None);
    assert_eq!(kept("application/json", "{\"a\": 1} trailing"), None);
    assert_eq!(kept("application/json", &"[".repeat(1_000)), None);
    assert_eq!(
        kept("application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n").as_deref(),
        Some("{\"a\":1}\n{\"a\":2}\n")
    );
}

#[test]
fn paths_and_texts_within_texts_are_looked_into() {
    let rules = Redaction { paths: vec!["/users/*/nick".to_owned()], ..usual() };
    let redactor = Redactor::new(Key::new(b"k"), &rules);
    let json = "{\"users\":[{\"nick\":\"ada\",\"n\":1}],\"raw\":\"{\\\"password\\\":\\\"hunter2\\\"}\",\"next\":\"/a?token=abcdef\",\"pin\":1234}";
    let clean = body_of(&redactor, "application/json", json, Kept::Whole).unwrap();
    for secret in ["\"ada\"", "hunter2", "abcdef", "1234}"] {
        assert!(!clean.contains(secret), "{secret} in {clean}");
    }
    assert!(
        clean.contains("\"n\":1") && serde_json::from_str::<serde_json::Value>(&clean).is_ok(),
        "{clean}"
    );
}

/// A secret that is known by how it looks, as it may stand in any text.
fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{4,10}\\.[a-z]{3,8}@[a-z]{4,10}\\.(com|de|example)",
        "\\+49 1[5-7][0-9] [0-9]{7,8}",
        Just("4111 1111 1111 1111".to_owned()),
        Just("5500000000000004".to_owned()),
        "ghp_[A-Za-z0-9]{36}",
        "sk_live_[A-Za-z0-9]{24}",
        "[a-f]{2}[0-9a-f]{36}[0-9]{2}",
        "eyJ[A-Za-z0-9]{20}\\.eyJ[A-Za-z0-9]{30}\\.[A-Za-z0-9_-]{43}",
    ]
}

/// Text of JSON with some texts in it.
fn json_with(values: Vec<String>, nested: bool) -> String {
    let list: Vec<serde_json::Value> = values.into_iter().map(serde_json::Value::from).collect();
    let value = if nested {
        serde_json::json!({"a": [{"b": list}], "c": 1})
    } else {
        serde_json::Value::from(list)
    };
    value.to_string()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// What a JSON text is made of, without what its texts say.
fn shape(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Array(all) => all.iter().map(shape).collect(),
        serde_json::Value::Object(all) => serde_json::Value::Object(
            all.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        ),
        serde_json::Value::String(_) => "text".into(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn no_secret_survives(secret in secret(), before in "[a-z ]{0,12}[ :,(]", after in "[ ,;)][a-z ]{0,12}", nested: bool) {
        let text = format!("{before}{secret}{after}");
        let exchange = Exchange {
            request: RequestSeen {
                method: "POST".to_owned(),
                target: format!("/a/{}/b?q={}&r=1", escaped(&secret), escaped(&text)),
                headers: headers(&[("x-anything", &text), ("content-type", "application/json"), ("authorization", &secret)]),
                body: json_body(&json_with(vec![text.clone(), secret.clone()], nested)),
            },
            answer: Some(AnswerSeen {
                status: 200,
                headers: headers(&[("content-type", "text/html"), ("set-cookie", &format!("a={secret}"))]),
                body: json_body(&format!("<p>{text}</p>")),
                ..AnswerSeen::default()
            }),
            ..Exchange::default()
        };
        let line = line(&redactor(), exchange);
        prop_assert!(!line.contains(&secret), "{}", line);
        prop_assert!(!line.contains(&escaped(&secret)), "{}", line);
    }

    #[test]
    fn no_named_value_survives(secret in "[A-Za-z0-9!$]{6,40}", as_form: bool) {
        let (kind, body) = if as_form {
            ("application/x-www-form-urlencoded", format!("user=1&password={}", escaped(&secret)))
        } else {
            ("application/json", serde_json::json!({"user": 1, "credentials": {"password": secret}}).to_string())
        };
        let clean = body_of(&redactor(), kind, &body, Kept::Whole).unwrap();
        prop_assert!(!clean.contains(&secret) && !clean.contains(&escaped(&secret)), "{}", clean);
    }

    #[test]
    fn json_stays_json_of_the_same_shape(values in proptest::collection::vec("\\PC{0,20}", 0..6), nested: bool) {
        let json = json_with(values, nested);
        let clean = body_of(&redactor(), "application/json", &json, Kept::Whole).unwrap();
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        prop_assert_eq!(shape(&read(&clean)), shape(&read(&json)));
    }

    #[test]
    fn any_bytes_are_kept_clean_or_left_out(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut: bool, kind in 0_usize..4) {
        let kind = ["application/json", "text/plain", "application/x-www-form-urlencoded", "application/x-ndjson"][kind];
        let kept = if cut { Kept::Cut } else { Kept::Whole };
        let mut body = BodySeen { kept, ..BodySeen::whole(bytes.clone()) };
        redactor().body(&mut body, Some(kind));
        let exchange = Exchange { request: RequestSeen { target: String::from_utf8_lossy(&bytes).into_owned(), body, ..RequestSeen::default() }, ..Exchange::default() };
        let redacted = redactor().exchange(exchange);
        let line = write_exchange(&redacted);
        prop_assert_eq!(parse(line.trim_ascii()), Ok(Line::Exchange(Box::new(redacted))));
    }

    #[test]
    fn any_line_is_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(parse(&line));
        drop(parse(&[b"{\"began_unix_nanos\":1,\"request\":", line.as_slice()].concat()));
    }
}
