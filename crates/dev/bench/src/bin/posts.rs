//! Ten million posts on a real server: sizes, rates of insertion, statements before and after.
//!
//! `posts [--rows N] [--rounds N]`. What is measured stands in `scenarios/posts.toml`.

use std::env;

use bench::{
    machine,
    posts::{self, Effort},
    table,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut effort = Effort::default();
    let words: Vec<String> = env::args().skip(1).collect();
    for pair in words.chunks(2) {
        match pair {
            [name, value] if name == "--rows" => effort.rows = value.parse()?,
            [name, value] if name == "--rounds" => effort.rounds = value.parse()?,
            _ => return Err("usage: posts [--rows N] [--rounds N]".into()),
        }
    }
    table::say(&format!("{}\n", machine::describe()));
    posts::run(effort)
}
