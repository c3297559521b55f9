//! What is found in real databases: nothing in a healthy one, and each fault that is planted.

#![expect(clippy::unwrap_used, reason = "a test without its server should say so and stop")]

mod documents;
mod healthy;
mod kit;
mod planted;
mod sessions;
mod without_hypopg;
