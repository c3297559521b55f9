//! Writes the pages of the guide that come from tables of the product, or checks that they are up to date.
//!
//! A crate of its own, so that `xtask` need not build what the tables stand in.

mod pages;

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", folder] => write(Path::new(folder)),
        ["check", folder] => check(Path::new(folder)),
        _ => Err("usage: manual write|check FOLDER".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads any more: there is nobody to tell.
            writeln!(io::stderr(), "error: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Writes every page, and removes those of detectors that are gone.
fn write(folder: &Path) -> Result<(), String> {
    let pages = pages::all();
    for stale in stale(folder, &pages) {
        fs::remove_file(&stale).map_err(|error| failed("remove", &stale, &error))?;
    }
    for (name, text) in pages {
        let path = folder.join(name);
        let above = path.parent().unwrap_or(folder);
        fs::create_dir_all(above).map_err(|error| failed("make", above, &error))?;
        fs::write(&path, text).map_err(|error| failed("write", &path, &error))?;
    }
    Ok(())
}

/// Whether every page is what it would be if it were written now.
fn check(folder: &Path) -> Result<(), String> {
    let pages = pages::all();
    let mut wrong: Vec<String> =
        stale(folder, &pages).iter().map(|path| format!("{} is gone", path.display())).collect();
    for (name, text) in &pages {
        let path = folder.join(name);
        match fs::read_to_string(&path) {
            Ok(there) if there == *text => {}
            Ok(_) => wrong.push(format!("{} is not up to date", path.display())),
            Err(error) => wrong.push(failed("read", &path, &error)),
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{} pages are not what the tables say\n{}", wrong.len(), wrong.join("\n")))
}

/// Pages of detectors that no table names.
fn stale(folder: &Path, pages: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.join(pages::DETECTORS_FOLDER)) else { return Vec::new() };
    let mut stale: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            !pages.contains_key(&format!("{}/{}", pages::DETECTORS_FOLDER, name.to_string_lossy()))
        })
        .map(|entry| entry.path())
        .collect();
    stale.sort();
    stale
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> String {
    format!("failed to {verb} `{}`: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_what_the_tables_say() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs");
        if let Err(error) = check(&folder) {
            panic!("{error}\n`cargo xtask docs` writes them anew");
        }
    }
}
