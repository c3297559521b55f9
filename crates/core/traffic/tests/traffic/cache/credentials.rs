//! Never another user's answer: whatever keys, credentials and answers there are.

use http::{Method, StatusCode};
use proptest::prelude::*;
use traffic::cache::{
    Asker, CacheRule, Control, Cookies, Credentials, Key, Policy, Received, SetCookie, User, asker,
    key_of, policy, selecting,
};

use super::{headers, now, seconds};

#[derive(Debug, Clone)]
struct Request {
    authorization: Option<&'static str>,
    cookie: Option<&'static str>,
}

fn requests() -> impl Strategy<Value = Request> {
    let authorization = prop_oneof![Just(None), Just(Some("Bearer ann")), Just(Some("Bearer bob"))];
    let cookie = prop_oneof![
        Just(None),
        Just(Some("session=ann")),
        Just(Some("lang=en; session=ann")),
        Just(Some("lang=en; session=bob")),
        Just(Some("lang=de;session=bob;")),
        Just(Some("lang=en")),
        Just(Some("session=bob; x=1")),
        Just(Some("session=ann; session=bob")),
        Just(Some("ann")),
    ];
    (authorization, cookie).prop_map(|(authorization, cookie)| Request { authorization, cookie })
}

fn rules() -> impl Strategy<Value = CacheRule> {
    let user = prop_oneof![
        Just(None),
        Just(Some(User::Header(http::header::AUTHORIZATION))),
        Just(Some(User::Cookie("session".to_owned()))),
    ];
    let cookies = prop_oneof![
        Just(Vec::new()),
        Just(vec!["lang".to_owned()]),
        Just(vec!["lang".to_owned(), "session".to_owned()]),
    ];
    (user, cookies, prop::bool::ANY).prop_map(|(user, cookies, ttl)| CacheRule {
        user,
        cookies,
        ttl: ttl.then(|| seconds(60)),
        negative_ttl: Some(seconds(5)),
        ..CacheRule::default()
    })
}

fn lines(request: &Request) -> Vec<(&'static str, &'static str)> {
    let authorization = request.authorization.map(|value| ("authorization", value));
    authorization.into_iter().chain(request.cookie.map(|value| ("cookie", value))).collect()
}

fn known(rule: &CacheRule, request: &Request) -> (Key, Asker, Credentials) {
    let map = headers(&lines(request));
    let (asker, credentials) = asker(rule, &map);
    (key_of(rule, "r", ("http", "a", "/me"), &map, 1), asker, credentials)
}

fn stored(rule: &CacheRule, asker: Asker, said: &[(&str, &str)]) -> Option<Policy> {
    let map = headers(said);
    let received = Received {
        method: &Method::GET,
        status: StatusCode::OK,
        headers: &map,
        asked_at: now(),
        received_at: now(),
        came_at: now(),
    };
    policy(rule, asker, &Control::default(), &received).ok()
}

proptest! {
    /// Answers that say nothing, or only how long they are fresh, are never shared between users with different
    /// `Authorization`; those that say nothing are not between requests with different cookies either, whichever of them the
    /// rule names.
    #[test]
    fn nobody_gets_what_was_answered_to_somebody_else(
        rule in rules(), first in requests(), second in requests(), says in prop::bool::ANY,
    ) {
        let said: &[(&str, &str)] = if says { &[("cache-control", "max-age=60")] } else { &[("etag", "\"1\"")] };
        let (key, of_first, _) = known(&rule, &first);
        let (other, of_second, _) = known(&rule, &second);
        let Some(policy) = stored(&rule, of_first, said) else { return Ok(()) };
        let chosen = selecting(&headers(said), &headers(&lines(&first))).unwrap();
        let reused = key == other && policy.is_for(of_second) && chosen.takes(&headers(&lines(&second)));
        if reused {
            // Told so by the rule's key, one of the two tells users apart and the other means nothing.
            let by_cookie = matches!(rule.user, Some(User::Cookie(_)));
            let by_header = matches!(rule.user, Some(User::Header(_)));
            prop_assert!(first.authorization == second.authorization);
            prop_assert!(says || pairs(&first) == pairs(&second));
            prop_assert!(!by_cookie || session(&first) == session(&second));
            if rule.cookies.iter().any(|name| name == "session") {
                prop_assert!(session(&first) == session(&second));
            }
            prop_assert!(!by_header || first.authorization == second.authorization);
        }
    }

    /// Who waits for the same request has the same credentials.
    #[test]
    fn nobody_waits_for_what_is_asked_for_with_other_credentials(
        rule in rules(), first in requests(), second in requests(),
    ) {
        let (key, of_first, credentials) = known(&rule, &first);
        let (other, of_second, others) = known(&rule, &second);
        if key == other && credentials == others && of_first == of_second {
            prop_assert!(!of_first.authorization || first.authorization == second.authorization);
            prop_assert!(!of_first.cookies || first.cookie == second.cookie);
            // What the answer will say is not known yet.
            prop_assert!(pairs(&first) == pairs(&second));
        }
    }
}

/// Its cookies, in whatever order.
fn pairs(request: &Request) -> Vec<&str> {
    let pairs = request.cookie.unwrap_or_default().split(';').map(str::trim);
    let mut pairs: Vec<&str> = pairs.filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs
}

fn session(request: &Request) -> Option<&str> {
    let (_, rest) = request.cookie?.split_once("session=")?;
    rest.split(';').next()
}

#[test]
fn a_cookie_that_a_rule_names_says_nothing_about_the_others() {
    let rule = |cookies: &[&str], careful| CacheRule {
        ttl: Some(seconds(60)),
        cookies: cookies.iter().map(|name| (*name).to_owned()).collect(),
        careful,
        ..CacheRule::default()
    };
    let request = |cookie| Request { authorization: None, cookie: Some(cookie) };
    let is_kept = |rule: &CacheRule, cookie| {
        let (_, asker, _) = known(rule, &request(cookie));
        stored(rule, asker, &[("etag", "\"1\"")]).is_some()
    };
    let lang = rule(&["lang"], Cookies::Careful);
    assert!(is_kept(&lang, "lang=en"), "its key holds all that tells it apart");
    assert!(!is_kept(&lang, "lang=en; session=ann"));
    assert!(!is_kept(&lang, "lang=en; lang=de"), "nobody knows which of them counts");
    assert!(is_kept(&rule(&["lang", "session"], Cookies::Careful), "lang=en; session=ann"));
    assert!(is_kept(&rule(&["lang"], Cookies::Ignore), "lang=en; session=ann"));
    let of_user = CacheRule { user: Some(User::Cookie("session".to_owned())), ..lang };
    assert!(is_kept(&of_user, "lang=en; session=ann"));
    assert!(!is_kept(&of_user, "lang=en; session=ann; x=1"));
}

#[test]
fn a_user_is_all_that_the_header_says() {
    let rule = CacheRule { user: Some(User::Header(http::header::COOKIE)), ..CacheRule::default() };
    // As HTTP/2 sends them.
    let key = |session| {
        let lines = headers(&[("cookie", "lang=en"), ("cookie", session)]);
        key_of(&rule, "r", ("http", "a", "/me"), &lines, 1).bytes
    };
    assert_ne!(key("session=ann"), key("session=bob"));
}

#[test]
fn what_a_looser_rule_let_in_is_not_found_under_a_stricter_one() {
    let strict = CacheRule::default();
    let loose = [
        CacheRule { over: true, ..strict.clone() },
        CacheRule { shares_authorized: true, ..strict.clone() },
        CacheRule { careful: Cookies::Ignore, ..strict.clone() },
        CacheRule { set_cookie: SetCookie::Keep, ..strict.clone() },
    ];
    let key = |rule: &CacheRule| key_of(rule, "r", ("http", "a", "/me"), &headers(&[]), 1);
    let mut keys: Vec<Vec<u8>> = loose.iter().map(|rule| key(rule).bytes).collect();
    keys.push(key(&strict).bytes);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
    assert_eq!(key(&loose[0]).scheme(), Some("http"));
}
