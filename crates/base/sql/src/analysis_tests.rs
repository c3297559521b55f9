//! What statements need of tables.
