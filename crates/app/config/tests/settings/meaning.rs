//! What settings mean, and which of several wins.

use std::{net::SocketAddr, path::Path, time::Duration};

use config::{Listed, Origin, Price, Settings, Sources, Sync};
use proptest::prelude::*;

use crate::{complaint, environment, file, flag, load};

fn listed<'a>(settings: &'a Settings, key: &str) -> &'a Listed {
    settings.listed().iter().find(|listed| listed.key == key).expect("it is known")
}

#[test]
fn nothing_written_means_the_defaults() {
    let settings = load(&Sources::default());
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(settings.receive.grpc, Some(local(4317)));
    assert_eq!(settings.receive.http, Some(local(4318)));
    assert_eq!(settings.receive.body_bytes_max, 64 << 20);
    assert_eq!(settings.receive.requests_in_flight_max, 256);
    assert_eq!(settings.receive.bytes_in_flight_max, 256 << 20);
    assert_eq!(settings.store.folder, Path::new(".taut"));
    assert_eq!(settings.store.age_max, Duration::from_hours(14 * 24));
    assert_eq!(settings.store.bytes_max, 10 << 30);
    assert_eq!(settings.store.sync, Sync::Always);
    assert_eq!(settings.web.listen, local(7070));
    assert_eq!(settings.engine.spans_in_flight_max, 1_000_000);
    assert_eq!(settings.engine.settle, Duration::from_secs(5));
    assert_eq!(settings.engine.settle_max, Duration::from_mins(1));
    assert_eq!(settings.engine.window, Duration::from_hours(1));
    assert_eq!(settings.targets, find::Targets::default());
    assert_eq!(settings.levels, find::Levels::default());
    assert!(settings.find.disabled.is_empty() && settings.find.knobs.is_empty());
    assert_eq!(settings.price.currency, "GBP");
    assert_eq!(settings.price.database_per_month.to_bits(), 0.0_f64.to_bits());
    assert_eq!(settings.file, None);
    assert!(settings.exposed().is_empty());
    assert!(settings.listed().iter().all(|listed| listed.origin == Origin::Default));
}

#[test]
fn a_file_is_read_with_units() {
    let settings = load(&file(
        r#"
        [receive]
        grpc = "off"
        http = "localhost:9000"
        body-bytes-max = "1.5 MiB"
        bytes-in-flight-max = 2_000_000
        [store]
        folder = "data"
        age-max = "36h"
        sync = "os"
        [engine]
        settle = "1m30s"
        settle-max = "2m"
        [levels]
        critical-hours = 8
        medium-hours = 0.5
        [find]
        disable = ["serial-calls"]
        n-plus-one.repeats-min = 0x10
        [price]
        currency = "EUR"
        database-per-month = 1234.50
        "#,
    ));
    assert_eq!(settings.receive.grpc, None);
    assert_eq!(settings.receive.http, Some(SocketAddr::from(([127, 0, 0, 1], 9000))));
    assert_eq!(settings.receive.body_bytes_max, 3 << 19);
    assert_eq!(settings.receive.bytes_in_flight_max, 2_000_000);
    assert_eq!(settings.store.folder, Path::new("data"));
    assert_eq!(settings.store.age_max, Duration::from_hours(36));
    assert_eq!(settings.store.sync, Sync::Os);
    assert_eq!(settings.engine.settle, Duration::from_secs(90));
    assert_eq!(settings.levels.critical_hours.to_bits(), 8.0_f64.to_bits());
    assert_eq!(settings.levels.medium_hours.to_bits(), 0.5_f64.to_bits());
    assert_eq!(settings.find.disabled.iter().collect::<Vec<_>>(), ["serial-calls"]);
    let knob = settings.find.knobs.get(&("n-plus-one".to_owned(), "repeats-min".to_owned()));
    assert_eq!(knob, Some(&16.0));
    assert_eq!(settings.find.knobs.len(), 1);
    assert_eq!(settings.price.currency, "EUR");
    assert_eq!(settings.price.database_per_month.to_bits(), 1234.5_f64.to_bits());
}

#[test]
fn flags_go_over_the_environment_and_that_over_the_file() {
    let mut sources = file("[engine]\nwindow = \"2h\"\nsettle = \"2s\"\nsettle-max = \"20s\"\n");
    sources.environment = environment(&[
        ("TAUT_ENGINE_WINDOW", "3h"),
        ("TAUT_ENGINE_SETTLE", "3s"),
        ("TAUT_STORE_SYNC", ""),
        ("TAUT_CONFIG", "taut.toml"),
        ("HOME", "/root"),
    ])
    .environment;
    sources.flags = vec![flag("--window", "engine.window", "4h")];
    let settings = load(&sources);
    assert_eq!(settings.engine.window, Duration::from_hours(4));
    assert_eq!(settings.engine.settle, Duration::from_secs(3));
    assert_eq!(settings.engine.settle_max, Duration::from_secs(20));
    let origin = |key| listed(&settings, key).origin.to_string();
    assert_eq!(origin("engine.window"), "--window");
    assert_eq!(origin("engine.settle"), "TAUT_ENGINE_SETTLE");
    assert_eq!(origin("engine.settle-max"), "taut.toml:4");
    assert_eq!(origin("store.sync"), "default");
}

#[test]
fn a_detector_is_set_from_the_environment_too() {
    let settings = load(&environment(&[
        ("TAUT_FIND_N_PLUS_ONE_REPEATS_MIN", "12"),
        ("TAUT_FIND_DISABLE", "serial-calls, n-plus-one,"),
    ]));
    assert_eq!(settings.find.knobs.values().collect::<Vec<_>>(), [&12.0]);
    let disabled: Vec<_> = settings.find.disabled.iter().collect();
    assert_eq!(disabled, ["n-plus-one", "serial-calls"]);
}

#[test]
fn a_detector_is_disabled_by_its_code_too() {
    let known = find::detector("n-plus-one").unwrap();
    let text = format!("[find]\ndisable = [\"{}\"]", known.code.to_lowercase());
    let settings = load(&file(&text));
    assert_eq!(settings.find.disabled.iter().collect::<Vec<_>>(), ["n-plus-one"]);
}

#[test]
fn a_folder_in_a_file_is_relative_to_the_file() {
    let text = "[store]\nfolder = \"data\"".to_owned();
    let sources =
        Sources { file: Some(("/etc/taut/taut.toml".into(), text)), ..Sources::default() };
    assert_eq!(load(&sources).store.folder, Path::new("/etc/taut/data"));
    let sources = Sources { flags: vec![flag("--folder", "store.folder", "data")], ..sources };
    assert_eq!(load(&sources).store.folder, Path::new("data"));
}

#[test]
fn what_others_can_reach_is_told() {
    let settings = load(&file("[receive]\ngrpc = \"0.0.0.0:4317\"\nhttp = \"[::1]:4318\""));
    let exposed = settings.exposed();
    let [listener] = &*exposed else { panic!("one listener is exposed: {exposed:?}") };
    assert_eq!(
        (listener.key, listener.address.to_string()),
        ("receive.grpc", "0.0.0.0:4317".into())
    );
}

#[test]
fn copies_go_to_aws_unless_another_server_is_named() {
    let aws = load(&file("[store.copy]\nto = \"s3://traces/shop\"\nregion = \"eu-central-1\"\n"));
    assert_eq!(aws.store.copy.server(), "https://s3.eu-central-1.amazonaws.com");
    assert_eq!(aws.store.copy.to.as_ref().unwrap().bucket(), "traces");
    let own = load(&file("[store.copy]\nendpoint = \"http://127.0.0.1:9000/\"\n"));
    assert_eq!(own.store.copy.server(), "http://127.0.0.1:9000");
    assert_eq!(own.store.copy.to, None);
}

#[test]
fn a_secret_has_no_place_in_an_address() {
    for wrong in [
        "endpoint = \"http://me:secret@host\"",
        "endpoint = \"host:9000\"",
        "to = \"https://traces\"",
        "to = \"s3://traces/../other\"",
        "region = \"eu central\"",
    ] {
        let told = complaint(&file(&format!("[store.copy]\n{wrong}\n")));
        assert!(told.contains("expected"), "{told}");
    }
}

#[test]
fn what_kubernetes_sets_for_its_services_is_left_alone() {
    load(&environment(&[
        ("TAUT_PORT", "tcp://10.0.0.1:7070"),
        ("TAUT_SERVICE_HOST", "10.0.0.1"),
        ("TAUT_SERVICE_PORT", "7070"),
        ("TAUT_SERVICE_PORT_OTLP_GRPC", "4317"),
        ("TAUT_PORT_4317_TCP", "tcp://10.0.0.1:4317"),
        ("TAUT_PORT_4317_TCP_PROTO", "tcp"),
        ("TAUT_WEB_PORT_7070_TCP_ADDR", "10.0.0.1"),
    ]));
}

#[test]
fn the_file_is_found_named_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "[web]\nlisten = \"127.0.0.1:1\"").unwrap();
    let sources = Sources::read(Some(&path), Vec::new()).unwrap();
    assert_eq!(sources.file.as_ref().unwrap().0, path);

    let missing = folder.path().join("missing.toml");
    let error = Sources::read(Some(&missing), Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), format!("failed to read the settings `{}`", missing.display()));

    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    let error = Sources::read(Some(&path), Vec::new()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "it is larger than 1048576 bytes");

    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert!(Sources::read(Some(&path), Vec::new()).is_err());
}

/// Lines that are nearly right, which arbitrary text seldom is.
fn nearly_right() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("grpc".to_owned()),
        Just("age-max".to_owned()),
        Just("disable".to_owned()),
        Just("critical-hours".to_owned()),
        Just("n-plus-one".to_owned()),
        Just("n-plus-one.repeats-min".to_owned()),
        "[a-z-]{1,12}",
    ];
    let section = prop_oneof![
        Just("[receive]".to_owned()),
        Just("[store]".to_owned()),
        Just("[find]".to_owned()),
        Just("[find.n-plus-one]".to_owned()),
        Just("[levels]".to_owned()),
        Just("[[store]]".to_owned()),
    ];
    let value = prop_oneof![
        "\"[0-9.:]{0,20} ?[a-zA-Zé]{0,3}\"",
        "-?[0-9_.e]{1,30}",
        "\\[(\"[a-z-]{0,12}\",?){0,3}\\]",
        "\\{ [a-z]{1,4} = [0-9] \\}",
        Just("true".to_owned()),
        Just("nan".to_owned()),
        Just("inf".to_owned()),
        Just("-0.0".to_owned()),
        Just("0xffffffffffffffffffff".to_owned()),
        Just("1979-05-27".to_owned()),
    ];
    let line = (section, key, value)
        .prop_map(|(section, key, value)| format!("{section}\n{key} = {value}\n"));
    proptest::collection::vec(line, 0..4).prop_map(|lines| lines.concat())
}

#[test]
fn a_price_is_shared_out_where_the_share_is_of_one_database() {
    let price = |database_per_month, workers_per_month| Price {
        currency: "GBP".to_owned(),
        database_per_month,
        workers_per_month,
    };
    let waste = |whole| find::Waste {
        database_share: 0.5,
        worker_share: 0.25,
        whole,
        ..find::Waste::default()
    };
    let (both, workers) = (price(400.0, 80.0), price(0.0, 80.0));
    for whole in [find::Whole::One, find::Whole::Part] {
        assert_eq!(both.per_month(&waste(whole)), Some(220.0));
    }
    assert_eq!(both.per_month(&waste(find::Whole::Several)), None);
    assert_eq!(workers.per_month(&waste(find::Whole::Several)), Some(20.0));
    assert_eq!(price(0.0, 0.0).per_month(&waste(find::Whole::One)), None);
}

proptest! {
    #[test]
    fn any_text_is_settings_or_an_error_with_words(text: String, value: String) {
        for sources in [
            file(&text),
            environment(&[("TAUT_STORE_AGE_MAX", &value), ("TAUT_X", &text)]),
            environment(&[("TAUT_FIND_DISABLE", &value), (&format!("TAUT_{text}"), &value)]),
            Sources { flags: vec![flag("--http", "receive.http", &value)], ..Sources::default() },
        ] {
            if let Err(error) = Settings::load(&sources) {
                prop_assert!(error.to_string().starts_with("error: "));
            }
        }
    }

    #[test]
    fn nearly_right_settings_are_settings_or_an_error_with_words(text in nearly_right()) {
        if let Err(error) = Settings::load(&file(&text)) {
            prop_assert!(error.to_string().starts_with("error: "));
        }
    }

    #[test]
    fn what_is_listed_means_the_same_again(
        grpc in 1..=u16::MAX,
        body in (64_u64 << 10)..=(1 << 28),
        age in 60_u64..=316_224_000,
        nanos in 0..1_000_000_000_u32,
        hours in 4.0_f64..1e6,
        folder in "[a-zA-Z0-9 \"'\\\\é/._-]{1,20}",
    ) {
        let address = SocketAddr::from(([127, 0, 0, 2], grpc)).to_string();
        let age = config::duration_text(Duration::new(age - 1, nanos) + Duration::from_secs(1));
        let sources = Sources {
            flags: vec![
                flag("-a", "receive.grpc", &address),
                flag("-b", "receive.body-bytes-max", &config::bytes_text(body)),
                flag("-c", "store.age-max", &age),
                flag("-d", "levels.critical-hours", &hours.to_string()),
                flag("-e", "store.folder", &folder),
            ],
            ..Sources::default()
        };
        let Ok(once) = Settings::load(&sources) else { return Ok(()) };
        let lines = once.listed().iter().map(|listed| format!("{} = {}", listed.key, listed.value));
        let text = lines.collect::<Vec<_>>().join("\n");
        let again = load(&file(&text));
        prop_assert_eq!(once.receive, again.receive);
        prop_assert_eq!(once.store, again.store);
        prop_assert_eq!(once.levels, again.levels);
        prop_assert_eq!(once.find.disabled, again.find.disabled);
    }
}
