//! The cases that are measured: each is a server and a request, with the name that tables and `--only` use.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::bench::process::Server;
use crate::bench::request::{Body, Request};
use crate::bench::servers::{CLIENT, Kind, Servers, WORKLOAD};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) server: Kind,
    ask: Ask,
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    /// A GET without credentials.
    Get(&'static str),
    /// A request for a token by HTTP Basic, with this scope.
    Token(&'static str),
    /// A request for a token from openauth, which takes the secret in the body and the name of a provider.
    OpenAuth,
    /// A request for a token with a wrong secret.
    Refused,
    /// A request for a token with the identity token of a workload. It may be used more than once, so one request can be
    /// repeated. An own assertion costs the same, plus its place in the replay memory.
    Assertion,
    /// A request for a token with a secret and a DPoP proof. The proof of one measurement is repeated.
    Dpop,
    /// The same with an assertion instead of the secret.
    AssertionAndDpop,
    /// A request for a token with an assertion that is refused before its signature is verified.
    AssertionRefused,
    /// An introspection of the client's own token.
    Introspection,
}

/// All cases, in the order of the table.
pub(super) const CASES: [Case; 22] = [
    Case { name: "hello-js", server: Kind::HelloJs, ask: Ask::Token("profile") },
    Case { name: "hello-rust", server: Kind::HelloRust, ask: Ask::Token("profile") },
    Case { name: "hello-rust-get", server: Kind::HelloRust, ask: Ask::Get("/") },
    Case { name: "limit", server: Kind::Limit, ask: Ask::Token("profile") },
    Case { name: "floor-memory", server: Kind::FloorMemory, ask: Ask::Token("profile") },
    Case { name: "floor-kv", server: Kind::FloorKv, ask: Ask::Token("profile") },
    Case { name: "token", server: Kind::Edgemint, ask: Ask::Token("profile") },
    Case { name: "token+id", server: Kind::Edgemint, ask: Ask::Token("openid+profile") },
    Case { name: "token-kv", server: Kind::EdgemintUncached, ask: Ask::Token("profile") },
    Case { name: "token-rfc9068", server: Kind::EdgemintRfc9068, ask: Ask::Token("profile") },
    Case { name: "refused", server: Kind::Edgemint, ask: Ask::Refused },
    Case { name: "token-assertion", server: Kind::Edgemint, ask: Ask::Assertion },
    Case { name: "token-dpop", server: Kind::Edgemint, ask: Ask::Dpop },
    Case { name: "token-assertion-dpop", server: Kind::Edgemint, ask: Ask::AssertionAndDpop },
    Case { name: "assertion-refused", server: Kind::Edgemint, ask: Ask::AssertionRefused },
    Case { name: "introspection", server: Kind::Edgemint, ask: Ask::Introspection },
    Case { name: "discovery", server: Kind::Edgemint, ask: Ask::Get("/.well-known/openid-configuration") },
    Case {
        name: "oauth-metadata",
        server: Kind::Edgemint,
        ask: Ask::Get("/.well-known/oauth-authorization-server"),
    },
    Case { name: "keys", server: Kind::Edgemint, ask: Ask::Get("/keys") },
    Case { name: "healthz", server: Kind::Edgemint, ask: Ask::Get("/healthz") },
    Case { name: "openauth", server: Kind::OpenAuth, ask: Ask::OpenAuth },
    Case { name: "oidc-provider", server: Kind::OidcProvider, ask: Ask::Token("profile") },
];

/// The cases with these names, or all.
pub(super) fn chosen(names: &[String]) -> Result<Vec<Case>> {
    if let Some(unknown) = names.iter().find(|name| CASES.iter().all(|case| case.name != **name)) {
        let known: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        bail!("there is no case {unknown}; the cases are {}", known.join(", "));
    }
    let wanted = |case: &&Case| names.is_empty() || names.iter().any(|name| name == case.name);
    Ok(CASES.iter().filter(wanted).copied().collect())
}

impl Case {
    /// The request for `server`.
    pub(super) fn request(&self, servers: &Servers, server: &Server) -> Result<Request> {
        let secret = servers.secret.expose().to_owned();
        let form = |scope: &str| Body::Form(format!("grant_type=client_credentials&scope={scope}"));
        let post = |path: &str, secret: String, body| Request {
            method: "POST",
            path: path.to_owned(),
            basic: Some((CLIENT.to_owned(), secret)),
            dpop: None,
            body,
            expected: 200,
        };
        Ok(match self.ask {
            Ask::Get(path) => Request {
                method: "GET",
                path: path.to_owned(),
                basic: None,
                dpop: None,
                body: Body::None,
                expected: 200,
            },
            Ask::Token(scope) => post("/token", secret, form(scope)),
            Ask::Refused => {
                let wrong = servers.wrong_secret.expose().to_owned();
                Request { expected: 401, ..post("/token", wrong, form("profile")) }
            }
            Ask::Assertion => {
                let form = assertion_form(WORKLOAD, &servers.identity_token()?);
                Request { basic: None, ..post("/token", String::new(), Body::Form(form)) }
            }
            Ask::Dpop => Request { dpop: Some(servers.proof()?), ..post("/token", secret, form("profile")) },
            Ask::AssertionAndDpop => {
                let form = Body::Form(assertion_form(WORKLOAD, &servers.identity_token()?));
                Request { basic: None, dpop: Some(servers.proof()?), ..post("/token", String::new(), form) }
            }
            Ask::AssertionRefused => {
                // The header is {"alg":"none"}, and there are no claims.
                let form = assertion_form(CLIENT, "eyJhbGciOiJub25lIn0.e30.");
                Request { basic: None, expected: 401, ..post("/token", String::new(), Body::Form(form)) }
            }
            Ask::OpenAuth => {
                let form = format!(
                    "grant_type=client_credentials&provider=services&client_id={CLIENT}&client_secret={secret}"
                );
                Request { basic: None, ..post("/token", String::new(), Body::Form(form)) }
            }
            Ask::Introspection => {
                let token = servers.token(server)?;
                post("/token/introspect", secret, Body::Form(format!("token={token}")))
            }
        })
    }
}

fn assertion_form(client: &str, assertion: &str) -> String {
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    format!(
        "grant_type=client_credentials&scope=profile&client_id={client}&client_assertion_type={kind}&client_assertion={assertion}"
    )
}

/// A token for one of the clients whose requests are the lines of `file`.
pub(super) fn token_of_one_of(file: PathBuf) -> Request {
    Request {
        method: "POST",
        path: "/token".into(),
        basic: None,
        dpop: None,
        body: Body::OneOf(file),
        expected: 200,
    }
}

#[cfg(test)]
mod tests {
    use super::{CASES, chosen};

    #[test]
    fn cases_are_chosen_by_name() {
        assert_eq!(chosen(&[]).expect("all").len(), CASES.len());
        let two = chosen(&["token".to_owned(), "hello-js".to_owned()]).expect("both are there");
        assert_eq!(two.iter().map(|case| case.name).collect::<Vec<_>>(), ["hello-js", "token"]);
        assert!(chosen(&["tokens".to_owned()]).expect_err("unknown").to_string().contains("hello-js"));
    }
}
