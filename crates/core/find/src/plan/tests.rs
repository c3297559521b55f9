//! Figures as notes have them.

use super::*;

#[test]
fn figures_are_easy_to_read() {
    assert_eq!(count(1_234_567.4), "1,234,567");
    assert_eq!(count(-1.0), "0");
    assert_eq!(kilobytes(2_560), "2.5 MB");
}
