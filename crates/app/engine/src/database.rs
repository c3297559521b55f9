//! What is done with databases: watching one, finding what is wrong in it, changing it.

mod find_in;
pub mod fix;
mod live;
mod propose;
mod standing;

pub(crate) use live::Watched;

pub use live::target;

pub use find_in::{
    DatabaseError, DatabaseFound, DatabaseRequest, Step, find_in, findings_in, join, tie_routes,
};
pub use postgres::Target;
pub use standing::{Activity, DatabaseStanding, History, PlanSeen, Steps, WatchState};
