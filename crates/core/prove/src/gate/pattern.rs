//! Names with `*` for anything: `GET /api/*`.

/// A name in which each `*` stands for any letters, none among them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether a name is one of those. Takes time by the product of both lengths at most.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut place) = (0, 0);
        // Where the last `*` stands, and how much of the name it stands for.
        let mut star: Option<(usize, usize)> = None;
        while place < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, place));
                    at += 1;
                }
                Some(letter) if Some(letter) == name.get(place) => {
                    at += 1;
                    place += 1;
                }
                _ => {
                    let Some((from, taken)) = star else { return false };
                    star = Some((from, taken + 1));
                    at = from + 1;
                    place = taken + 1;
                }
            }
        }
        pattern.iter().skip(at).all(|letter| *letter == b'*')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Pattern(pattern.to_owned()).fits(name)
    }

    #[test]
    fn a_star_is_anything() {
        assert!(fits("GET /api/*", "GET /api/orders/"));
        assert!(fits("*", "") && fits("**", "x") && fits("", ""));
        assert!(fits("* /api/*/lines", "GET /api/orders/{id}/lines"));
        assert!(fits("a*b*c", "axbxbxc"));
        assert!(!fits("GET /api/*", "POST /api/orders/"));
        assert!(!fits("a*b", "abc") && !fits("", "a") && !fits("abc", "ab"));
    }

    proptest! {
        #[test]
        fn what_a_star_replaces_does_not_matter(start in "[a-c]{0,4}", end in "[a-c]{0,4}", within in "[a-c*]{0,6}") {
            let pattern = format!("{start}*{end}");
            let name = format!("{start}{within}{end}");
            prop_assert!(fits(&pattern, &name));
        }

        #[test]
        fn a_name_without_stars_fits_itself_alone(one in "[a-c]{0,4}", other in "[a-c]{0,4}") {
            prop_assert_eq!(fits(&one, &other), one == other);
        }
    }
}
