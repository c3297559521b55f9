//! How often a comparison errs, over thousands of made-up pairs: `cargo xtask bench verdicts`. Ends with code 1 where that is more often than it says.

#![expect(clippy::print_stdout, reason = "prints a table")]

#[path = "../tests/simulation/families.rs"]
mod families;

use std::process::ExitCode;

use families::FAMILIES;

/// Pairs without a difference.
const TRIALS: u64 = 2_000;
/// Too few for an interval of p95: what lies far apart is told by one end of it.
const FEW: u32 = 150;
/// Pairs with one; they are larger.
const TRIALS_SHIFTED: u64 = 100;

/// False alarms at most: 5 %, of which so many trials show no more than this in 19 of 20 cases.
const ALARMS_MAX: f64 = 0.058;
/// Shifts that are found at least.
const FOUND_MIN: f64 = 0.9;

fn main() -> ExitCode {
    // Large pairs take minutes: `--alarms` leaves them out.
    let is_brief = std::env::args().any(|word| word == "--alarms");
    println!(
        "| latencies | decides | requests a side | false alarms | had an interval | shift by 5 % found |"
    );
    println!("|---|---|---:|---:|---:|---:|");
    let mut missed = Vec::new();
    for family in FAMILIES {
        for (quantile, finds) in [0.5, 0.95].into_iter().zip(family.finds) {
            let (alarms, told) = family.claims(TRIALS, family.count, 1.0, quantile);
            let place = format!("{} by p{:.0}", family.name, quantile * 100.0);
            if ALARMS_MAX < alarms {
                missed.push(format!("{place}: {:.2} % false alarms", alarms * 100.0));
            }
            let found = if is_brief {
                String::new()
            } else if finds == 0 {
                "takes millions".to_owned()
            } else {
                let (found, _) = family.claims(TRIALS_SHIFTED, finds, 1.05, quantile);
                if found < FOUND_MIN {
                    missed.push(format!("{place}: {:.0} % of shifts found", found * 100.0));
                }
                format!("{:.1} % of {finds}", found * 100.0)
            };
            println!(
                "| {} | p{:.0} | {} | {:.2} % | {:.0} % | {found} |",
                family.name,
                quantile * 100.0,
                family.count,
                alarms * 100.0,
                told * 100.0,
            );
        }
        let (alarms, told) = family.claims(TRIALS, FEW, 1.0, 0.95);
        if ALARMS_MAX < alarms {
            missed.push(format!("{} of few: {:.2} % of false alarms", family.name, alarms * 100.0));
        }
        let (found, _) = family.claims(TRIALS_SHIFTED, FEW, 0.1, 0.95);
        println!(
            "| {} | p95 | {FEW} | {:.2} % | {:.0} % | a tenth: {:.0} % |",
            family.name,
            alarms * 100.0,
            told * 100.0,
            found * 100.0,
        );
    }
    for miss in &missed {
        println!("\nmissed: {miss}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
