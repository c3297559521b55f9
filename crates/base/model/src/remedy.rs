//! Remedies: what to do about a finding, in the words of the framework that it was seen in.

use crate::{Change, GatewayChange};

/// One thing to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// Name of the remedy: `eager-load`.
    pub remedy: &'static str,
    /// What to do, as an imperative in one sentence.
    pub text: String,
    /// Code or SQL to copy.
    pub snippet: Option<Snippet>,
    /// What Taut can do itself, where it can.
    pub change: Option<Change>,
    /// What the gateway can do, without a change of the application.
    pub gateway: Option<GatewayChange>,
    /// How to prove that it worked.
    pub proofs: Vec<Proof>,
}

/// Code or SQL to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// What it is written in, as Markdown names it: `python`, `sql`, `toml`.
    pub language: &'static str,
    /// The code.
    pub code: String,
}

/// A way of proving that a remedy worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// The same requests run fewer statements.
    QueryCount,
    /// Recorded requests are answered byte by byte as before, and faster.
    Replay,
    /// The critical path is recomputed without the calls.
    CriticalPath,
    /// The remedy is simulated on recorded traffic.
    Simulation,
    /// The service stands the same load with less.
    Load,
    /// The plan with the remedy is estimated by the database.
    WhatIf,
    /// The statement is run both ways on a copy or in a transaction that is rolled back.
    Rehearsal,
    /// The window after is compared with the window before.
    BeforeAfter,
    /// The bytes of the answers are counted.
    Bytes,
    /// The dependency is made to fail.
    FaultInjection,
}
