//! TPC-H at a scale: its tables in a throwaway server, its queries.
//!
//! Rows come from the crate `tpchgen`, which writes what the benchmark's own generator writes; they are kept under
//! `~/.cache/taut/bench`, as files for `COPY`. Tables have neither keys nor indexes, as those who compare index
//! advisors have them (Kossmann et al., "Magic mirror in my hand, which is the best in the land?", VLDB 2020).

use std::{
    env,
    fmt::Display,
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use testkit::postgres::Postgres;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};

/// The tables, without keys, and a view of query 15.
pub const SCHEMA: &str = include_str!("tpch/schema.sql");
const QUERIES: &str = include_str!("tpch/queries.sql");

/// Number and text of each query that is looked at: all but 2, 17 and 20, whose costs are so large without an
/// index that nothing else would count.
#[must_use]
pub fn queries() -> Vec<(u32, &'static str)> {
    let parts = QUERIES.split("\n-- ").skip(1);
    parts
        .filter_map(|part| {
            let (number, text) = part.split_once('\n')?;
            Some((number.trim().parse().ok()?, text.trim().trim_end_matches(';')))
        })
        .collect()
}

/// A server with the tables filled and analysed, and `HypoPG` in it.
///
/// # Errors
///
/// The rows cannot be written to the cache.
///
/// # Panics
///
/// If there is no server, as `testkit` does.
pub fn server(scale: f64, settings: &[(&str, &str)]) -> io::Result<Postgres> {
    let folder = rows(scale)?;
    let mut builder = Postgres::builder().version(15).extension("hypopg");
    for (name, value) in settings {
        builder = builder.setting(name, value);
    }
    let server = builder.start();
    server.psql(SCHEMA);
    for table in TABLES {
        let file = folder.join(format!("{table}.tbl"));
        server.psql(&format!("\\copy {table} from '{}' with (delimiter '|')", file.display()));
    }
    server.psql("vacuum analyze");
    Ok(server)
}

const TABLES: [&str; 8] =
    ["region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem"];

/// The folder with a file for each table; written once.
fn rows(scale: f64) -> io::Result<PathBuf> {
    let home = env::var_os("HOME").map_or_else(env::temp_dir, PathBuf::from);
    let folder = home.join(".cache/taut/bench").join(format!("tpch-{scale}"));
    if folder.join("complete").exists() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder)?;
    write(&folder, "region", RegionGenerator::new(scale, 1, 1).iter())?;
    write(&folder, "nation", NationGenerator::new(scale, 1, 1).iter())?;
    write(&folder, "supplier", SupplierGenerator::new(scale, 1, 1).iter())?;
    write(&folder, "part", PartGenerator::new(scale, 1, 1).iter())?;
    write(&folder, "partsupp", PartSuppGenerator::new(scale, 1, 1).iter())?;
    write(&folder, "customer", CustomerGenerator::new(scale, 1, 1).iter())?;
    write(&folder, "orders", OrderGenerator::new(scale, 1, 1).iter())?;
    write(&folder, "lineitem", LineItemGenerator::new(scale, 1, 1).iter())?;
    fs::write(folder.join("complete"), "")?;
    Ok(folder)
}

/// Rows as the generator prints them, without the separator at the end, which `COPY` takes for a column.
fn write(folder: &Path, table: &str, rows: impl Iterator<Item = impl Display>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(folder.join(format!("{table}.tbl")))?);
    for row in rows {
        let line = row.to_string();
        writeln!(file, "{}", line.strip_suffix('|').unwrap_or(&line))?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_nineteen_queries() {
        let numbers: Vec<u32> = queries().into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 21, 22]);
    }
}
