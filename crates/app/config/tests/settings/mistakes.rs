//! Every kind of mistake, and what the user is told.

use config::Sources;
use insta::assert_snapshot;

use crate::{complaint, environment, file, flag, load};

#[test]
fn what_is_not_toml_points_at_the_place() {
    assert_snapshot!(complaint(&file("[receive]\ngrpc = 127.0.0.1:4317\n")), @r#"
    error: the settings are not valid TOML
     --> taut.toml:2:13
      |
    2 | grpc = 127.0.0.1:4317
      |             ^^^^^^^^^ invalid float, expected nothing
      |
      = hint: texts need quotes: `grpc = "127.0.0.1:4317"`
    "#);
    assert_snapshot!(complaint(&file("[store]\nsync = \"os\"\nsync = \"os\"\n")), @r#"
    error: the settings are not valid TOML
     --> taut.toml:3:1
      |
    3 | sync = "os"
      | ^^^^ duplicate key
    "#);
}

#[test]
fn a_duration_without_quotes_is_told_to_have_them() {
    assert_snapshot!(complaint(&file("[engine]\nsettle = 5s\n")), @r#"
    error: the settings are not valid TOML
     --> taut.toml:2:10
      |
    2 | settle = 5s
      |          ^^ string values must be quoted, expected literal string
      |
      = hint: texts need quotes: `settle = "5s"`
    "#);
}

#[test]
fn a_misspelt_key_is_told_the_right_one() {
    assert_snapshot!(complaint(&file("[receive]\nbody_byte_max = \"1 MiB\"\n")), @r#"
    error: unknown key `body_byte_max` in `[receive]`
     --> taut.toml:2:1
      |
    2 | body_byte_max = "1 MiB"
      | ^^^^^^^^^^^^^ unknown key
      |
      = hint: did you mean `body-bytes-max`?
    "#);
}

#[test]
fn a_misspelt_section_is_told_the_right_one() {
    assert_snapshot!(complaint(&file("[recieve]\ngrpc = \"off\"\n")), @r"
    error: unknown section or key `recieve`
     --> taut.toml:1:2
      |
    1 | [recieve]
      |  ^^^^^^^ unknown
      |
      = hint: did you mean `receive`?
    ");
}

#[test]
fn a_key_in_the_wrong_section_is_told_its_own() {
    assert_snapshot!(complaint(&file("[store]\nlisten = \"127.0.0.1:1\"\n")), @r#"
    error: unknown key `listen` in `[store]`
     --> taut.toml:2:1
      |
    2 | listen = "127.0.0.1:1"
      | ^^^^^^ unknown key
      |
      = hint: `listen` belongs under `[web]`
    "#);
}

#[test]
fn an_unknown_key_is_told_the_known_ones() {
    assert_snapshot!(complaint(&file("[web]\ncolour = \"red\"\n")), @r#"
    error: unknown key `colour` in `[web]`
     --> taut.toml:2:1
      |
    2 | colour = "red"
      | ^^^^^^ unknown key
      |
      = hint: known in `[web]`: listen
    "#);
}

#[test]
fn a_section_that_is_not_one_is_told_so() {
    assert_snapshot!(complaint(&file("receive = 4317\n")), @r"
    error: `receive` is a section
     --> taut.toml:1:1
      |
    1 | receive = 4317
      | ^^^^^^^ not a setting
      |
      = hint: begin it with `[receive]`
    ");
}

#[test]
fn an_unknown_detector_is_told_a_known_one() {
    assert_snapshot!(complaint(&file("[find]\ndisable = [\n  \"serial-calls\",\n  \"n-plus-on\",\n]\n")), @r#"
    error: `find.disable` cannot be set to this
     --> taut.toml:4:3
      |
    4 |   "n-plus-on",
      |   ^^^^^^^^^^^ no detector is called `n-plus-on`
      |
      = hint: did you mean `n-plus-one`?
    "#);
    assert_snapshot!(complaint(&file("[find.n-plus-on]\nrepeats-min = 1\n")), @r"
    error: unknown key `n-plus-on` in `[find]`
     --> taut.toml:1:7
      |
    1 | [find.n-plus-on]
      |       ^^^^^^^^^ unknown key
      |
      = hint: did you mean `n-plus-one`?
    ");
}

#[test]
fn an_unknown_knob_is_told_a_known_one() {
    assert_snapshot!(complaint(&file("[find.n-plus-one]\nrepeat-min = 1\n")), @r"
    error: unknown key `repeat-min` in `[find.n-plus-one]`
     --> taut.toml:2:1
      |
    2 | repeat-min = 1
      | ^^^^^^^^^^ unknown key
      |
      = hint: did you mean `repeats-min`?
    ");
}

#[test]
fn a_value_of_another_type_is_told_the_right_one() {
    assert_snapshot!(complaint(&file("[store]\nage-max = true\n")), @r"
    error: `store.age-max` cannot be set to this
     --> taut.toml:2:11
      |
    2 | age-max = true
      |           ^^^^ expected a duration such as `5s` or `1h30m` (ms, s, m, h, d, w), found true or false
    ");
    assert_snapshot!(complaint(&file("[levels]\nhigh-hours = \"2\"\n")), @r#"
    error: `levels.high-hours` cannot be set to this
     --> taut.toml:2:14
      |
    2 | high-hours = "2"
      |              ^^^ expected a number from 0, without quotes
    "#);
    assert_snapshot!(complaint(&file("[find]\ndisable = \"n-plus-one\"\n")), @r#"
    error: `find.disable` cannot be set to this
     --> taut.toml:2:11
      |
    2 | disable = "n-plus-one"
      |           ^^^^^^^^^^^^ expected a list of detectors' names such as `["n-plus-one"]`
    "#);
}

#[test]
fn a_number_without_its_unit_is_told_how_to_write_it() {
    assert_snapshot!(complaint(&file("[engine]\nsettle = 5\n")), @r#"
    error: `engine.settle` cannot be set to this
     --> taut.toml:2:10
      |
    2 | settle = 5
      |          ^ the unit is missing
      |
      = hint: write `"5s"` for seconds
    "#);
    assert_snapshot!(complaint(&environment(&[("TAUT_ENGINE_SETTLE", "5")])), @r"
    error: `engine.settle` cannot be set to this
     --> environment:1:20
      |
    1 | TAUT_ENGINE_SETTLE=5
      |                    ^ the unit is missing
      |
      = hint: write `5s` for seconds; also ms, m, h, d, w
    ");
}

#[test]
fn an_unknown_unit_is_told_the_known_ones() {
    assert_snapshot!(complaint(&file("[store]\nage-max = \"14 days\"\nbytes-max = \"10 gigs\"\n")), @r#"
    error: `store.age-max` cannot be set to this
     --> taut.toml:2:11
      |
    2 | age-max = "14 days"
      |           ^^^^^^^^^ expected a duration such as `5s` or `1h30m` (ms, s, m, h, d, w)

    error: `store.bytes-max` cannot be set to this
     --> taut.toml:3:13
      |
    3 | bytes-max = "10 gigs"
      |             ^^^^^^^^^ expected a size such as `64 MiB` (B, kB, KiB, MB, MiB, GB, GiB, TB, TiB)
    "#);
}

#[test]
fn a_value_out_of_bounds_is_told_the_bound() {
    assert_snapshot!(complaint(&file("[store]\nbytes-max = \"1 MiB\"\nage-max = \"100w\"\n[price]\nworkers-per-month = -1\n[receive]\nrequests-in-flight-max = 100000\n")), @r#"
    error: `store.bytes-max` cannot be set to this
     --> taut.toml:2:13
      |
    2 | bytes-max = "1 MiB"
      |             ^^^^^^^ must be at least 16 MiB

    error: `price.workers-per-month` cannot be set to this
     --> taut.toml:5:21
      |
    5 | workers-per-month = -1
      |                     ^^ must be at least 0

    error: `receive.requests-in-flight-max` cannot be set to this
     --> taut.toml:7:26
      |
    7 | requests-in-flight-max = 100000
      |                          ^^^^^^ must be at most 512
    "#);
}

#[test]
fn a_port_alone_is_told_how_to_write_the_address() {
    assert_snapshot!(complaint(&file("[receive]\ngrpc = \":4317\"\n")), @r#"
    error: `receive.grpc` cannot be set to this
     --> taut.toml:2:8
      |
    2 | grpc = ":4317"
      |        ^^^^^^^ expected an address and port such as `127.0.0.1:4317`, or `off`
      |
      = hint: write `127.0.0.1:4317` for this machine alone, or `0.0.0.0:4317` to let others in
    "#);
    assert_snapshot!(complaint(&file("[web]\nlisten = \"off\"\n")), @r#"
    error: `web.listen` cannot be set to this
     --> taut.toml:2:10
      |
    2 | listen = "off"
      |          ^^^^^ expected an address and port such as `127.0.0.1:7070`
    "#);
}

#[test]
fn a_word_that_is_none_of_the_choices_is_told_them() {
    assert_snapshot!(complaint(&file("[store]\nsync = \"alway\"\n")), @r#"
    error: `store.sync` cannot be set to this
     --> taut.toml:2:8
      |
    2 | sync = "alway"
      |        ^^^^^^^ expected `always` or `os`
      |
      = hint: did you mean `always`?
    "#);
}

#[test]
fn two_values_that_do_not_fit_are_both_pointed_at() {
    assert_snapshot!(complaint(&file("[engine]\nsettle = \"2m\"\nsettle-max = \"90s\"\n")), @r#"
    error: `engine.settle` exceeds `engine.settle-max`
     --> taut.toml:2:10
      |
    2 | settle = "2m"
      |          ^^^^ `engine.settle`
    3 | settle-max = "90s"
      |              ----- `engine.settle-max`
    "#);
}

#[test]
fn a_value_that_does_not_fit_a_default_is_told_the_default() {
    assert_snapshot!(complaint(&file("[targets]\np95 = \"1s\"\n")), @r#"
    error: `targets.p95` exceeds `targets.p99`
     --> taut.toml:2:7
      |
    2 | p95 = "1s"
      |       ^^^^ `targets.p95`
      |
      = hint: `targets.p99` is "500ms" unless set
    "#);
}

#[test]
fn values_of_different_sources_that_do_not_fit_are_both_shown() {
    let mut sources = file("[receive]\ngrpc = \"0.0.0.0:9000\"\n");
    sources.environment = environment(&[("TAUT_WEB_LISTEN", "127.0.0.1:9000")]).environment;
    assert_snapshot!(complaint(&sources), @r#"
    error: `receive.grpc` and `web.listen` listen on the same port
     --> taut.toml:2:8
      |
    2 | grpc = "0.0.0.0:9000"
      |        ^^^^^^^^^^^^^^ `receive.grpc`
      |
     ::: environment:1:17
      |
    1 | TAUT_WEB_LISTEN=127.0.0.1:9000
      |                 -------------- `web.listen`
    "#);
}

#[test]
fn a_misspelt_variable_is_told_the_right_one() {
    assert_snapshot!(complaint(&environment(&[("TAUT_RECIEVE_GRPC", "off")])), @r"
    error: unknown environment variable `TAUT_RECIEVE_GRPC`
     --> environment:1:1
      |
    1 | TAUT_RECIEVE_GRPC
      | ^^^^^^^^^^^^^^^^^ no setting has this name
      |
      = hint: did you mean `TAUT_RECEIVE_GRPC`?
    ");
}

#[test]
fn a_wrong_flag_is_pointed_at() {
    let flags = vec![flag("--http", "receive.http", "4318x")];
    assert_snapshot!(complaint(&Sources { flags, ..Sources::default() }), @r"
    error: `receive.http` cannot be set to this
     --> command line:1:8
      |
    1 | --http 4318x
      |        ^^^^^ expected an address and port such as `127.0.0.1:4317`, or `off`
    ");
}

#[test]
fn a_currency_has_three_letters() {
    assert_snapshot!(complaint(&file("[price]\ncurrency = \"£\"\n")), @r#"
    error: `price.currency` cannot be set to this
     --> taut.toml:2:12
      |
    2 | currency = "£"
      |            ^^^ expected a currency's three letters such as `GBP`
    "#);
}

#[test]
fn all_mistakes_are_told_at_once_up_to_ten() {
    let lines: Vec<String> = (0..12).map(|place| format!("x{place} = 1")).collect();
    let report = complaint(&file(&lines.join("\n")));
    assert_eq!(report.matches("error: unknown section or key").count(), 10);
    assert!(report.ends_with("\n\nand 2 more"), "{report}");
}

#[test]
fn a_token_that_no_browser_can_send_is_refused_without_being_shown() {
    assert_snapshot!(complaint(&environment(&[("TAUT_WEB_TOKEN", "two words")])), @r#"
    error: `TAUT_WEB_TOKEN` has a character that no browser can send back
     --> environment:1:1
      |
    1 | TAUT_WEB_TOKEN
      | ^^^^^^^^^^^^^^ nobody would be let in
      |
      = hint: take letters, digits and signs other than `"`, `,`, `;`, `\`: `openssl rand -hex 32` makes one
    "#);
    for token in ["a;b", "a,b", "\"a\"", "a\\b", "schlüssel", "a\nb"] {
        let said = complaint(&environment(&[("TAUT_WEB_TOKEN", token)]));
        assert!(!said.contains(token), "{said}");
    }
    for token in ["", "6f2a+/=_-.~!#$%&'()*:<>?@[]^`{|}", " 1 "] {
        load(&environment(&[("TAUT_WEB_TOKEN", token)]));
    }
}
