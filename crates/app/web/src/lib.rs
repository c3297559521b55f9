//! The HTTP API, the pages that stand on it, and their live updates.
//!
//! [`router`] answers `/api/v1/…` in JSON (described by `/api/v1/openapi.json`) and everything else
//! with the pages embedded from `web/dist`. [`wire`] holds what goes over the wire; the command line
//! speaks the same types with `--json`.

mod again;
#[expect(unused_qualifications, reason = "utoipa's macro qualifies the types of parameters")]
mod api;
mod columns;
mod compress;
mod events;
mod flame;
mod fold;
mod guard;
mod label;
mod look;
mod measure;
mod openapi;
mod pages;
mod params;
mod problem;
mod profile;
mod recent;
mod server;
mod source;
mod summary;
mod token;
pub mod wire;

pub use columns::columns as trace_columns;
pub use flame::{Flamed, flamed};
pub use fold::trace as wire_trace;
pub use openapi::document as openapi;
pub use profile::profiles;
pub use server::{router, serve};
pub use source::{GatewayAsked, GatewayOrder, Hosts, OrderProblem, Setup, Source};
