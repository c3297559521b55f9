//! How often a comparison errs, over thousands of made-up pairs: `cargo xtask bench verdicts`.

#![expect(clippy::print_stdout, reason = "prints a table")]

#[path = "../tests/simulation/families.rs"]
mod families;

use families::FAMILIES;

/// Pairs without a difference.
const TRIALS: u64 = 2_000;
/// Pairs with one; they are larger.
const TRIALS_SHIFTED: u64 = 100;

fn main() {
    // Large pairs take minutes: `--alarms` leaves them out.
    let is_brief = std::env::args().any(|word| word == "--alarms");
    println!(
        "| latencies | decides | requests a side | false alarms | had an interval | shift by 5 % found |"
    );
    println!("|---|---|---:|---:|---:|---:|");
    for family in FAMILIES {
        for (quantile, finds) in [0.5, 0.95].into_iter().zip(family.finds) {
            let (alarms, told) = family.claims(TRIALS, family.count, 1.0, quantile);
            let found = if is_brief {
                String::new()
            } else if finds == 0 {
                "takes millions".to_owned()
            } else {
                let (found, _) = family.claims(TRIALS_SHIFTED, finds, 1.05, quantile);
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
    }
}
