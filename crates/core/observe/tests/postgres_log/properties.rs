//! Whatever comes, in whatever pieces: nothing panics, and the pieces do not matter.

use observe::postgres_log::{Format, Prefix, Reader, ReaderOptions};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::kit::{SPECS, records, spec, summary};

fn options(format: Format) -> ReaderOptions {
    let prefix = Prefix::parse("%m [%p] %q%u@%d ").ok();
    ReaderOptions { format: Some(format), prefix, syslog_year: Some(2_026) }
}

/// Pieces of logs, whole and broken.
fn scraps() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        "2026-11-21 16:19:00.705 CET [7] jo@shop LOG:  duration: 1.000 ms  statement: SELECT 1\n",
        "2026-11-21 16:19:00.705 CET [7] jo@shop ERROR:  division by zero\n",
        "2026-11-21 16:19:00.705 CET [7] jo@shop STATEMENT:  SELECT 1/0\n",
        "\tcontinued\n",
        "2026-11-21 16:19:00.705 CET,\"jo\",\"shop\",7,\"[local]\",6b01.4d,1,\"SELECT\",2026-11-21 16:19:00 CET,3/1,0,LOG,00000,\"duration: 1.0 ms\n statement: SELECT \"\"a\"\"\",,,,,,,,,\"app\",\"client backend\",,0\n",
        "{\"timestamp\":\"2026-11-21 16:19:00.705 CET\",\"pid\":7,\"error_severity\":\"LOG\",\"message\":\"duration: 3 ms  plan:\\n{}\"}\n",
        "Nov 21 16:19:00 box postgres[7]: [3-1] 2026-11-21 16:19:00.705 CET [7] jo@shop LOG:  statement: SELECT\n",
        "Nov 21 16:19:00 box postgres[7]: [3-2] #011FROM t\n",
        "LOG:  process 7 still waiting for ShareLock on transaction 1 after 99999999999999999999.1 ms\n",
        "LOG:  checkpoint complete: wrote 18446744073709551615 buffers (1%); write=1 s\n",
        "automatic vacuum of table \"a.b.c\": index scans: 18446744073709551615\n",
        "duration: ",
        "\"",
        ",",
        "\n",
        "\r\n",
        "\u{feff}ü",
    ]);
    let scrap = prop_oneof![
        4 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..40),
    ];
    vec(scrap, 0..30).prop_map(|scraps| scraps.concat())
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        bytes in scraps(),
        pieces in vec(1_usize..60, 1..8),
        format in select(vec![Format::Stderr, Format::Csv, Format::Json, Format::Syslog]),
    ) {
        let whole = records(&bytes, &options(format), &[usize::MAX]);
        let parts = records(&bytes, &options(format), &pieces);
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn any_bytes_are_read_and_added_up(bytes in scraps()) {
        let _summary = summary(&bytes, &ReaderOptions::default());
        for format in [Format::Stderr, Format::Csv, Format::Json, Format::Syslog] {
            let summary = summary(&bytes, &options(format));
            let written = serde_json::to_string(&summary).unwrap();
            let read: observe::postgres_log::Summary = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read.statements, summary.statements);
        }
    }

    #[test]
    fn noise_is_no_log(bytes in vec(any::<u8>(), 0..2_000)) {
        let (_, progress) = records(&bytes, &ReaderOptions::default(), &[7]);
        prop_assert_eq!(progress.bytes, bytes.len() as u64);
    }

    #[test]
    fn prefixes_are_compiled_or_refused(text in "[%a-zQLP<>@: -]{0,40}", line in "[0-9a-zA-Z:@ \\[\\]-]{0,80}") {
        if let Ok(prefix) = Prefix::parse(&text) {
            let options = ReaderOptions { prefix: Some(prefix), ..options(Format::Stderr) };
            records(line.as_bytes(), &options, &[9]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_cut_log_costs_what_was_cut(name in select(SPECS), from in 0_usize..100_000, length in 0_usize..100_000) {
        let log = spec(name);
        let from = from.min(log.len());
        let part = &log[from..(from + length).min(log.len())];
        let mut reader = Reader::new(ReaderOptions::default());
        reader.feed(&log, &mut |_| ());
        let known =
            ReaderOptions { format: reader.format(), prefix: reader.prefix().cloned(), syslog_year: None };
        let (whole, _) = records(&log, &known, &[usize::MAX]);
        let (told, progress) = records(part, &known, &[4_096]);
        // The first entry may have lost its start, the last one its end; all between are as they were.
        let inner = told.get(1..told.len().saturating_sub(1)).unwrap_or_default();
        let known = inner.iter().filter(|record| whole.contains(record)).count();
        prop_assert!(inner.len() <= known + 2, "{} of {} are known; {:?}", known, inner.len(), progress);
    }
}
