//! Clones: a database with the same schema and a sample of the rows, in which statements and indexes are rehearsed.

mod name;

pub(crate) use name::is_ours;
