//! What is wrong with each endpoint of the proving ground: `expected.toml`, as far as it names faults.

use std::{collections::BTreeMap, fs, io};

use toml::{Table, Value};

use crate::recordings::root;

/// Faults of one version of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Those that have to be found.
    pub must: Vec<String>,
    /// Those that are true as well: found or not, both are right.
    pub may: Vec<String>,
}

impl Expected {
    /// Whether this fault is there.
    #[must_use]
    pub fn is_true(&self, fault: &str) -> bool {
        self.must.iter().chain(&self.may).any(|known| known == fault)
    }
}

/// Expectations by endpoint, for the faulty version and for the fixed one.
///
/// # Errors
///
/// The file cannot be read, or is no TOML.
pub fn read() -> io::Result<BTreeMap<String, [Expected; 2]>> {
    let text = fs::read_to_string(root().join("proving-ground/expected.toml"))?;
    let file: Table = text.parse().map_err(io::Error::other)?;
    let table = |name: &str| file.get(name).and_then(Value::as_table).into_iter().flatten();
    let faulty = table("endpoint").map(|(name, endpoint)| {
        let fixed = endpoint.get("fixed").map(expected).unwrap_or_default();
        (name.clone(), [expected(endpoint), fixed])
    });
    let healthy = table("healthy").map(|(name, _)| (name.clone(), <[Expected; 2]>::default()));
    Ok(faulty.chain(healthy).collect())
}

fn expected(endpoint: &Value) -> Expected {
    let must = endpoint.get("must").and_then(Value::as_array).into_iter().flatten();
    let may = endpoint.get("may").and_then(Value::as_table).into_iter().flatten();
    Expected {
        must: must.filter_map(Value::as_str).map(str::to_owned).collect(),
        may: may.map(|(name, _)| name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_has_its_expectation() {
        let expected = read().unwrap();
        let recordings = crate::recordings::all().unwrap();
        assert!(20 < recordings.len());
        for recording in recordings {
            assert!(expected.contains_key(&recording.endpoint), "{}", recording.endpoint);
        }
        let [faulty, fixed] = &expected["orders"];
        assert_eq!(faulty.must, ["n-plus-one"]);
        assert!(
            faulty.is_true("long-tail") && fixed.must.is_empty() && !fixed.is_true("long-tail")
        );
    }
}
