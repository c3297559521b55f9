//! What the planner of this server takes things to cost, by its settings.

use model::database::Database;

use super::super::size::PAGE_BYTES;

/// The planner's constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub(super) seq_page: f64,
    pub(super) random_page: f64,
    pub(super) tuple: f64,
    pub(super) index_tuple: f64,
    pub(super) operator: f64,
    /// `effective_cache_size`, in pages.
    pub(super) cache_pages: f64,
    /// What a hash table may take: `work_mem` times `hash_mem_multiplier`, in bytes.
    pub(super) hash_bytes: f64,
}

impl Prices {
    pub(super) fn of(database: &Database) -> Self {
        let number = |name: &str, default: f64| {
            let setting = database.settings.get(name);
            let value = setting.and_then(|setting| setting.raw.parse::<f64>().ok());
            value.filter(|value| value.is_finite() && 0.0 <= *value).unwrap_or(default)
        };
        // Defaults of PostgreSQL, where the settings may not be read.
        let multiplier = number("hash_mem_multiplier", 2.0);
        Self {
            seq_page: number("seq_page_cost", 1.0),
            random_page: number("random_page_cost", 4.0),
            tuple: number("cpu_tuple_cost", 0.01),
            index_tuple: number("cpu_index_tuple_cost", 0.005),
            operator: number("cpu_operator_cost", 0.0025),
            cache_pages: number("effective_cache_size", 524_288.0).max(1.0),
            hash_bytes: number("work_mem", 4096.0) * 1024.0 * multiplier,
        }
    }

    /// Pages of a table that fetching so many rows at random reads, some of them again: Mackert and Lohman, "Index
    /// scans using a finite LRU buffer: a validated I/O model" (TODS 1989), as the planner applies it.
    pub(super) fn pages_fetched(&self, rows: f64, pages: f64, total_pages: f64) -> f64 {
        let pages = pages.max(1.0);
        let cache = (self.cache_pages * pages / total_pages.max(pages)).ceil().max(1.0);
        let fetched = 2.0 * pages * rows / (2.0 * pages + rows);
        if pages <= cache {
            return fetched.min(pages).ceil();
        }
        let limit = 2.0 * pages * cache / (2.0 * pages - cache);
        if rows <= limit {
            fetched.ceil()
        } else {
            (cache + (rows - limit) * (pages - cache) / pages).ceil()
        }
    }

    /// Joining two inputs by a table of hashes: start and total, beyond what the inputs take.
    pub(super) fn hash_join(
        &self,
        outer: Rows,
        inner: Rows,
        matches: f64,
        clauses: f64,
    ) -> (f64, f64) {
        let start = inner.rows * (self.operator * clauses + self.tuple);
        let mut run = self.operator * clauses * outer.rows + self.tuple * matches;
        // Within a bucket of about one row each, half are compared.
        run += self.operator * clauses * outer.rows * 0.5;
        let mut spilled = 0.0;
        if self.hash_bytes < inner.bytes() {
            let (inner, outer) = (inner.bytes() / PAGE_BYTES, outer.bytes() / PAGE_BYTES);
            spilled = self.seq_page * inner;
            run += self.seq_page * (inner + 2.0 * outer);
        }
        (start + spilled, start + spilled + run)
    }
}

/// How many rows, and how wide.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rows {
    pub(super) rows: f64,
    pub(super) width: f64,
}

impl Rows {
    fn bytes(self) -> f64 {
        /// Header of a row in memory.
        const HEADER: f64 = 24.0;
        self.rows * (self.width + HEADER)
    }
}
