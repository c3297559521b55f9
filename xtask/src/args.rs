//! What follows a command: options that are known, plain words, and what comes after `--`.

use crate::failure::Failure;

/// The words after a command, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    options: Vec<(String, String)>,
    /// Words that are no options.
    pub(crate) words: Vec<String>,
    /// What follows `--`, as it is.
    pub(crate) rest: Vec<String>,
}

impl Args {
    /// Sorts words; an option of `known` that ends in `=` takes a value, `--key=value` or `--key value`.
    pub(crate) fn parse(typed: Vec<String>, known: &[&str]) -> Result<Self, Failure> {
        let mut args = Self::default();
        let mut typed = typed.into_iter();
        while let Some(word) = typed.next() {
            if word == "--" {
                args.rest = typed.collect();
                break;
            }
            if !word.starts_with('-') {
                args.words.push(word);
                continue;
            }
            let (name, given) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word.clone(), None),
            };
            let takes_value = known.iter().any(|option| option.strip_suffix('=') == Some(&name));
            let value = match (takes_value, given) {
                (true, Some(value)) => value,
                (true, None) => typed
                    .next()
                    .ok_or_else(|| Failure::usage(format!("option `{name}` needs a value")))?,
                (false, None) if known.contains(&name.as_str()) => String::new(),
                (false, Some(_)) if known.contains(&name.as_str()) => {
                    return Err(Failure::usage(format!("option `{name}` takes no value")));
                }
                (false, _) => return Err(unknown(&name, known)),
            };
            args.options.push((name, value));
        }
        Ok(args)
    }

    /// Whether this option was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(known, _)| known == name)
    }

    /// Every value of this option, in the order in which they were given.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.options
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The last value of this option, if it is one of `choices`.
    pub(crate) fn choice<'a>(
        &'a self,
        name: &str,
        choices: &[&'a str],
    ) -> Result<Option<&'a str>, Failure> {
        match self.all(name).last() {
            Some(value) if !choices.contains(value) => {
                Err(Failure::usage(format!("option `{name}` does not take `{value}`"))
                    .hint(format!("it takes {}", choices.join(" or "))))
            }
            value => Ok(value.copied()),
        }
    }

    /// Refuses words where none are expected.
    pub(crate) fn no_words(&self) -> Result<(), Failure> {
        match self.words.iter().chain(&self.rest).next() {
            Some(word) => Err(Failure::usage(format!("`{word}` is not expected here"))),
            None => Ok(()),
        }
    }
}

fn unknown(name: &str, known: &[&str]) -> Failure {
    let failure = Failure::usage(format!("there is no option `{name}`"));
    if known.is_empty() {
        return failure.hint("this command has no options");
    }
    let names: Vec<&str> = known.iter().map(|option| option.trim_end_matches('=')).collect();
    failure.hint(format!("known options: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(typed: &str, known: &[&str]) -> Result<Args, String> {
        Args::parse(typed.split_whitespace().map(str::to_owned).collect(), known)
            .map_err(|failure| failure.error)
    }

    #[test]
    fn options_take_their_value_with_or_without_a_sign() {
        let args = parse("--only fmt --only=doc word", &["--only="]).unwrap();
        assert_eq!(args.all("--only"), ["fmt", "doc"]);
        assert_eq!(args.words, ["word"]);
    }

    #[test]
    fn what_follows_two_dashes_is_left_alone() {
        let args = parse("ingest -- --only x", &[]).unwrap();
        assert_eq!(
            (args.words, args.rest),
            (vec!["ingest".into()], vec!["--only".into(), "x".into()])
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(parse("--onyl x", &["--only="]).unwrap_err(), "there is no option `--onyl`");
        assert_eq!(parse("--exit=1", &["--exit"]).unwrap_err(), "option `--exit` takes no value");
        assert_eq!(parse("--only", &["--only="]).unwrap_err(), "option `--only` needs a value");
    }
}
