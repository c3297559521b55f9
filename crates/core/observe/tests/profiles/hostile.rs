//! Whatever comes in: no panic, no memory beyond reason, and what each function took adds up.

use observe::{DecompressedMax, ProfileError, read_profiles};
use proptest::{prelude::*, sample::Index};

use crate::{
    kit::pprof_of,
    others::{CPU, EVENTS, PERF},
};

const MAX: DecompressedMax = DecompressedMax { bytes: 1 << 20 };

fn valid() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(include_bytes!("../data/cprofile.pstats").to_vec()),
        Just(include_bytes!("../data/profile.pstats").to_vec()),
        Just(pprof_of(&[(&[1, 2], &[3, 30]), (&[2], &[1, 10])])),
        Just(b"main;load;parse 3\nmain;load 2\n".to_vec()),
        Just(
            br#"{"shared":{"frames":[{"name":"main"},{"name":"load"}]},"profiles":[{"type":"evented","name":"t",
            "unit":"seconds","startValue":0,"endValue":3,"events":[{"type":"O","at":0,"frame":0},
            {"type":"O","at":1,"frame":1},{"type":"C","at":2,"frame":0}]}]}"#
                .to_vec()
        ),
        Just(CPU.as_bytes().to_vec()),
        Just(EVENTS.as_bytes().to_vec()),
        Just(PERF.as_bytes().to_vec()),
    ]
}

fn check(bytes: &[u8]) {
    let Ok(read) = read_profiles(bytes, MAX) else { return };
    for profile in &read.profiles {
        let mut path: Vec<usize> = Vec::new();
        for (place, node) in profile.tree.iter().enumerate() {
            assert!((node.function as usize) < profile.functions.len());
            path.truncate(node.depth as usize);
            assert_eq!(path.len(), node.depth as usize, "parents come before children");
            path.push(place);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        check(&bytes);
    }

    #[test]
    fn what_is_changed_or_cut_is_read_or_refused(
        mut bytes in valid(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..8),
        cut in any::<Index>(),
    ) {
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        check(&bytes);
        check(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn lines_of_any_text_are_read_or_refused(text in "([a-c;() :.0-9]{0,12}\n?){0,12}") {
        check(text.as_bytes());
    }
}

#[test]
fn a_tuple_that_claims_to_be_large_takes_no_memory() {
    let claims = [b"{(".as_slice(), &i32::MAX.to_le_bytes(), b"i\0\0\0\0"].concat();
    assert!(matches!(read_profiles(&claims, MAX), Err(ProfileError::Malformed { .. })));
}

#[test]
fn tuples_within_tuples_end() {
    let nested = [b"{".as_slice(), &b")\x01".repeat(100_000)].concat();
    assert!(matches!(read_profiles(&nested, MAX), Err(ProfileError::Malformed { .. })));
}

#[test]
fn a_value_that_points_at_itself_is_refused() {
    // A tuple, numbered 0, whose first value is number 0.
    let turning = b"{\xa9\x01r\0\0\0\0";
    assert!(matches!(read_profiles(turning, MAX), Err(ProfileError::Malformed { .. })));
}

#[test]
fn a_stack_of_a_million_frames_is_cut() {
    let deep = ["f;".repeat(400_000), "g 1\n".to_owned()].concat();
    let read = read_profiles(deep.as_bytes(), MAX).unwrap();
    assert!(read.profiles[0].tree.len() <= 2_000);
    assert_eq!(read.profiles[0].notes.len(), 1);
}
