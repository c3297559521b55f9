//! What the binary says about itself: help, faults, settings, completions.

use insta::assert_snapshot;

use crate::kit::{file, run, taut};

fn help(command: &str) -> String {
    let ran = run([command, "--help"]);
    assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
    ran.data
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is what the binary says, in full")]
fn each_command_tells_how_it_is_used() {
    assert_snapshot!(run(["--help"]).data, @"
    Finds what makes a web backend slow, says how to fix it, and proves that the fix worked

    Usage: taut <COMMAND>

    Commands:
      find         Find what makes a backend slow in recorded traces and in its database, ranked by what
                   to fix first
      check        Hold the spans of a test run against budgets and a baseline: a gate for CI
      fix          Change a database, or the settings of the gateway: plan or rehearse it, do it, take
                   it back, prove that it worked
      gateway      Put a reverse proxy in front of an application: balance, health, retries, limits
      ledger       Tell what was found, changed, proven, taken back and decided, and note it
      report       Reports for people who decide
      what-if      Tell what would have been, over requests as they were recorded: a call less, another
                   pool, a limit, another balance
      load         Send requests at a rate, or as so many users, and tell how long answers took
      prove        Tell whether after is better than before: by how much, how surely, or how many more
                   requests it takes to tell
      replay       Play recorded requests against a new version, and tell what it answers differently
      log          Report what PostgreSQL's logs say: slow statements, waits, spills, errors, by hour
      plan         Read a plan: where its time goes, where estimates are wrong, and what to do
      profile      Read a profile: which functions took the time, who called them, and what changed
      up           Receive traces, logs and metrics by OTLP, keep them, show what is slow on 7070
      status       Say whether a `taut up` runs here, what it keeps since when, and what it refused or
                   lost and why
      query        Ask about spans, log records and metrics: filter, group, measure
      explain      Explain a fault: what it notices, why it hurts, what to do
      trace        Show a trace as a waterfall: from a file, or by its id from the store of `taut up`
      store        Look after the store: check it, make it small, take what it keeps out and in
      config       Show every setting, its value and where that is from
      completions  Write a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit codes:
        0  done; nothing was found that fails
        1  something was found, a fix is not proven, or a store is damaged
        2  wrong use, or wrong settings
        3  a file, a port or a disk failed
      101  a bug in taut; please report it
      130  interrupted

    Examples:
      taut find spans.json            what is slow in a recording
      taut up                         receive OTLP on 4317 and 4318, pages on 7070
      taut query --group service.name what spans, log records and metrics say
      taut explain n-plus-one         what a finding means and what to do
    ");
    assert_snapshot!(help("find"), @"
    Find what makes a backend slow in recorded traces and in its database, ranked by what to fix first.

    Reads OTLP (protobuf, JSON, JSON lines), Jaeger JSON and Zipkin v2 JSON, plain, gzip or zstd.
    Several files are read as one. A PostgreSQL (13 to 18) is only read, with small timeouts. Figures a
    day are extrapolated from the time that was recorded, or that the statistics cover.

    Usage: taut find [OPTIONS] <FILE>...
           taut find [OPTIONS] --postgres <URL> [FILE]...

    Arguments:
      [FILE]...
              Files with traces; `-` is standard input

    Options:
          --postgres [<URL>]
              Look into this database; without an address into that of `TAUT_OBSERVE_POSTGRES_URL`

          --standby <URL>
              A standby of it, whose use of indexes counts too; may be given more than once

          --for <TIME>
              Watch the database for so long instead of judging everything since its statistics were
              reset
              
              [alias: --window]

          --budget <SIZE>
              What proposed indexes may take together: 500MB

          --json
              Write everything as JSON

          --html
              Write a page that needs nothing else

          --markdown
              Write Markdown, for a ticket or a pull request

          --fail-on <LEVEL>
              End with code 1 if something at this level or above is found

              Possible values:
              - never:    Never
              - low:      Anything that is found
              - medium:   Medium, high or critical
              - high:     High or critical
              - critical: Critical only
              
              [default: low]

          --top <N>
              Show this many findings in full
              
              [default: 10]

          --service <NAME>
              Only findings of this service

          --fault <FAULT>
              Only this fault, by name or code; may be given more than once

          --config <FILE>
              Settings file, instead of `taut.toml` in the working folder

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      taut find spans.json.gz                           what to fix first
      taut find --top 3 monday.jsonl tuesday.jsonl      of both days, the first three in full
      taut find --service shop --fault n-plus-one FILE  of one service, one fault
      taut find --html FILE > report.html               a page to send around
      taut find --markdown --fail-on high FILE          in CI: code 1 if something is high or critical
      taut find --postgres postgres://me@db/shop        what is slow in a database, and which indexes it
      wants
      taut find --postgres postgres://me@db/shop FILE   with the operations that run each statement
      kubectl exec jaeger -- cat spans.json | taut find -
    ");
    assert_snapshot!(help("up"), @"
    Receive traces, logs and metrics by OTLP, keep them, show what is slow on 7070.

    With `[gateway]` in the settings it is the gateway as well, unless a `taut gateway` runs already.
    Everything listens on loopback unless told otherwise. Ctrl-C ends it; what was acknowledged is kept.

    Usage: taut up [OPTIONS]

    Options:
          --grpc <ADDRESS>
              Where OTLP over gRPC is received, or `off`

          --http <ADDRESS>
              Where OTLP over HTTP is received, or `off`

          --listen <ADDRESS>
              Where the pages are served

          --store <FOLDER>
              Where everything is kept

          --config <FILE>
              Settings file, instead of `taut.toml` in the working folder

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("explain"), @"
    Explain a fault: what it notices, why it hurts, what to do.

    Without a name, lists all of them.

    Usage: taut explain [FAULT]

    Arguments:
      [FAULT]
              Name or code of the fault: `n-plus-one`, `F001`

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("trace"), @"
    Show a trace as a waterfall: from a file, or by its id from the store of `taut up`.

    Of a file with many traces, the slowest is shown.

    Usage: taut trace [OPTIONS] <FILE|ID>

    Arguments:
      <FILE|ID>
              A file with traces, `-` for standard input, or a trace id of 32 hexadecimal digits

    Options:
          --id <ID>
              Of a file with many traces, this one

          --all
              Show every span; without it, similar neighbours are folded

          --config <FILE>
              Settings file, instead of `taut.toml` in the working folder

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("config"), @"
    Show every setting, its value and where that is from.

    Flags go over the environment (`TAUT_WEB_LISTEN`), the environment over `taut.toml`, the file over
    the default.

    Usage: taut config [OPTIONS]

    Options:
          --config <FILE>
              Settings file, instead of `taut.toml` in the working folder

          --example
              Write a `taut.toml` in which every setting is explained

      -h, --help
              Print help (see a summary with '-h')
    ");
    assert_snapshot!(help("completions"), @"
    Write a completion script for a shell.

    For bash: `taut completions bash > ~/.local/share/bash-completion/completions/taut`

    Usage: taut completions <SHELL>

    Arguments:
      <SHELL>
              The shell
              
              [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn without_a_command_it_teaches() {
    let ran = run([""; 0]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.words.contains("taut find spans.json"), "{}", ran.words);
}

#[test]
fn it_knows_its_version() {
    assert_eq!(run(["--version"]).data, format!("taut {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_fault_is_explained() {
    let list = run(["explain"]);
    assert_eq!(list.code, Some(0));
    assert_eq!(list.data.lines().count(), find::DETECTORS.len());
    for detector in find::DETECTORS {
        assert!(list.data.contains(detector.name), "{}", detector.name);
        let page = run(["explain", detector.name]);
        assert_eq!(page.code, Some(0));
        assert_eq!(page.data, run(["explain", detector.code]).data);
        assert!(page.data.contains("Settings [find.") && page.data.contains("Remedies"));
        for line in page.data.lines() {
            assert!(line.chars().count() <= 100, "{}: {line}", detector.name);
        }
    }
}

#[test]
fn a_fault_that_nobody_knows_is_refused() {
    let ran = run(["explain", "n-plus-two"]);
    assert_eq!(ran.code, Some(2));
    assert_snapshot!(ran.words, @"
    error: no fault is called `n-plus-two`

    hint: did you mean `n-plus-one`? `taut explain` lists all faults
    ");
}

#[test]
fn each_shell_gets_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = run(["completions", shell]);
        assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""), "{shell}");
        assert!(ran.data.contains("fail-on"), "{shell}");
    }
    assert_eq!(run(["completions", "dos"]).code, Some(2));
}

#[test]
fn the_example_settings_are_the_defaults() {
    let example = run(["config", "--example"]);
    assert_eq!((example.code, example.words.as_str()), (Some(0), ""));
    let (folder, _) = file("taut.toml", &example.data);
    let from_file =
        taut().arg("config").current_dir(folder.path()).output().expect("the binary runs");
    assert_eq!(from_file.status.code(), Some(0), "{from_file:?}");
    let values = |text: &str| {
        let value = |line: &str| line.split("  #").next().map(str::to_owned);
        text.lines().filter_map(value).collect::<Vec<_>>()
    };
    let listed = String::from_utf8(from_file.stdout).expect("all output is UTF-8");
    assert_eq!(values(&listed), values(&run(["config"]).data));
}

#[test]
fn a_setting_says_where_it_is_from() {
    let (folder, _) = file("taut.toml", "[targets]\np95 = \"300ms\"\n");
    let output = taut()
        .arg("config")
        .current_dir(folder.path())
        .env("TAUT_TARGETS_P99", "900ms")
        .output()
        .expect("the binary runs");
    let listed = String::from_utf8(output.stdout).expect("all output is UTF-8");
    let targets: Vec<&str> = listed.lines().filter(|line| line.starts_with("targets.")).collect();
    assert_snapshot!(targets.join("\n"), @r#"
    targets.p95 = "300ms"  # taut.toml:2
    targets.p99 = "900ms"  # TAUT_TARGETS_P99
    targets.statement = "50ms"  # default
    targets.errors = 0.01  # default
    "#);
}

#[test]
fn what_proves_shows_how_it_is_used() {
    for (command, told) in [
        ("load", "Code 1 if a goal is missed"),
        ("replay", "Code 1: some do, or there was nothing to compare"),
        ("prove", "Code 1: worse, or too little to tell"),
        ("check", "Code 3: no spans, or half of them"),
        ("what-if", "taut what-if cache --ttl 1m captures/"),
        ("ledger", "Only a proof makes it proven"),
        ("report board", "The page prints on A4"),
    ] {
        let ran = run(command.split(' ').chain(["--help"]));
        assert_eq!((ran.code, ran.words.as_str()), (Some(0), ""));
        let flat = ran.data.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = flat.to_lowercase().contains(&told.to_lowercase());
        assert!(told && ran.data.contains("Examples:\n  taut "), "{command}:\n{}", ran.data);
    }
    for what in ["without", "pool", "limit", "balance", "cache"] {
        let ran = run(["what-if", what, "--help"]);
        assert!(ran.data.contains(&format!("Example:\n  taut what-if {what} ")), "{}", ran.data);
    }
}
