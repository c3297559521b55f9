//! Whether a new version answers as the old one does, told from answers to the same requests.
//!
//! Bytes first. Where they differ, structure: places in JSON, headers. What differs from one try to the next although nothing was
//! changed is noise, learnt by asking the same version twice (the idea is Diffy's); what is made at the moment of the answer
//! (dates, ids) is masked. What is left is grouped by endpoint and place.

mod beginning;
mod differ;
mod endpoint;
mod mask;
mod sessions;
mod tally;

pub use differ::{Compared, Difference, Place, Rules, compare};
pub use endpoint::endpoint;
pub use sessions::Sessions;
pub use tally::{Group, Report, Tally};
