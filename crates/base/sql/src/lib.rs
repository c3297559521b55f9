//! What a statement says once its literals are gone.
//!
//! [`normalise`] is one pass of a byte lexer over any SQL text, cut or broken text included: it hides each
//! literal and gives equal shapes equal fingerprints. [`describe`] runs once per new fingerprint and may
//! take its time: it names the tables and, through a real parser, the clauses. [`Statements`] ties the two.
//! [`plan`] reads what EXPLAIN says of one, in any format.

mod analysis;
mod comments;
mod describe;
mod filters;
mod generic;
mod hash;
mod index_text;
mod lexer;
mod normalise;
pub mod plan;
mod quote;
mod shape;
mod statements;
mod strings;
mod tables;
mod words;

pub use analysis::{
    Analysis, Condition, ConditionKind, Parameter, PlanClause, PlanJoin, PlanNeeds, PlanScan,
    PlanSort, Predicate, PredicateKind, SortKey, TableNeeds, analyse, plan_needs,
};
pub use comments::{Comments, comments};
pub use describe::describe;
pub use generic::generic;
pub use hash::hash;
pub use index_text::{IndexStatement, KeyText, dropped_index, rebuilt_index};
pub use normalise::{Normalised, normalise, normalise_into};
pub use quote::{
    Locking, NAME_BYTES_MAX, as_new, create_index, drop_index, identifier, index_name, literal,
    qualified,
};
pub use statements::Statements;
