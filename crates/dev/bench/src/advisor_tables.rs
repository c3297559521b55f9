//! The tables of `advisor` about sizes and write costs.

use find::advisor::size::SizeBasis;

use crate::{
    sizes::{self, SCHEMAS, Sized},
    table,
    write_costs::{self, Base, Effort, Measured},
};
use testkit::postgres::Postgres;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Prints how far estimates of sizes are off, by schema, and each index.
///
/// # Errors
///
/// A server does not do as it is told.
pub fn sizes(rows: u32) -> Outcome<()> {
    let mut summary = Vec::new();
    let mut each = Vec::new();
    for schema in SCHEMAS {
        let all = sizes::measure(schema, rows)?;
        summary.push(summary_row(schema.name, &all));
        each.extend(all.iter().map(|one| size_row(schema.name, one)));
    }
    table::say("\nSize: |ln(estimate / real)| of fresh indexes\n\n");
    let head = [
        "schema",
        "indexes",
        "model, mean",
        "model, most",
        "HypoPG, mean",
        "HypoPG, most",
        "model with samples, mean",
        "most",
    ];
    table::print(&head, &summary);
    table::say("\nSize: each index; estimate over real\n\n");
    table::print(
        &["index", "schema", "real MB", "model", "with samples", "HypoPG", "what the model knows"],
        &each,
    );
    Ok(())
}

fn summary_row(name: &str, all: &[Sized]) -> Vec<String> {
    let model = sizes::errors(all.iter().map(|one| one.modelled / one.real));
    let hypo = sizes::errors(all.iter().filter_map(|one| Some(one.hypo? / one.real)));
    let sampled = sizes::errors(all.iter().map(|one| one.sampled / one.real));
    let shown = |value: f64| format!("{value:.3}");
    vec![
        name.to_owned(),
        all.len().to_string(),
        shown(model.0),
        shown(model.1),
        shown(hypo.0),
        shown(hypo.1),
        shown(sampled.0),
        shown(sampled.1),
    ]
}

fn size_row(schema: &str, one: &Sized) -> Vec<String> {
    let basis = match one.basis {
        SizeBasis::Statistics => "statistics",
        SizeBasis::Combinations => "columns taken as independent",
        SizeBasis::Rough => "rough",
    };
    vec![
        one.index.clone(),
        schema.to_owned(),
        format!("{:.1}", one.real / 1e6),
        table::fine(one.modelled / one.real),
        table::fine(one.sampled / one.real),
        one.hypo.map_or_else(|| "–".to_owned(), |bytes| table::fine(bytes / one.real)),
        basis.to_owned(),
    ]
}

/// Prints what indexes cost those who insert, measured and modelled.
///
/// # Errors
///
/// The server does not do as it is told.
pub fn write_costs(effort: Effort) -> Outcome<()> {
    // Tables and indexes fit, so that nothing is measured of the disk.
    let server = Postgres::builder()
        .version(15)
        .setting("shared_buffers", "3GB")
        .setting("max_wal_size", "16GB")
        .setting("checkpoint_timeout", "1h")
        .setting("maintenance_work_mem", "256MB")
        .start();
    let (base, all) = write_costs::measure(&server, effort)?;
    print_write_costs(&base, &all, effort);
    Ok(())
}

fn print_write_costs(base: &Base, all: &[Measured], effort: Effort) {
    table::say(&format!(
        "\nWrite cost of an index: {} rounds of {} rows into {} rows, a checkpoint before each; µs: lower quartile, bytes: median (least - most)\n\
         The table with its primary key alone: {} µs, {} bytes of log a row\n\n",
        effort.rounds,
        table::thousands(effort.batch.into()),
        table::thousands(effort.rows.into()),
        table::fine(base.cpu_micros.median),
        table::count(base.wal_bytes.median),
    ));
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let (cpu, wal) = (one.modelled.cpu_micros_per_row, one.modelled.wal_bytes_per_row);
            vec![
                one.shape.name.to_owned(),
                table::spread(one.cpu_micros, table::fine),
                table::fine(cpu),
                table::fine(cpu / one.cpu_micros.median),
                table::fine(one.unmeasured.cpu_micros_per_row),
                table::spread(one.wal_bytes, table::count),
                table::count(wal),
                table::fine(wal / one.wal_bytes.median),
            ]
        })
        .collect();
    let head =
        ["index", "µs a row", "model", "ratio", "uncalibrated", "log, B a row", "model", "ratio"];
    table::print(&head, &rows);
}
