//! Tokens: those that OpenSSL signed pass, and nothing else does. The private keys are gone.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::Moment;
use proptest::prelude::*;
use ring::hmac;
use traffic::token::{NoKey, Signing, TokenKey, TokenPlace, Tokens};

const RSA: &str = include_str!("token/rsa.pem");
const RSA_BARE: &str = include_str!("token/rsa1.pem");
const CURVE: &str = include_str!("token/ec.pem");
const BY_RSA: &str = include_str!("token/rs.jwt");
const BY_CURVE: &str = include_str!("token/es.jwt");
const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

/// Between the tokens' `nbf` and `exp`.
fn now() -> Moment {
    Moment::default() + Duration::from_secs(1_790_000_000)
}

fn tokens(keys: Vec<TokenKey>) -> Tokens {
    let place = TokenPlace::Authorization;
    Tokens { keys, place, issuer: None, audience: None, leeway: Duration::from_secs(30) }
}

fn key(signing: Signing, text: &str) -> TokenKey {
    TokenKey::new(signing, None, text.as_bytes()).expect("a key")
}

fn passes(tokens: &Tokens, token: &str) -> bool {
    tokens.verified(token.trim().as_bytes(), now()).is_some()
}

/// A token with these parts, signed with the secret.
fn signed(head: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let mark = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mark))
}

fn secret() -> Tokens {
    tokens(vec![TokenKey::new(Signing::Hs256, None, SECRET).expect("a key")])
}

#[test]
fn what_another_program_signed_passes_with_its_key_alone() {
    let rsa = tokens(vec![key(Signing::Rs256, RSA)]);
    let bare = tokens(vec![key(Signing::Rs256, RSA_BARE)]);
    let curve = tokens(vec![key(Signing::Es256, CURVE)]);
    let told = [&rsa, &bare, &curve].map(|keys| (passes(keys, BY_RSA), passes(keys, BY_CURVE)));
    assert_eq!(told, [(true, false), (true, false), (false, true)]);
    let claims = rsa.verified(BY_RSA.trim().as_bytes(), now()).expect("it passes");
    let texts = ["sub", "plan", "org.plan", "nbf", "aud", "none"].map(|name| claims.text(name));
    let texts = texts.each_ref().map(Option::as_deref);
    let expected = [Some("anna"), Some("premium"), Some("free"), Some("1700000000"), None, None];
    assert_eq!(texts, expected);
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    // The classic: signed by HMAC with the text of the public key.
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(r#"{"sub":"mallory","exp":4102444800}"#)
    );
    let mark = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, RSA.as_bytes()), message.as_bytes());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mark));
    assert!(!passes(&tokens(vec![key(Signing::Rs256, RSA)]), &token));
}

#[test]
fn what_is_not_signed_as_it_should_be_does_not_pass() {
    let claims = r#"{"sub":"anna","exp":4102444800}"#;
    let good = signed(r#"{"alg":"HS256"}"#, claims);
    assert!(passes(&secret(), &good));
    for head in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        "{}",
        "",
    ] {
        assert!(!passes(&secret(), &signed(head, claims)), "{head}");
    }
    let (message, mark) = good.rsplit_once('.').expect("three parts");
    for token in [
        message.to_owned(),
        format!("{message}."),
        format!("{message}.{mark}="),
        format!("{message}.{mark}.{mark}"),
        format!("x{message}.{mark}"),
        format!("{message}{}.{mark}", "A".repeat(9_000)),
    ] {
        assert!(!passes(&secret(), &token), "{token}");
    }
}

#[test]
fn a_token_counts_in_its_time_and_place() {
    let head = r#"{"alg":"HS256"}"#;
    let strict = Tokens {
        issuer: Some("https://id.example".to_owned()),
        audience: Some("shop".to_owned()),
        ..secret()
    };
    let both = |claims: &str| {
        let token = signed(head, claims);
        (passes(&secret(), &token), passes(&strict, &token))
    };
    // 1790000000 is now; half a minute is forgiven.
    for (claims, expected) in [
        (r#"{"exp":1790000100}"#, (true, false)),
        (r#"{"exp":1789999980}"#, (true, false)),
        (r#"{"exp":1789999960}"#, (false, false)),
        (r#"{"exp":"1790000100"}"#, (false, false)),
        (r#"{"sub":"for ever"}"#, (false, false)),
        (r#"{"exp":1790000100,"nbf":1790000020}"#, (true, false)),
        (r#"{"exp":1790000100,"nbf":1790000040}"#, (false, false)),
        (r#"{"exp":1790000100,"iss":"https://id.example","aud":"shop"}"#, (true, true)),
        (r#"{"exp":1790000100,"iss":"https://id.example","aud":["a","shop"]}"#, (true, true)),
        (r#"{"exp":1790000100,"iss":"https://id.example","aud":"shops"}"#, (true, false)),
        (r#"{"exp":1790000100,"iss":"https://other.example","aud":"shop"}"#, (true, false)),
        (r#"["exp"]"#, (false, false)),
    ] {
        assert_eq!(both(claims), expected, "{claims}");
    }
}

#[test]
fn keys_are_chosen_by_their_names() {
    let named = |id: &str, text: &[u8]| {
        TokenKey::new(Signing::Hs256, Some(id.to_owned()), text).expect("a key")
    };
    let other: &[u8] = b"another secret of more than thirty-two bytes";
    let claims = r#"{"exp":4102444800}"#;
    let good = tokens(vec![named("old", other), named("new", SECRET)]);
    assert!(passes(&good, &signed(r#"{"alg":"HS256","kid":"new"}"#, claims)));
    assert!(passes(&good, &signed(r#"{"alg":"HS256"}"#, claims)));
    assert!(!passes(&good, &signed(r#"{"alg":"HS256","kid":"old"}"#, claims)));
}

#[test]
fn what_is_no_key_is_told() {
    let no = |signing, text: &[u8]| TokenKey::new(signing, None, text).err();
    assert_eq!(no(Signing::Hs256, b"too short"), Some(NoKey::Short));
    assert_eq!(no(Signing::Rs256, b"no key"), Some(NoKey::NoPem));
    assert_eq!(no(Signing::Rs256, CURVE.as_bytes()), Some(NoKey::Other));
    assert_eq!(no(Signing::Es256, RSA.as_bytes()), Some(NoKey::Other));
    assert!(!format!("{:?}", secret()).contains("secret of"));
}

proptest! {
    #[test]
    fn no_byte_of_a_token_can_be_changed(place in 0_usize..400, letter in "[A-Za-z0-9_.-]") {
        let token = BY_CURVE.trim();
        let place = place % token.len();
        let changed: String = token
            .char_indices()
            .map(|(at, known)| if at == place { letter.clone() } else { known.to_string() })
            .collect();
        let is_same = changed == token;
        // The last letter of a part has bits that mean nothing: those must be zero.
        prop_assert_eq!(passes(&tokens(vec![key(Signing::Es256, CURVE)]), &changed), is_same);
    }

    #[test]
    fn nothing_that_is_sent_panics(token in prop::collection::vec(any::<u8>(), 0..300), pem in ".{0,200}") {
        prop_assert!(secret().verified(&token, now()).is_none());
        for signing in [Signing::Rs256, Signing::Es256] {
            let text = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----");
            prop_assert!(TokenKey::new(signing, None, text.as_bytes()).is_err());
        }
    }
}
