//! How this machine is called where several share something.

use std::fs;

/// Its name; where it has none of its own, a few letters of its id.
pub(crate) fn name() -> String {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let name = text("/proc/sys/kernel/hostname");
    if !name.is_empty() && !name.starts_with("localhost") && !name.contains(['/', ' ']) {
        return name;
    }
    digits(&text("/etc/machine-id"))
}

/// A few letters that tell it from others, for names of files.
pub(crate) fn letters() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    digits(name.trim())
}

fn digits(text: &str) -> String {
    let digits = format!("{:016x}", sql::hash(text.as_bytes()));
    digits.chars().take(8).collect()
}
