//! `cargo xtask test`: everything that must hold, step by step; a failure does not hide the next one.
//!
//! Ends with the closing line of every test runner, the causes of what failed, and, last, `N passed, N failed`.
//! A step without tests of its own, such as the format, counts as one.

use std::{process::Command, time::Instant};

use crate::{
    args::Args,
    caching, clickhouse,
    closing::{Closing, closings},
    failure::Failure,
    linger, lint, live, screen, servers, setup,
    shell::{Shell, minutes},
    web,
};

/// One thing that must hold.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Shell) -> Result<String, Failure>,
}

/// All of them, in the order in which they run: what is quick to tell comes first, where it can.
const STEPS: &[Step] = &[
    Step { name: "setup", about: "what the others need is there", run: setup_step },
    Step { name: "web", about: "types, style, unit tests and build of the pages", run: web_step },
    Step { name: "fmt", about: "the format of the code", run: fmt_step },
    Step {
        name: "lint",
        about: "cargo-deny, cargo-shear and typos, where installed",
        run: lint::step,
    },
    Step { name: "clippy", about: "lints, warnings are errors", run: clippy_step },
    Step { name: "doc", about: "documentation of the code, warnings are errors", run: doc_step },
    Step { name: "unit", about: "tests of all crates", run: unit_step },
    Step { name: "doctest", about: "examples in the documentation", run: doctest_step },
    Step {
        name: "caching",
        about: "HTTP caching of the gateway, by npm's http-cache-tests",
        run: caching::step,
    },
    Step {
        name: "ground",
        about: "Taut over the real application, faulty and fixed",
        run: live::application_step,
    },
    Step {
        name: "browser",
        about: "the pages in a browser, over the real binary",
        run: live::browser_step,
    },
];

/// What became of a step.
struct Report {
    name: &'static str,
    closings: Vec<Closing>,
    failure: Option<Failure>,
}

impl Report {
    /// Tests that passed and that failed; a step that counts none counts as one.
    fn counts(&self) -> (u64, u64) {
        let passed = self.closings.iter().map(|closing| closing.passed).sum();
        let failed = self.closings.iter().map(|closing| closing.failed).sum();
        match self.failure {
            Some(_) => (passed, u64::max(failed, 1)),
            None => (u64::max(passed, 1), failed),
        }
    }
}

/// `cargo xtask test`
pub(crate) fn command(shell: &mut Shell, args: &Args) -> Result<(), Failure> {
    args.no_words()?;
    let chosen = choose(&args.all("--only"), &args.all("--skip"))?;
    let since = Instant::now();
    let mut reports = Vec::new();
    let mut was_told_to_end = false;
    for (at, step) in chosen.iter().enumerate() {
        screen::heading(&format!("[{}/{}] {}", at + 1, chosen.len(), step.name));
        let report = run(shell, step);
        linger::end_descendants();
        // Ctrl-C, or time is up: what was learned until then is still told.
        was_told_to_end = report.failure.as_ref().is_some_and(Failure::is_interrupt);
        let is_over = step.name == "setup" && report.failure.is_some();
        reports.push(report);
        if is_over || was_told_to_end {
            break;
        }
    }
    screen::heading(&format!("\n{} steps in {}", reports.len(), screen::seconds(since)));
    // The causes belong with the closing lines; whoever reads only one of the two streams has both.
    screen::print(&summary(&reports));
    if was_told_to_end {
        // Told above; the last line stays the count.
        let mut told = Failure::interrupted();
        told.error.clear();
        Err(told)
    } else if reports.iter().any(|report| report.failure.is_some()) {
        Err(Failure::told())
    } else {
        Ok(())
    }
}

/// The steps, for `help`.
pub(crate) fn help() -> String {
    let lines = STEPS.iter().map(|step| format!("        {:<10} {}\n", step.name, step.about));
    format!("      steps:\n{}", lines.collect::<String>())
}

fn choose(only: &[&str], skip: &[&str]) -> Result<Vec<&'static Step>, Failure> {
    for name in only.iter().chain(skip) {
        if !STEPS.iter().any(|step| step.name == *name) {
            let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            return Err(Failure::usage(format!("there is no step `{name}`"))
                .hint(format!("known steps: {}", known.join(", "))));
        }
    }
    let chosen =
        |step: &&Step| (only.is_empty() || only.contains(&step.name)) && !skip.contains(&step.name);
    Ok(STEPS.iter().filter(chosen).collect())
}

fn run(shell: &mut Shell, step: &Step) -> Report {
    let (printed, failure) = match (step.run)(shell) {
        Ok(printed) => (printed, None),
        Err(failure) => (failure.printed.clone(), Some(failure)),
    };
    if let Some(failure) = failure.as_ref().filter(|failure| !failure.is_interrupt()) {
        failure.print();
    }
    Report { name: step.name, closings: closings(&printed), failure }
}

/// The closing lines, the causes of what failed, and the sum.
fn summary(reports: &[Report]) -> String {
    let mut lines = Vec::new();
    for report in reports {
        let verdict = if report.failure.is_some() { "FAIL" } else { "ok" };
        lines.push(format!("{verdict:<4} {}", report.name));
        lines.extend(report.closings.iter().map(|closing| format!("       {}", closing.line)));
    }
    for report in reports {
        let Some(failure) = &report.failure else { continue };
        lines.push(format!("\n{}: {}", report.name, failure.error));
        lines.extend(failure.cause.iter().map(|line| format!("  {line}")));
    }
    let (passed, failed) = reports
        .iter()
        .map(Report::counts)
        .fold((0, 0), |(passed, failed), (passed_here, failed_here)| {
            (passed + passed_here, failed + failed_here)
        });
    lines.push(format!("\n{passed} passed, {failed} failed\n"));
    lines.join("\n")
}

fn setup_step(shell: &mut Shell) -> Result<String, Failure> {
    setup::ensure(shell)?;
    servers::ensure(shell)?;
    clickhouse::ensure(shell).map(|()| String::new())
}

fn web_step(shell: &mut Shell) -> Result<String, Failure> {
    let checked = web::check(shell);
    // The binary carries the pages: without them nothing below can be told.
    web::build(shell)?;
    checked
}

fn fmt_step(shell: &mut Shell) -> Result<String, Failure> {
    shell
        .run(
            "cargo fmt --check",
            minutes(2),
            &mut shell.cargo(&["fmt", "--all", "--", "--check", "-l"]),
        )
        .map_err(|failure| failure.hint("cargo fmt --all"))
}

fn clippy_step(shell: &mut Shell) -> Result<String, Failure> {
    let words = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    shell.run("cargo clippy", minutes(30), &mut shell.cargo(&words))
}

fn doc_step(shell: &mut Shell) -> Result<String, Failure> {
    let mut command = shell.cargo(&["doc", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    shell.run("cargo doc", minutes(20), &mut command)
}

fn unit_step(shell: &mut Shell) -> Result<String, Failure> {
    let (name, mut command) = if setup::lint_tool(shell, "cargo-nextest").is_some() {
        let mut command = shell.cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]);
        if ci() {
            command.args(["--profile", "ci"]);
        }
        ("cargo nextest", command)
    } else {
        ("cargo test", shell.cargo(&["test", "--workspace", "--all-targets", "--no-fail-fast"]))
    };
    shell.run(name, minutes(45), same_cases(quiet_snapshots(&mut command)))
}

/// Whether nobody watches: then a test that fails is tried once more, and told as flaky.
pub(crate) fn ci() -> bool {
    std::env::var_os("CI").is_some()
}

/// Property tests draw the same cases each time, so that what fails is the change; who explores sets a seed.
fn same_cases(command: &mut Command) -> &mut Command {
    const SEED: &str = "PROPTEST_RNG_SEED";
    if std::env::var_os(SEED).is_none() {
        command.env(SEED, "1");
    }
    command
}

/// A snapshot that differs fails; none is written beside it.
fn quiet_snapshots(command: &mut Command) -> &mut Command {
    command.env("INSTA_UPDATE", "no")
}

fn doctest_step(shell: &mut Shell) -> Result<String, Failure> {
    let mut command = shell.cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
    shell.run("cargo test --doc", minutes(20), &mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        choose(only, skip).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn steps_run_in_the_order_of_the_table() {
        assert_eq!(names(&["doc", "fmt"], &[]), ["fmt", "doc"]);
        assert!(!names(&[], &["web"]).contains(&"web"));
    }

    #[test]
    fn an_unknown_step_is_refused_with_those_that_are_known() {
        let failure = choose(&["unti"], &[]).err().unwrap();
        assert_eq!(failure.error, "there is no step `unti`");
    }

    #[test]
    fn the_last_line_counts_tests_and_checks() {
        let report = |name, closings, failure| Report { name, closings, failure };
        let closing = Closing { line: "9 passed, 2 failed".into(), passed: 9, failed: 2 };
        let reports = [
            report("fmt", vec![], None),
            report("doc", vec![], Some(Failure::world("cargo doc failed").cause("because"))),
            report("unit", vec![closing], Some(Failure::world("cargo nextest failed"))),
        ];
        let text = summary(&reports);
        assert_eq!(text.lines().last(), Some("10 passed, 3 failed"));
        assert!(text.contains("doc: cargo doc failed\n  because\n"), "{text}");
    }
}
