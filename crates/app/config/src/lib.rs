//! Settings: what the user wrote in `taut.toml`, the environment and flags, and what it means.
//!
//! One table, [`known`], feeds reading, the listing, the example file and the manual's page. Flags go
//! over the environment, the environment over the file, the file over the default; every value
//! remembers where it is from, so that any complaint can point there.

mod check;
mod clickhouse;
mod collector;
mod copies;
mod database_url;
mod file;
mod gateway;
mod observe;
mod page;
mod patch;
mod problem;
mod settings;
mod sources;
mod table;
mod units;
mod value;
mod written;

pub use check::Check;
pub use clickhouse::{ClickHouse, ClickHouseTables};
pub use collector::Collector;
pub use copies::Copies;
pub use database_url::DatabaseUrl;
pub use gateway::GATEWAY_EXAMPLE;
pub use observe::ObservePostgres;
pub use patch::{DiffError, PatchError, Patched, checked, diff, patched, undone};
pub use problem::{SettingsError, did_you_mean};
pub use settings::{
    Engine, Exposed, Keep, Listed, Price, Receive, Settings, Store, Sync, Token, Web,
};
pub use sources::{Flag, PostgresEnvironment, ReadError, Sources};
pub use table::{Among, Kind, OTHER_VARIABLES, SETTINGS, Setting, known};
pub use units::{bytes_text, duration_text, parse_bytes, parse_duration};
pub use written::Origin;
