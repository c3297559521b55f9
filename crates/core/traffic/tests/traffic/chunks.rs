//! Where chunked bodies end, and what is none.

use proptest::prelude::*;
use traffic::chunks::Chunks;

/// How many bytes belong to the body, if it is one and ends.
fn read(bytes: &[u8]) -> Option<usize> {
    let mut chunks = Chunks::default();
    let count = chunks.read(bytes).ok()?;
    chunks.is_done().then_some(count)
}

#[test]
fn a_body_ends_with_the_last_chunk_and_its_trailers() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "00A\r\n0123456789\r\n0\r\n\r\n",
        "1;name=value\r\nx\r\n0 ; last\r\n\r\n",
        "0\r\nx-sum: 7\r\nx-empty:\r\n\r\n",
    ] {
        let more = format!("{body}GET / HTTP/1.1\r\n");
        assert_eq!(read(more.as_bytes()), Some(body.len()), "{body:?}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for body in [
        "\r\n",
        ";x\r\n",
        "x\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        "1\nx\r\n0\r\n\r\n",
        "1\r\nx\n0\r\n\r\n",
        "1;\nx\r\n0\r\n\r\n",
        "1;a\rb\r\nx\r\n0\r\n\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "12345678123456781\r\n",
        "0\r\n folded: 1\r\n\r\n",
        "0\r\nname : 1\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\nx: a\0b\r\n\r\n",
        "0\r\nx: 1\n\r\n",
        "0\r\n\n",
    ] {
        assert!(Chunks::default().read(body.as_bytes()).is_err(), "{body:?}");
    }
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let long = "x".repeat(20_000);
    for body in [
        format!("1;{long}\r\nx\r\n"),
        format!("0\r\nx: {long}\r\n\r\n"),
        "1;a\r\nx\r\n".repeat(9_000),
    ] {
        assert!(Chunks::default().read(body.as_bytes()).is_err());
    }
    let large = format!("{:x}\r\n{}\r\n0\r\n\r\n", 100_000, "x".repeat(100_000));
    assert_eq!(read(large.as_bytes()), Some(large.len()));
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_bytes_arrive(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5),
        steps in prop::collection::vec(1_usize..9, 1..20),
    ) {
        let mut body = Vec::new();
        for part in &parts {
            body.extend(format!("{:X}\r\n", part.len()).into_bytes());
            body.extend(part);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\nx: y\r\n\r\n");
        let length = body.len();
        body.extend(b"next");
        let (mut chunks, mut place, mut turn) = (Chunks::default(), 0, 0);
        while !chunks.is_done() {
            let end = (place + steps[turn % steps.len()]).min(body.len());
            turn += 1;
            place += chunks.read(&body[place..end]).expect("chunks");
        }
        prop_assert_eq!(place, length);
    }

    #[test]
    fn no_bytes_make_it_stumble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut chunks = Chunks::default();
        if let Ok(count) = chunks.read(&bytes) {
            prop_assert!(count == bytes.len() || chunks.is_done());
        }
    }
}
