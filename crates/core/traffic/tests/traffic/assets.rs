//! Assets: which names have a hash, and what browsers are told.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use proptest::prelude::*;
use traffic::assets::{Asset, is_hashed, seen, tell};

#[test]
fn names_as_bundlers_write_them_have_a_hash() {
    for path in [
        "/static/app.3f2a9c1b.js",
        "/static/main.8f3e7d21.chunk.css",
        "/assets/index-BX2k9Qz1.js",
        "/assets/index-DiwrgTda7.css",
        "/assets/logo-3f2a9c1b4d.svg",
        "/assets/application-5c9d1a2b3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f.js",
        "/_next/static/chunks/4bd1b696-182b6b13bdad92e3.js",
        "/f/3f2a9c1b4d5e6f708192a3b4c5d6e7f8.woff2",
        "/app.3f2a9c1b.js?v=2",
    ] {
        assert!(is_hashed(path), "{path}");
    }
}

#[test]
fn dates_versions_and_words_are_no_hash() {
    for path in [
        "/",
        "/app.js",
        "/jquery-3.7.1.min.js",
        "/report.20261122.json",
        "/photo-20261122.jpg",
        "/photo-Summer2024.jpg",
        "/photos/case-iPhone15Pro.png",
        "/bundle.deadbeef.js",
        "/bundle.production.js",
        "/users/3f2a9c1b",
        "/users/3f2a9c1b.html",
        "/3f2a9c1b/app.js",
        "/app.3f2a.js",
        "/.3f2a9c1b",
        "/a?x=app.3f2a9c1b.js",
        "/avatars/550e8400-e29b-41d4-a716-4466554400ab.png",
        "/avatars/user-550e8400-e29b-41d4-a716-4466554400ab.png",
        "/users/507f1f77bcf86cd799439011.json",
    ] {
        assert!(!is_hashed(path), "{path}");
    }
}

fn told(path: &str, lines: &[(&'static str, &'static str)]) -> (Option<Asset>, Option<String>) {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_static(value));
    }
    let asset = tell(&Method::GET, path, StatusCode::OK, &mut headers);
    let value = headers.get(header::CACHE_CONTROL);
    (asset, value.map(|value| value.to_str().expect("as the test has it").to_owned()))
}

#[test]
fn a_hashed_name_is_kept_for_good_and_any_other_is_asked_about() {
    let forever = Some("max-age=31536000, immutable".to_owned());
    assert_eq!(told("/app.3f2a9c1b.js", &[]), (Some(Asset::Immutable), forever.clone()));
    assert_eq!(
        told("/app.3f2a9c1b.js", &[("cache-control", "no-cache")]),
        (Some(Asset::Immutable), forever)
    );
    let asked = Some("no-cache".to_owned());
    assert_eq!(told("/app.js", &[("etag", "\"a\"")]), (Some(Asset::Revalidated), asked.clone()));
    assert_eq!(told("/app.js", &[]), (Some(Asset::Cold), asked));
}

#[test]
fn what_an_answer_says_itself_counts() {
    let hour = ("cache-control", "public, max-age=3600");
    assert_eq!(told("/app.js", &[hour]), (Some(Asset::Told), Some(hour.1.to_owned())));
    let secret = ("cache-control", "no-store");
    assert_eq!(
        told("/app.3f2a9c1b.js", &[secret]),
        (Some(Asset::Forbidden), Some("no-store".to_owned()))
    );
    assert_eq!(told("/app.3f2a9c1b.js", &[("set-cookie", "a=1")]), (None, None));
}

#[test]
fn what_browsers_alone_may_keep_is_left_alone_and_not_cold_for_that() {
    let mine = ("cache-control", "private, max-age=60");
    assert_eq!(told("/app.js", &[mine]), (Some(Asset::Told), Some(mine.1.to_owned())));
}

#[test]
fn what_answers_say_is_seen_as_it_is() {
    let etag = ("etag", "\"a\"");
    let says = |value| ("cache-control", value);
    for (path, lines, expected) in [
        ("/app.css", vec![], Some(Asset::Cold)),
        ("/app.css", vec![etag], Some(Asset::Revalidated)),
        ("/app.css?v=2", vec![("last-modified", "x")], Some(Asset::Revalidated)),
        ("/app.css", vec![says("max-age=60")], Some(Asset::Told)),
        ("/app.css", vec![says("max-age=0")], Some(Asset::Cold)),
        ("/app.css", vec![says("no-cache, max-age=60")], Some(Asset::Cold)),
        ("/app.css", vec![says("max-age=0, must-revalidate"), etag], Some(Asset::Told)),
        ("/app.css", vec![says("no-cache, no-store"), etag], Some(Asset::Forbidden)),
        ("/app.3f2a9c1b.css", vec![etag], Some(Asset::Unmarked)),
        ("/app.3f2a9c1b.css", vec![says("no-cache"), etag], Some(Asset::Unmarked)),
        ("/app.3f2a9c1b.css", vec![], Some(Asset::UnmarkedCold)),
        ("/app.3f2a9c1b.css", vec![says("max-age=60")], Some(Asset::Told)),
        ("/app.3f2a9c1b.css", vec![says("max-age=60, immutable")], Some(Asset::Immutable)),
        ("/app.css", vec![("set-cookie", "a=1")], None),
        // As often an answer of the application as a file.
        ("/data.json", vec![], None),
        ("/api/trending", vec![], None),
    ] {
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().copied() {
            headers.append(name, HeaderValue::from_static(value));
        }
        let found = seen(&Method::GET, path, StatusCode::OK, &headers);
        assert_eq!(found, expected, "{path} {lines:?}");
    }
    let again = seen(&Method::GET, "/a.css", StatusCode::NOT_MODIFIED, &HeaderMap::new());
    assert_eq!(again, Some(Asset::Revalidated), "it was asked about");
    assert_eq!(seen(&Method::POST, "/a.css", StatusCode::OK, &HeaderMap::new()), None);
    assert_eq!(seen(&Method::GET, "/a.css", StatusCode::NOT_FOUND, &HeaderMap::new()), None);
}

proptest! {
    #[test]
    fn what_is_told_is_then_seen(
        path in prop::sample::select(vec!["/a.css", "/a.3f2a9c1b.css"]),
        says in prop::sample::select(vec!["", "no-cache", "max-age=60", "max-age=0", "private", "no-store"]),
        asked in any::<bool>(),
    ) {
        let mut headers = HeaderMap::new();
        if !says.is_empty() {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(says));
        }
        if asked {
            headers.insert(header::ETAG, HeaderValue::from_static("\"a\""));
        }
        let told = tell(&Method::GET, path, StatusCode::OK, &mut headers);
        let seen = seen(&Method::GET, path, StatusCode::OK, &headers);
        // Only what is told to be private, or to be asked about, is seen as less than it was.
        let same = told == seen || says == "private" || told == Some(Asset::Revalidated);
        prop_assert!(same, "{told:?} {seen:?} {headers:?}");
        prop_assert!(seen != Some(Asset::Unmarked) || says == "private");
    }

    #[test]
    fn the_names_of_a_bundler_that_hashes_in_hex_are_kept(
        name in "[a-z]{1,12}", hash in "[0-9a-f]{8,40}", dot in any::<bool>(),
    ) {
        let mixed = hash.bytes().any(|byte| byte.is_ascii_digit())
            && hash.bytes().any(|byte| byte.is_ascii_alphabetic());
        let path = if dot { format!("/{name}.{hash}.js") } else { format!("/{name}-{hash}.js") };
        prop_assert_eq!(is_hashed(&path), mixed, "{}", path);
    }

    #[test]
    fn no_name_of_words_is_kept_for_good(words in prop::collection::vec("[a-z]{1,10}[0-9]{0,4}", 1..5)) {
        let path = format!("/{}.css", words.join("-"));
        let hex = words.iter().any(|word| 8 <= word.len() && word.bytes().all(|b| b.is_ascii_hexdigit()));
        prop_assert!(hex || !is_hashed(&path), "{}", path);
    }

    #[test]
    fn any_path_is_read(path in any::<String>()) {
        let _either = is_hashed(&path);
    }
}
