//! How much load, and when: from flags to a model.

use std::time::Duration;

use ::load::Model;
use clap::Args;
use prove::{
    capacity::Search,
    schedule::{Arrivals, Schedule, ScheduleError, Think, USERS_MAX, Users},
};

use crate::{say::Failure, units};

/// What is sent where nothing is said.
const RATE: f64 = 100.0;
/// Steps of a staircase, where nothing is said.
const STEPS: u32 = 5;

/// How much load.
#[derive(Debug, Args)]
pub(super) struct Amount {
    /// Requests a second, whatever the server does [default: 100].
    #[arg(long, value_name = "RATE", group = "how-much")]
    rate: Option<f64>,
    /// From one rate to another, evenly: `10..500`.
    #[arg(long, value_name = "RATES", value_parser = range, group = "how-much")]
    ramp: Option<(f64, f64)>,
    /// From one rate to another in steps: `100..500`, or `100..500x9` for nine of them.
    #[arg(long, value_name = "RATES", value_parser = steps, group = "how-much")]
    steps: Option<(f64, f64, u32)>,
    /// One rate, and another in the middle fifth of the time: `100..1000`.
    #[arg(long, value_name = "RATES", value_parser = range, group = "how-much")]
    spike: Option<(f64, f64)>,
    /// So many users instead, who each wait for their answer.
    #[arg(long, value_name = "COUNT", group = "how-much")]
    users: Option<u32>,
    /// Raise the rate until a goal of --expect is missed, and tell where that is.
    #[arg(long, group = "how-much", requires = "expect")]
    search: bool,
    /// How long users think between an answer and their next request: `2s`, `1s..3s`, `~2s`.
    #[arg(long, value_name = "TIME", value_parser = ::load::think, requires = "users")]
    think: Option<Think>,
    /// For how long; for --search, each step [default: 10s, 5s].
    #[arg(long = "for", value_name = "TIME", value_parser = ::load::length)]
    length: Option<Duration>,
    /// Starts at random, as independent people come, instead of evenly.
    #[arg(long, conflicts_with = "users")]
    poisson: bool,
    /// Where a search begins.
    #[arg(long, value_name = "RATE", default_value_t = 50.0, requires = "search")]
    from: f64,
    /// How far a search goes.
    #[arg(long, value_name = "RATE", default_value_t = 100_000.0, requires = "search")]
    up_to: f64,
    /// How exactly a search finds the limit.
    #[arg(long, value_name = "PART", default_value_t = 0.03, requires = "search")]
    within: f64,
}

impl Amount {
    /// The model, and in words.
    pub(super) fn model(&self, seed: u64) -> Result<(Model, String), Failure> {
        let length = self.length();
        let time = units::time(length);
        if let Some(count) = self.users {
            if !(1..=USERS_MAX).contains(&count) {
                return Err(Failure::use_of(format!("{count} users are not 1 to {USERS_MAX}")));
            }
            let users = Users {
                count,
                // All at once is a spike of its own; a tenth of the time is soon enough.
                arrive_over: (length / 10).min(Duration::from_secs(10)),
                think: self.think.unwrap_or_default(),
                length,
            };
            let words =
                format!("{} for {time}, closed model", units::some(count.into(), "user", "users"));
            return Ok((Model::Closed(users), words));
        }
        let arrivals = if self.poisson { Arrivals::Poisson(seed) } else { Arrivals::Even };
        let shown = units::three_digits_of;
        let (schedule, words) = if let Some((from, to)) = self.ramp {
            let words = format!("from {} to {} a second over {time}", shown(from), shown(to));
            (Schedule::ramp(from, to, length, arrivals), words)
        } else if let Some((from, to, count)) = self.steps {
            let words =
                format!("{count} steps from {} to {} a second over {time}", shown(from), shown(to));
            (Schedule::steps((from, to), count, length, arrivals), words)
        } else if let Some((base, peak)) = self.spike {
            let words =
                format!("{} a second for {time}, {} in its middle fifth", shown(base), shown(peak));
            (Schedule::spike(base, peak, length, arrivals), words)
        } else {
            let rate = self.rate.unwrap_or(RATE);
            (
                Schedule::constant(rate, length, arrivals),
                format!("{} a second for {time}", shown(rate)),
            )
        };
        let at_random = if self.poisson { ", at random" } else { "" };
        let schedule = schedule.map_err(|error: ScheduleError| {
            Failure::use_of(format!("that is no schedule: {error}"))
        })?;
        Ok((Model::Open(schedule), format!("{words}{at_random}, open model")))
    }

    /// The limit is to be found.
    pub(super) fn is_search(&self) -> bool {
        self.search
    }

    /// Flags of it that were given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--rate", self.rate.is_some()),
            ("--ramp", self.ramp.is_some()),
            ("--steps", self.steps.is_some()),
            ("--spike", self.spike.is_some()),
            ("--users", self.users.is_some()),
            ("--search", self.search),
            ("--think", self.think.is_some()),
            ("--for", self.length.is_some()),
            ("--poisson", self.poisson),
        ];
        flags.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag).collect()
    }

    /// The search, if one is asked for.
    pub(super) fn search(&self) -> Result<Option<Search>, Failure> {
        if !self.search {
            return Ok(None);
        }
        let search = Search::new(self.from, self.up_to, self.within);
        search.map(Some).map_err(|error| {
            Failure::use_of(error).hint("--from, --up-to and --within say otherwise")
        })
    }

    /// How long it takes, or each step of a search.
    pub(super) fn length(&self) -> Duration {
        let usual = if self.search { 5 } else { 10 };
        self.length.unwrap_or_else(|| Duration::from_secs(usual))
    }
}

fn range(text: &str) -> Result<(f64, f64), String> {
    let wrong = || format!("`{text}` is not two rates; such are 10..500");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_not_a_number| wrong());
    Ok((number(from)?, number(to)?))
}

fn steps(text: &str) -> Result<(f64, f64, u32), String> {
    let Some((rates, count)) = text.split_once('x') else {
        return range(text).map(|(from, to)| (from, to, STEPS));
    };
    let (from, to) = range(rates)?;
    let count = count.trim().parse().ok().filter(|count| (2..=1_000).contains(count));
    let count = count.ok_or_else(|| format!("`{text}` does not have 2 to 1,000 steps"))?;
    Ok((from, to, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        assert_eq!(range("10..500"), Ok((10.0, 500.0)));
        assert_eq!(steps("10..500"), Ok((10.0, 500.0, 5)));
        assert_eq!(steps("10..500x9"), Ok((10.0, 500.0, 9)));
        assert!(range("10").is_err() && range("a..b").is_err());
        assert!(steps("1..2x1").is_err() && steps("1..2xx").is_err());
    }
}
