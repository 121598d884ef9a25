//! `edgemint token`: requests to the issuer, its rejections, and errors in tokens.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stand_in;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_compact::alg::{Ed25519, Es256};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{AlgorithmExt as _, Claims, Header};
use serde_json::{Value, json};
use stand_in::{Folder, Told, issuer};

#[test]
fn the_credentials_are_form_encoded_basic_and_the_answer_is_printed() {
    let url = issuer(|_, asked| {
        let basic = STANDARD.encode("a%3Ab:hunter2%3A%20100%25");
        let header = format!("authorization: basic {basic}").to_ascii_lowercase();
        let right = asked.line == "POST /token"
            && asked.head.to_ascii_lowercase().contains(&header)
            && asked.body
                == "grant_type=client_credentials&scope=openid%20groups&nonce=n%26m&resource=https%3A%2F%2Fa%2F\
                    &resource=urn%3Ab&audience=c";
        if right {
            (200, r#"{"access_token":"t","token_type":"bearer"}"#.to_owned())
        } else {
            (400, "{}".to_owned())
        }
    });
    let folder = Folder::new("");
    folder.write("secret", "hunter2: 100%\r\n");
    folder.write("marked", "\u{feff}hunter2: 100%\r\n");
    let file = "--secret-file";
    for from in [["--secret-env", "THE_SECRET"], [file, "secret"], [file, "marked"]] {
        let get =
            ["token", "get", "--client", "a:b", "--scope", "openid groups", "--nonce", "n&m", "--url", &url];
        let apis = ["--resource", "https://a/", "--resource", "urn:b", "--audience", "c"];
        let told = folder.edgemint(&[&get[..], &apis, &from].concat(), "");
        assert_eq!(told.code, Some(0), "{told:?}");
        assert_eq!(told.out, "{\"access_token\":\"t\",\"token_type\":\"bearer\"}\n");
        assert_eq!(told.err, "");
    }
}

#[test]
fn a_refusal_is_told_with_its_description_and_without_the_secret() {
    let answer = r#"{"error":"invalid_client","error_description":"Invalid client credentials."}"#;
    let url = issuer(move |_, _| (401, answer.to_owned()));
    let get = ["token", "get", "--client", "a", "--secret-env", "THE_SECRET", "--issuer", &url];
    let told = Folder::new("").edgemint(&get, "");
    assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
    assert!(
        told.err.contains("invalid_client: Invalid client credentials.") && !told.err.contains("hunter2")
    );
    let told = Folder::new("").edgemint(&[&get[..], &["--json"]].concat(), "");
    assert_eq!((told.code, told.out.trim()), (Some(1), answer));
}

#[test]
fn without_a_secret_an_issuer_or_a_network_nothing_is_sent() {
    let folder = Folder::new("[vars]\nISSUER = \"http://127.0.0.1:1\"\n");
    let get = |more: &[&str]| folder.edgemint(&[&["token", "get", "--client", "a"][..], more].concat(), "");
    assert!(get(&["--local"]).err.contains("cannot prompt for the secret"));
    assert!(get(&["--local", "--secret-env", "GONE"]).err.contains("variable GONE is not set"));
    let told = get(&["--local", "--secret-env", "THE_SECRET"]);
    assert!(told.code == Some(1) && told.err.contains("cannot reach http://127.0.0.1:1/token"), "{told:?}");
    assert_eq!(get(&["--issuer", "http://example.com"]).code, Some(2));
    assert_eq!(get(&[]).code, Some(2), "which issuer?");
}

/// The output of `edgemint token <verb>` for this response of the issuer, with this token on standard input.
fn presented(verb: &str, status: u16, answer: &'static str, more: &[&str]) -> Told {
    let line = format!("POST /token/{verb}");
    let url = issuer(move |_, asked| {
        let basic = STANDARD.encode("gateway:hunter2%3A%20100%25");
        let header = format!("authorization: basic {basic}").to_ascii_lowercase();
        let right = asked.line == line
            && asked.head.to_ascii_lowercase().contains(&header)
            && asked.body == "token=e.y%2B.x&token_type_hint=access_token";
        if right { (status, answer.to_owned()) } else { (500, "{}".to_owned()) }
    });
    let folder = Folder::new("");
    folder.write("token.txt", "\u{feff}{\"access_token\":\"e.y+.x\",\"token_type\":\"bearer\"}\n");
    let asked = ["token", verb, "--client", "gateway", "--secret-env", "THE_SECRET", "--issuer", &url];
    folder.edgemint(&[&asked[..], more].concat(), " Bearer e.y+.x\n")
}

#[test]
fn introspection_prints_the_answer_and_ends_as_the_token_is() {
    let active = r#"{"active":true,"exp":1795000000,"scope":"read"}"#;
    for more in [&[][..], &["--token-file", "token.txt"]] {
        let told = presented("introspect", 200, active, more);
        assert_eq!((told.code, told.out.trim()), (Some(0), active), "{told:?}");
        assert!(told.err.contains("The token is active until 2026-11-18 11:06:40 UTC"), "{told:?}");
    }
    let told = presented("introspect", 200, r#"{"active":false}"#, &[]);
    assert_eq!((told.code, told.out.trim()), (Some(1), r#"{"active":false}"#));
    assert!(
        told.err.contains("not active") && told.err.contains("gateway may not introspect it"),
        "{told:?}"
    );
    let told = presented("introspect", 200, r#"{"active":false}"#, &["--json"]);
    assert_eq!((told.code, told.err.as_str()), (Some(1), ""));
    let told = presented("introspect", 200, "[]", &[]);
    assert!(told.code == Some(1) && told.err.contains("not an introspection response"), "{told:?}");
}

#[test]
fn a_revocation_says_who_does_not_notice() {
    let told = presented("revoke", 200, "", &["--token-file", "token.txt"]);
    assert_eq!((told.code, told.out.as_str()), (Some(0), ""), "{told:?}");
    assert!(told.err.contains("within about 1m") && told.err.contains("offline"), "{told:?}");
    let told = presented("revoke", 200, "", &["--json"]);
    assert_eq!((told.code, told.out.trim()), (Some(0), r#"{"revoked":true}"#), "{told:?}");
}

#[test]
fn what_an_issuer_refuses_or_does_not_have_is_told_without_token_and_secret() {
    let refusal = r#"{"error":"invalid_client","error_description":"Invalid client credentials."}"#;
    for verb in ["introspect", "revoke"] {
        let told = presented(verb, 401, refusal, &[]);
        assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
        assert!(told.err.contains("invalid_client: Invalid client credentials."), "{told:?}");
        assert!(!told.err.contains("hunter2") && !told.err.contains("e.y+.x"), "{told:?}");
        let told = presented(verb, 404, "", &[]);
        assert!(told.code == Some(1) && told.err.contains("(404): the issuer is not edgemint"), "{told:?}");
        let told = Folder::new("").edgemint(
            &["token", verb, "--client", "a", "--secret-env", "THE_SECRET", "--issuer", "http://127.0.0.1:1"],
            "\n",
        );
        assert!(told.code == Some(1) && told.err.contains("the input is empty"), "{told:?}");
    }
}

/// The output of `token inspect` for a token of an issuer with these keys.
fn inspect(token: impl Fn(&str) -> String, keys: &[Value], more: &[&str]) -> Told {
    let jwks = json!({ "keys": keys }).to_string();
    let url = issuer(move |url, asked| match asked.line.as_str() {
        "GET /.well-known/openid-configuration" => {
            (200, json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string())
        }
        "GET /keys" => (200, jwks.clone()),
        _ => (404, String::new()),
    });
    let token = token(&url);
    Folder::new("").edgemint(&[&["token", "inspect", "--issuer", &url][..], more].concat(), &token)
}

fn public(key: &JsonWebKey<'_>, alg: &str) -> Value {
    let mut jwk = serde_json::to_value(key).unwrap();
    jwk["alg"] = alg.into();
    jwk["kid"] = "k".into();
    jwk
}

#[expect(clippy::disallowed_methods, reason = "the program that is tested reads the clock, too")]
fn claims(issuer: &str, expires_in: i64) -> Claims<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let exp = now.saturating_add_signed(expires_in);
    Claims::new(json!({ "iss": issuer, "aud": "billing", "sub": "s", "iat": now, "exp": exp }))
}

#[test]
fn tokens_are_verified_and_what_is_wrong_is_named() {
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let jwk = public(&JsonWebKey::from(key.verifying_key()), "ES256");
    let sign = |kid: &'static str, expires_in, issuer: &'static str| {
        let key = key.clone();
        move |url: &str| {
            let claims = claims(if issuer.is_empty() { url } else { issuer }, expires_in);
            Es256.token(&Header::empty().with_key_id(kid), &claims, &key).unwrap()
        }
    };
    let good = sign("k", 600, "");
    let told = inspect(&good, std::slice::from_ref(&jwk), &["--audience", "billing"]);
    assert!(told.code == Some(0) && told.err.contains("The token is valid"), "{told:?}");
    assert!(told.err.contains("expires: 20") && told.err.contains("(in "), "{told:?}");
    assert_eq!(serde_json::from_str::<Value>(&told.out).unwrap()["claims"]["aud"], "billing");

    // A token after `Bearer`, and a whole response of the token endpoint.
    let answer = |name: &'static str| {
        let good = good.clone();
        move |url: &str| json!({ "access_token": "x", "token_type": "bearer", name: good(url) }).to_string()
    };
    let jwks = std::slice::from_ref(&jwk);
    for told in [
        inspect(|url| format!("Bearer {}\n", good(url)), jwks, &[]),
        inspect(answer("access_token"), jwks, &[]),
        inspect(answer("id_token"), jwks, &["--id-token"]),
    ] {
        assert!(told.code == Some(0) && told.err.contains("The token is valid"), "{told:?}");
    }
    let told = inspect(answer("access_token"), jwks, &["--id-token"]);
    assert!(told.code == Some(1) && told.err.contains("the JSON has no id_token"), "{told:?}");

    let forged = |url: &str| {
        let token = good(url);
        let (input, _) = token.rsplit_once('.').unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode([1; 64]))
    };
    for (told, wrong) in [
        (inspect(sign("k", -600, ""), std::slice::from_ref(&jwk), &[]), "the token expired 10m"),
        (inspect(sign("x", 600, ""), std::slice::from_ref(&jwk), &[]), "the key x is not among the 1"),
        (
            inspect(sign("k", 600, "https://other.dev"), std::slice::from_ref(&jwk), &[]),
            "the issuer (iss) is https://other.dev, not ",
        ),
        (
            inspect(&good, std::slice::from_ref(&jwk), &["--audience", "x"]),
            "the audience (aud) is billing, not x",
        ),
        (inspect(forged, std::slice::from_ref(&jwk), &[]), "the signature does not match the key k"),
        (
            inspect(&good, &[public(&JsonWebKey::from(key.verifying_key()), "RS256")], &[]),
            "the header has the algorithm ES256, but the key is for RS256",
        ),
    ] {
        assert!(told.code == Some(1) && told.err.contains(wrong), "{wrong}: {told:?}");
    }
    let json = inspect(sign("k", -600, ""), &[jwk], &["--json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["valid"], json["wrong"].as_array().unwrap().len()), (&false.into(), 1));
}

#[test]
fn ed25519_is_verified_and_what_is_no_token_is_said() {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let jwk = public(&JsonWebKey::from(&key.verifying_key()), "EdDSA");
    let token =
        |url: &str| Ed25519.token(&Header::empty().with_key_id("k"), &claims(url, 600), &key).unwrap();
    let told = inspect(token, &[jwk], &[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let told = inspect(|_| "hunter2".to_owned(), &[], &["--json"]);
    assert!(
        told.code == Some(1)
            && told.err.contains("cannot parse the token as a JWT")
            && !told.err.contains("hunter2")
    );
}

#[test]
fn the_kind_of_a_token_is_told_and_what_it_must_have_is_asked_for() {
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let jwk = public(&JsonWebKey::from(key.verifying_key()), "ES256");
    let sign = |typ: Option<&'static str>, more: Value| {
        let key = key.clone();
        move |url: &str| {
            let mut claims = claims(url, 600);
            for (name, value) in more.as_object().unwrap() {
                claims.custom[name] = value.clone();
            }
            let header = Header::empty().with_key_id("k");
            let header = if let Some(typ) = typ { header.with_token_type(typ) } else { header };
            Es256.token(&header, &claims, &key).unwrap()
        }
    };
    let keys = std::slice::from_ref(&jwk);
    let whole = json!({ "client_id": "c", "jti": "j" });
    let told = inspect(sign(Some("at+jwt"), whole.clone()), keys, &[]);
    assert!(told.code == Some(0) && told.err.contains("kind: an access token of RFC 9068"), "{told:?}");
    let told = inspect(sign(Some("at+jwt"), json!({})), keys, &[]);
    assert!(told.code == Some(1) && told.err.contains("the claim client_id is missing"), "{told:?}");
    let told = inspect(sign(None, json!({})), keys, &[]);
    assert!(told.code == Some(0) && told.err.contains("kind: an access token or an ID token"), "{told:?}");
    let told = inspect(sign(Some("secevent+jwt"), whole), keys, &["--json"]);
    let json: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.code, &json["kind"], &json["valid"]), (Some(1), &json!("other"), &json!(false)));
}
