//! Whether a change worked: what its statements cost before, and what they cost since.
//!
//! The counters of `pg_stat_statements` give mean and variance of any stretch between two readings. Calls that follow
//! each other are alike, so the spread of the means of several polls counts too, where it is larger. A statement is
//! called slower only if its blocks or its WAL grew as well: time alone is the neighbours' doing as often as not.

use stats::{Mean, difference, sum_of_differences};
use store::ledger::{Direction, Event, Readings, Remedy, StatementReading, Verdict};

use super::PlanUse;

/// Counters at one moment of a watch.
pub type Poll = Readings;

/// Calls before which nothing is said of a statement: fewer are luck.
const CALLS_MIN: u64 = 30;

/// A change that matters to anybody: a tenth.
const SHARE_MIN: f64 = 0.1;

/// Polls from which the spread of their means is taken.
const POLLS_MIN: usize = 5;

/// Letters of a statement in a verdict.
const TEXT_LETTERS: usize = 60;

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// In one word.
    pub outcome: Outcome,
    /// With figures.
    pub verdict: Verdict,
    /// The statements that it is for.
    pub statements: Vec<StatementChange>,
    /// How often indexes of the change were used since; `None` if it makes none.
    pub uses: Option<u64>,
    /// How the statements are planned now, where that was looked at.
    pub plans: Vec<PlanUse>,
}

/// A statement before a change and since.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatementChange {
    /// `queryid`
    pub query_id: i64,
    /// Without literals.
    pub text: String,
    /// Calls since.
    pub calls: u64,
    /// Mean milliseconds of a call, before and since.
    pub millis: (Option<f64>, Option<f64>),
    /// Blocks a call, before and since.
    pub blocks: (f64, f64),
}

/// What came out, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It worked.
    Proven,
    /// It brought nothing, or harm: it had better be taken back.
    NoGain,
    /// There is too little to tell.
    Open,
}

/// Judges a remedy that is in force by counters of now, and by those of polls since, if there are any.
#[must_use]
pub fn judge(remedy: &Remedy, after: &Readings, polls: &[Poll]) -> Judgement {
    let Some((before, baseline)) = counted(remedy) else {
        return open("nothing was counted when it was applied".to_owned(), Verdict::default());
    };
    let compared: Vec<Compared<'_>> = after
        .statements
        .iter()
        .filter_map(|now| compare(now, (before, baseline, after), polls))
        .collect();
    let ours = |query_id: i64| remedy.proposal.statements.iter().any(|(id, _)| *id == query_id);
    let (own, _others): (Vec<&Compared<'_>>, Vec<&Compared<'_>>) =
        compared.iter().partition(|compared| ours(compared.now.query_id));
    let verdict = Verdict {
        lines: own.iter().map(|compared| compared.line()).collect(),
        worse: compared.iter().filter_map(Compared::worse).collect(),
        ..Verdict::default()
    };
    let creates = &remedy.proposal.change.creates;
    let scans = |readings: &Readings| {
        let ours = readings
            .indexes
            .iter()
            .filter(|index| creates.iter().any(|(_, name)| *name == *index.name));
        ours.map(|index| index.scans).sum::<u64>()
    };
    let uses = scans(after).saturating_sub(scans(baseline));
    let judgement = conclude(remedy, (&compared, &own), uses, verdict);
    Judgement {
        statements: own.iter().map(|compared| compared.change()).collect(),
        uses: (!creates.is_empty()).then_some(uses),
        ..judgement
    }
}

fn conclude(
    remedy: &Remedy,
    (compared, own): (&[Compared<'_>], &[&Compared<'_>]),
    uses: u64,
    verdict: Verdict,
) -> Judgement {
    let creates = &remedy.proposal.change.creates;
    if remedy.proposal.statements.is_empty() && creates.is_empty() {
        return without_statements(compared, verdict);
    }
    if remedy.proposal.statements.is_empty() {
        let claim =
            format!("no statement is known that it is for; the index was used {uses} times since");
        return open(claim, verdict);
    }
    let parts: Vec<(f64, Mean, Mean)> = own
        .iter()
        .filter_map(|compared| Some((compared.calls_as_weight(), compared.was?, compared.is?)))
        .collect();
    let calls: u64 = own.iter().map(|compared| compared.calls).sum();
    weigh(&parts, calls, (!creates.is_empty()).then_some(uses), verdict)
}

/// Counters before anybody began to apply it, and from which on it counts. A run that died, or found it applied
/// already, began later than what it brought.
fn counted(remedy: &Remedy) -> Option<(&Readings, &Readings)> {
    let reverted =
        remedy.entries.iter().rposition(|entry| matches!(entry.event, Event::Reverted { .. }));
    let since = remedy.entries.iter().skip(reverted.map_or(0, |place| place + 1));
    let before = since.filter_map(|entry| match &entry.event {
        Event::Started { direction: Direction::Apply, before } => Some(before),
        _ => None,
    });
    let baseline = remedy.last(|event| match event {
        Event::Applied { baseline } => Some(baseline),
        _ => None,
    });
    Some((before.into_iter().next()?, baseline?.1))
}

/// What the means say together, each weighted by its calls since. `uses` are those of the indexes it made, if it made any.
fn weigh(
    parts: &[(f64, Mean, Mean)],
    calls: u64,
    uses: Option<u64>,
    mut verdict: Verdict,
) -> Judgement {
    let Some(interval) = sum_of_differences(parts).filter(|_| CALLS_MIN <= calls) else {
        let claim = format!("its statements ran {calls} times since: too few to tell");
        return open(claim, verdict);
    };
    let weight: f64 = parts.iter().map(|(weight, _, _)| weight).sum();
    let mean = |pick: fn(&(f64, Mean, Mean)) -> Mean| {
        parts.iter().map(|part| part.0 * pick(part).mean).sum::<f64>() / weight
    };
    let (was, is) = (mean(|part| part.1), mean(|part| part.2));
    let used = uses.map_or_else(String::new, |uses| format!("; the index was used {uses} times"));
    verdict.claim = format!(
        "mean {} from {} to {} ms a call (95 % interval of the difference {} to {} ms) over {calls} calls{used}",
        if is < was { "fell" } else { "rose" },
        millis(was),
        millis(is),
        millis(interval.low / weight),
        millis(interval.high / weight),
    );
    let gained = interval.high < 0.0 && is <= (1.0 - SHARE_MIN) * was;
    let none = interval.low / weight > -SHARE_MIN * was;
    let unused = uses == Some(0);
    let outcome = match (gained && !unused, none || unused) {
        (true, _) => Outcome::Proven,
        (false, true) => Outcome::NoGain,
        (false, false) => Outcome::Open,
    };
    Judgement::of(outcome, verdict)
}

/// What is for no statement, such as dropping an index, worked if nothing got worse.
fn without_statements(compared: &[Compared<'_>], mut verdict: Verdict) -> Judgement {
    let calls: u64 = compared.iter().map(|compared| compared.calls).sum();
    if !verdict.worse.is_empty() {
        "statements got worse since".clone_into(&mut verdict.claim);
        return Judgement::of(Outcome::NoGain, verdict);
    }
    if calls < CALLS_MIN {
        let claim = format!("statements of its tables ran {calls} times since: too few to tell");
        return open(claim, verdict);
    }
    verdict.claim =
        format!("no statement got slower over {calls} calls of those that use its tables");
    Judgement::of(Outcome::Proven, verdict)
}

fn open(claim: String, verdict: Verdict) -> Judgement {
    Judgement::of(Outcome::Open, Verdict { claim, ..verdict })
}

impl Judgement {
    fn of(outcome: Outcome, verdict: Verdict) -> Self {
        Self { outcome, verdict, statements: Vec::new(), uses: None, plans: Vec::new() }
    }
}

/// A statement before and since.
struct Compared<'a> {
    now: &'a StatementReading,
    /// Calls since.
    calls: u64,
    was: Option<Mean>,
    is: Option<Mean>,
    /// Blocks a call, before and since.
    blocks: (f64, f64),
    /// Bytes of WAL a call, before and since.
    wal: (f64, f64),
}

fn compare<'a>(
    now: &'a StatementReading,
    (before, baseline, after): (&Readings, &Readings, &Readings),
    polls: &[Poll],
) -> Option<Compared<'a>> {
    let was = reading(before, now.query_id)?;
    // Counters that were reset since begin anew; those of a statement that is new began with it.
    let reset = baseline.time < after.since;
    let base = reading(baseline, now.query_id)
        .filter(|base| !reset && base.calls <= now.calls)
        .cloned()
        .unwrap_or_default();
    let since = less(now, &base);
    let mut is = Mean::of_sums(since.calls, since.total_millis, since.square_millis);
    if let (Some(is), Some(spread)) = (&mut is, spread(now.query_id, polls)) {
        is.error_squared = is.error_squared.max(spread);
    }
    Some(Compared {
        now,
        calls: since.calls,
        was: Mean::of_sums(was.calls, was.total_millis, was.square_millis),
        is,
        blocks: (each(was.blocks, was.calls), each(since.blocks, since.calls)),
        wal: (each(was.wal_bytes, was.calls), each(since.wal_bytes, since.calls)),
    })
}

/// The square of the standard error of a mean, from the means of the stretches between polls.
fn spread(query_id: i64, polls: &[Poll]) -> Option<f64> {
    let read: Vec<&StatementReading> =
        polls.iter().filter_map(|poll| reading(poll, query_id)).collect();
    let means: Vec<f64> = read
        .windows(2)
        .filter_map(|pair| match pair {
            [earlier, later] if earlier.calls < later.calls => {
                let since = less(later, earlier);
                Some(each_millis(since.total_millis, since.calls))
            }
            _ => None,
        })
        .collect();
    if means.len() < POLLS_MIN {
        return None;
    }
    let (sum, squares) = (means.iter().sum(), means.iter().map(|mean| mean * mean).sum());
    Mean::of_sums(means.len() as u64, sum, squares).map(|mean| mean.error_squared)
}

impl Compared<'_> {
    #[expect(clippy::cast_precision_loss, reason = "2^53 calls take longer than any watch")]
    fn calls_as_weight(&self) -> f64 {
        self.calls as f64
    }

    fn line(&self) -> String {
        let text = cut(&self.now.text);
        match (self.was, self.is) {
            (Some(was), Some(is)) => format!(
                "{} -> {} ms, {} -> {} blocks a call, {} calls: {text}",
                millis(was.mean),
                millis(is.mean),
                millis(self.blocks.0),
                millis(self.blocks.1),
                self.calls,
            ),
            _ => format!("{} calls since, too few to tell: {text}", self.calls),
        }
    }

    fn change(&self) -> StatementChange {
        StatementChange {
            query_id: self.now.query_id,
            text: self.now.text.clone(),
            calls: self.calls,
            millis: (self.was.map(|mean| mean.mean), self.is.map(|mean| mean.mean)),
            blocks: self.blocks,
        }
    }

    /// What shows that it got slower; `None` if nothing does.
    fn worse(&self) -> Option<String> {
        let (was, is) = (self.was?, self.is?);
        if self.calls < CALLS_MIN {
            return None;
        }
        let interval = difference(was, is)?;
        let slower = 0.0 < interval.low && (1.0 + SHARE_MIN) * was.mean < is.mean;
        let grew = |(was, is): (f64, f64)| (1.0 + SHARE_MIN) * was + 0.5 < is;
        let more = if grew(self.blocks) {
            format!("{} -> {} blocks", millis(self.blocks.0), millis(self.blocks.1))
        } else if grew(self.wal) {
            format!("{} -> {} bytes of WAL", millis(self.wal.0), millis(self.wal.1))
        } else {
            return None;
        };
        slower.then(|| {
            format!(
                "{} -> {} ms (95 % interval of the difference {} to {}), {more} a call, {} calls: {}",
                millis(was.mean),
                millis(is.mean),
                millis(interval.low),
                millis(interval.high),
                self.calls,
                cut(&self.now.text)
            )
        })
    }
}

fn reading(readings: &Readings, query_id: i64) -> Option<&StatementReading> {
    readings.statements.iter().find(|reading| reading.query_id == query_id)
}

/// What was counted between two readings.
fn less(later: &StatementReading, earlier: &StatementReading) -> StatementReading {
    StatementReading {
        query_id: later.query_id,
        text: String::new(),
        calls: later.calls.saturating_sub(earlier.calls),
        total_millis: (later.total_millis - earlier.total_millis).max(0.0),
        square_millis: (later.square_millis - earlier.square_millis).max(0.0),
        rows: later.rows.saturating_sub(earlier.rows),
        blocks: later.blocks.saturating_sub(earlier.blocks),
        wal_bytes: later.wal_bytes.saturating_sub(earlier.wal_bytes),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counters are far below 2^53")]
fn each(sum: u64, calls: u64) -> f64 {
    each_millis(sum as f64, calls)
}

#[expect(clippy::cast_precision_loss, reason = "counters are far below 2^53")]
fn each_millis(sum: f64, calls: u64) -> f64 {
    if calls == 0 { 0.0 } else { sum / calls as f64 }
}

/// Three digits.
fn millis(value: f64) -> String {
    let digits = match value.abs() {
        large if 99.95 <= large => 0,
        middle if 9.995 <= middle => 1,
        small if 0.9995 <= small => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= TEXT_LETTERS {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(TEXT_LETTERS - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
