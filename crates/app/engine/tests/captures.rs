//! Captures in a bucket: against a server that speaks S3, checks signatures and checksums, and is away at first.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use engine::{CaptureUploads, CaptureUploadsSeen};
use objects::Access;
use testkit::objects::{KEY, SECRET, serve};
use traffic::capture::{CaptureRules, CaptureTo};

/// Far more than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

fn rules(folder: &std::path::Path, endpoint: &str) -> CaptureRules {
    let to = CaptureTo {
        bucket: "s3://captures/shop".to_owned(),
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
    };
    CaptureRules { to: Some(to), ..CaptureRules::new(folder.to_owned()) }
}

fn access(secret: &str) -> Access {
    Access { key_id: KEY.to_owned(), secret: secret.to_owned(), session_token: None }
}

fn until(
    uploads: &CaptureUploads,
    holds: impl Fn(&CaptureUploadsSeen) -> bool,
) -> CaptureUploadsSeen {
    let began = Instant::now();
    loop {
        let seen = uploads.seen();
        if holds(&seen) {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "{seen:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn whole_files_go_to_the_bucket_and_are_removed_here() {
    let (root, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(root.path().join("captures")).unwrap();
    let endpoint = serve(root.path()).unwrap();
    fs::write(own.path().join("capture-0000000000001-7.jsonl.zst"), "one").unwrap();
    fs::write(own.path().join("capture-0000000000002-7.jsonl"), "it is being written").unwrap();
    fs::write(own.path().join("pseudonyms.key"), "secret").unwrap();
    let uploads = CaptureUploads::start(&rules(own.path(), &endpoint), Some(&access(SECRET)))
        .unwrap()
        .unwrap();
    let seen = until(&uploads, |seen| seen.put == 1);
    assert_eq!((seen.put_bytes, seen.trouble), (3, None));
    // What comes later goes as well, at the latest when it ends.
    fs::write(own.path().join("capture-0000000000003-7.jsonl.zst"), "three").unwrap();
    let seen = uploads.stop();
    assert_eq!((seen.put, seen.trouble), (2, None), "the last one is counted");
    let mut there: Vec<String> = fs::read_dir(root.path().join("captures/shop"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("capture-"))
        .collect();
    there.sort();
    assert_eq!(there.len(), 2, "{there:?}");
    assert!(there[0].starts_with("capture-0000000000001-7-") && there[0].ends_with(".jsonl.zst"));
    let mut here: Vec<_> =
        fs::read_dir(own.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    here.sort();
    assert_eq!(here, ["capture-0000000000002-7.jsonl", "pseudonyms.key"]);
}

#[test]
fn what_cannot_be_put_stays_and_is_told() {
    let (root, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(root.path().join("captures")).unwrap();
    let endpoint = serve(root.path()).unwrap();
    let file = own.path().join("capture-0000000000001-7.jsonl.zst");
    fs::write(&file, "one").unwrap();
    let uploads = CaptureUploads::start(&rules(own.path(), &endpoint), Some(&access("wrong")))
        .unwrap()
        .unwrap();
    let seen = until(&uploads, |seen| seen.trouble.is_some());
    assert!(seen.trouble.unwrap().contains("check AWS_ACCESS_KEY_ID"));
    assert!(uploads.stop().trouble.is_some());
    assert_eq!(fs::read(&file).unwrap(), b"one");
}
