//! Against a server that speaks S3, checks signatures and checksums, and keeps objects in a folder.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use objects::{Access, Bucket, ObjectsError};
use testkit::objects::{KEY, SECRET, serve};

/// The bucket of the server, with that secret.
fn bucket(endpoint: &str, address: &str, secret: &str) -> Bucket {
    let access = Access { key_id: KEY.to_owned(), secret: secret.to_owned(), session_token: None };
    Bucket::new(address.parse().unwrap(), endpoint, "us-east-1", Some(&access)).unwrap()
}

fn code(error: &ObjectsError) -> &str {
    match error {
        ObjectsError::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_put_is_listed_got_back_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let endpoint = serve(root.path()).unwrap();
    let bucket = bucket(&endpoint, "s3://traces/shop", SECRET);
    assert_eq!(bucket.list().unwrap(), []);
    let own = tempfile::tempdir().unwrap();
    let path = own.path().join("block");
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(bucket.put("spans-000001-000004.parquet", &path).unwrap(), bytes.len() as u64);
    assert_eq!(
        fs::read(root.path().join("traces/shop/spans-000001-000004.parquet")).unwrap(),
        bytes
    );
    let listed = bucket.list().unwrap();
    let listed: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.bytes)).collect();
    assert_eq!(listed, [("spans-000001-000004.parquet", bytes.len() as u64)]);
    let back = own.path().join("back");
    bucket.get("spans-000001-000004.parquet", &back).unwrap();
    assert_eq!(fs::read(&back).unwrap(), bytes);
    bucket.remove("spans-000001-000004.parquet").unwrap();
    assert_eq!(bucket.list().unwrap(), []);
}

#[test]
fn other_folders_of_the_bucket_are_not_listed() {
    let root = tempfile::tempdir().unwrap();
    let endpoint = serve(root.path()).unwrap();
    let own = tempfile::tempdir().unwrap();
    let path = own.path().join("block");
    fs::write(&path, "rows").unwrap();
    bucket(&endpoint, "s3://traces/shop", SECRET).put("a", &path).unwrap();
    bucket(&endpoint, "s3://traces/shop2", SECRET).put("b", &path).unwrap();
    let names = |address: &str| -> Vec<String> {
        let listed = bucket(&endpoint, address, SECRET).list().unwrap();
        listed.into_iter().map(|object| object.name).collect()
    };
    assert_eq!(names("s3://traces/shop"), ["a"]);
    assert_eq!(names("s3://traces"), ["shop/a", "shop2/b"]);
}

#[test]
fn an_empty_file_is_an_object_too() {
    let root = tempfile::tempdir().unwrap();
    let endpoint = serve(root.path()).unwrap();
    let bucket = bucket(&endpoint, "s3://traces", SECRET);
    let own = tempfile::tempdir().unwrap();
    let path = own.path().join("empty");
    fs::write(&path, "").unwrap();
    assert_eq!(bucket.put("empty", &path).unwrap(), 0);
    assert_eq!(bucket.get("empty", &own.path().join("back")).unwrap(), 0);
}

#[test]
fn a_wrong_secret_a_missing_bucket_and_a_missing_object_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let endpoint = serve(root.path()).unwrap();
    let error = bucket(&endpoint, "s3://traces", "wrong").list().unwrap_err();
    assert_eq!(code(&error), "SignatureDoesNotMatch");
    assert_eq!(error.hint(), Some("check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
    let error = bucket(&endpoint, "s3://nowhere", SECRET).list().unwrap_err();
    assert_eq!((code(&error), error.hint()), ("NoSuchBucket", Some("create the bucket first")));
    let own = tempfile::tempdir().unwrap();
    let path = own.path().join("back");
    let error = bucket(&endpoint, "s3://traces", SECRET).get("gone", &path).unwrap_err();
    assert_eq!(code(&error), "NoSuchKey");
    assert_eq!(fs::read_dir(own.path()).unwrap().count(), 0, "nothing of it lies about");
}

#[test]
fn names_that_lead_elsewhere_are_refused_before_anything_is_sent() {
    let bucket = bucket("http://127.0.0.1:9", "s3://traces/shop", SECRET);
    for name in ["", "..", "../other", "a/b", "a b", "ä"] {
        let error = bucket.remove(name).unwrap_err();
        assert!(matches!(error, ObjectsError::Name { .. }), "{name}: {error}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told_with_its_address_and_without_the_signature() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let bucket = bucket(&format!("http://127.0.0.1:{port}"), "s3://traces", SECRET);
    let error = bucket.list().unwrap_err();
    let told = format!("{error} {error:?} {bucket:?}");
    assert!(matches!(error, ObjectsError::Away { .. }), "{told}");
    assert!(told.contains(&port.to_string()) && !told.contains(SECRET), "{told}");
    assert!(!told.contains("X-Amz-Signature"), "{told}");
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let list = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>";
        let busy = "<Error><Code>SlowDown</Code></Error>";
        for (status, body) in [("503 Slow Down", busy), ("200 OK", list)] {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            assert_ne!(socket.read(&mut request).unwrap(), 0);
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close");
            write!(socket, "{head}\r\n\r\n{body}").unwrap();
        }
    });
    assert_eq!(bucket(&endpoint, "s3://traces", SECRET).list().unwrap(), []);
    server.join().unwrap();
}

#[test]
fn what_is_no_answer_of_s3_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert_ne!(socket.read(&mut request).unwrap(), 0);
        write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            .unwrap();
    });
    let error = bucket(&endpoint, "s3://traces", SECRET).list().unwrap_err();
    assert!(matches!(error, ObjectsError::Unclear { .. }), "{error}");
    server.join().unwrap();
}
