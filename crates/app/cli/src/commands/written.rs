//! Files that a command is asked to write. They are tried before the work that they are to keep, as who finds out after an hour has lost it; and
//! they are whole or as they were before: a disk that is full leaves no half of one.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::say::Failure;

/// A file that may have been asked for, and what is to be in it.
pub(super) type Wanted<'a> = (&'a Option<PathBuf>, &'a dyn Fn() -> String);

/// Whether they can be written; what is there stays as it is.
pub(super) fn can_be<'a>(
    paths: impl IntoIterator<Item = &'a Option<PathBuf>>,
) -> Result<(), Failure> {
    for path in paths.into_iter().flatten() {
        let seen = fs::metadata(path);
        // Opening a pipe would wait for who reads it.
        if seen.as_ref().is_ok_and(|seen| !seen.is_file() && !seen.is_dir()) {
            continue;
        }
        // A link to what is not there yet would be gone with what was made to try it.
        let is_link = fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
        let opened = match seen {
            Ok(_) => fs::File::options().append(true).open(path).map(drop),
            Err(_) if is_link => Ok(()),
            Err(_) => fs::File::create_new(path).and_then(|_file| fs::remove_file(path)),
        };
        opened.map_err(|error| unwritten(path, &error))?;
    }
    Ok(())
}

/// Writes those that were asked for, each whatever becomes of the others; the last one that could not be is the failure, the others are told.
pub(super) fn all(files: &[Wanted<'_>]) -> Result<(), Failure> {
    let mut failed: Option<Failure> = None;
    for (path, text) in files {
        let Some(path) = path else { continue };
        if let Err(failure) = one(path, &text())
            && let Some(earlier) = failed.replace(failure)
        {
            let _exit = earlier.tell();
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Writes one.
pub(super) fn one(path: &Path, text: &str) -> Result<(), Failure> {
    whole_or_not(path, text).map_err(|error| unwritten(path, &error))
}

fn whole_or_not(path: &Path, text: &str) -> io::Result<()> {
    let seen = fs::metadata(path);
    if seen.as_ref().is_ok_and(|seen| !seen.is_file()) {
        return fs::write(path, text);
    }
    // Where a link leads, so that it stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_not_there| path.to_owned());
    let mut beside = target.clone().into_os_string();
    // Two that write the same file do not write the same part.
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    // Of a process that was killed, and whose number this one has.
    if beside.exists() {
        fs::remove_file(&beside)?;
    }
    let file = match fs::File::create_new(&beside) {
        Ok(file) => file,
        // A folder that takes no new file may have one that can be written.
        Err(error) if seen.is_ok() && takes_none(&error) => return fs::write(&target, text),
        Err(error) => return Err(error),
    };
    let filled = fill(file, text).and_then(|()| match &seen {
        Ok(seen) => fs::set_permissions(&beside, seen.permissions()),
        Err(_) => Ok(()),
    });
    // What another file cannot take the place of, such as one that is mounted, may be written as it is.
    let written = filled.and_then(|()| match fs::rename(&beside, &target) {
        Err(_) if seen.is_ok() => {
            fs::write(&target, text)?;
            fs::remove_file(&beside)
        }
        renamed => renamed,
    });
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written
}

fn takes_none(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// A disk may say only now that there is no room.
fn fill(mut file: fs::File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "its folder is not there".to_owned(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "there is no room for it: make some, or name a file on another disk".to_owned()
        }
        _ => format!("`{shown}` could not be written: may it be, and is it a file?"),
    };
    Failure::of_the_world(format!("failed to write `{shown}`: {error}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_as_it_was_until_all_of_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| Some(folder.path().join(name));
        let (old, new) = (at("old.json"), at("new.json"));
        fs::write(old.as_ref().unwrap(), "before").unwrap();
        assert!(can_be([&old, &new, &None]).is_ok());
        assert_eq!(fs::read_to_string(old.as_ref().unwrap()).unwrap(), "before");
        assert!(!new.as_ref().unwrap().exists(), "trying leaves nothing behind");
        let text = || "after".to_owned();
        let nowhere = at("none/page.html");
        assert!(all(&[(&nowhere, &text), (&old, &text), (&new, &text)]).is_err());
        for path in [&old, &new] {
            assert_eq!(fs::read_to_string(path.as_ref().unwrap()).unwrap(), "after");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no parts are left");
        assert!(can_be([&nowhere]).is_err() && can_be([&Some(folder.path().to_owned())]).is_err());
    }
}
