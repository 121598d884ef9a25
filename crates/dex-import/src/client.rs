//! One client of a dex configuration: what it contains, or why it cannot be imported.

use std::collections::{BTreeMap, BTreeSet};

use edgemint_issuer::ClientId;

use super::document::{Node, Value};
use super::fields::Fields;
use super::placeholder::{self, Notation};
use crate::hashing::Secret;
use edgemint_printable::shell;

/// What reading a file needs from its caller.
pub struct Asked<'a> {
    /// The path of the file as you typed it, for suggested commands.
    pub file: &'a str,
    /// Looks up an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The clients whose values are taken literally, even if they look like placeholders.
    pub literal: &'a [ClientId],
}

/// A client that can be imported.
pub struct DexClient {
    /// The position of the client in the file, from 1.
    pub entry: usize,
    /// Its ID.
    pub id: ClientId,
    /// The variable that its ID came from. The value must not be shown, because the file may name any variable.
    pub id_env: Option<String>,
    /// `name`.
    pub name: String,
    /// `secret`, if the client has one.
    pub secret: Option<Secret>,
    /// `public`.
    pub public: bool,
    /// `clientCredentialsClaims.groups`.
    pub groups: Vec<String>,
    /// `trustedPeers`.
    pub trusted_peers: Vec<ClientId>,
    /// The warnings about the client, one sentence each.
    pub warnings: Vec<String>,
}

/// A client that cannot be imported, and the reason. Contains nothing of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The position of the client in the file, from 1.
    pub entry: usize,
    /// Its ID, if it has one.
    pub id: Option<String>,
    /// The variable that its ID came from, or should come from. If set, the ID must not be shown.
    pub id_env: Option<String>,
    /// The reason, in a sentence.
    pub reason: String,
}

/// Reads one client.
pub(super) fn client(
    entry: usize,
    node: &Node,
    asked: &Asked<'_>,
    unused: &mut BTreeSet<String>,
) -> Result<DexClient, Refused> {
    let mut fields = Fields::default();
    let read = match &node.value {
        Value::Map(pairs) => fields.read(pairs, unused),
        Value::Foreign(why) => Err(format!("it {why}")),
        Value::List(_) | Value::Text(_) | Value::Plain(_) => {
            Err("it is not a map with fields such as `id`".to_owned())
        }
    };
    let id_env = fields.id_env.clone().filter(|_| fields.id.is_none());
    let id = fields.id.clone().or_else(|| (asked.variable)(id_env.as_deref()?));
    read.and_then(|()| resolve(entry, fields, asked)).map_err(|reason| Refused { entry, id, id_env, reason })
}

/// Applies dex's rules (`cmd/dex/serve.go`): the ID and the secret each come from the file or from the environment, but
/// not from both.
fn resolve(entry: usize, fields: Fields, asked: &Asked<'_>) -> Result<DexClient, String> {
    let (id, id_env) = match (fields.id, fields.id_env) {
        (Some(_), Some(_)) => return Err(both("id")),
        (Some(id), None) => (id, None),
        (None, Some(name)) => {
            let id = (asked.variable)(&name);
            let unset = || format!("its `idEnv` names the environment variable {name}, which is not set");
            (id.ok_or_else(unset)?, Some(name))
        }
        (None, None) => return Err("it has neither `id` nor `idEnv`".to_owned()),
    };
    let id = ClientId::parse(&id).map_err(|error| format!("its `id` cannot be used: {error}"))?;
    let mut warnings = Vec::new();
    let (secret, secret_env, why_none) = match (fields.secret, fields.secret_env) {
        // A public client does not use a secret, so a missing one causes no warning.
        _ if fields.public => (None, None, String::new()),
        (Some(_), Some(_)) => return Err(both("secret")),
        (secret, None) => (secret, None, "it has no secret and is not public".to_owned()),
        (None, Some(name)) => {
            let why = format!("its `secretEnv` names the environment variable {name}, which is not set");
            ((asked.variable)(&name), Some(name), why)
        }
    };
    let is_literal = asked.literal.contains(&id);
    if !is_literal {
        // The argument that names the client on the command line.
        let literal = if id_env.is_some() { "ID".to_owned() } else { shell::word(id.as_str()) };
        if let Some(notation) = placeholder::reference(id.as_str()) {
            return Err(unfilled("id", id_env.as_deref(), notation, &literal));
        }
        if let Some(notation) = secret.as_deref().and_then(placeholder::of) {
            return Err(unfilled("secret", secret_env.as_deref(), notation, &literal));
        }
        let others = [
            ("name", fields.name.as_slice()),
            ("groups", &fields.groups),
            ("trustedPeers", &fields.trusted_peers),
        ];
        for (field, texts) in others {
            warnings.extend(
                texts
                    .iter()
                    .find_map(|text| placeholder::reference(text))
                    .map(|notation| format!("its `{field}` looks like {}", like(notation))),
            );
        }
    }
    let name = fields.name.unwrap_or_else(|| {
        warnings.push("it has no `name`, which dex requires; its ID is used instead".to_owned());
        id.as_str().to_owned()
    });
    match &secret {
        None if !fields.public => {
            warnings.push(format!("{why_none}; it is imported without a secret and cannot get a token"));
        }
        None => {}
        Some(secret) => warnings.extend(odd_characters(secret, secret_env.as_deref())),
    }
    let mut trusted_peers = Vec::new();
    for peer in fields.trusted_peers {
        match ClientId::parse(&peer) {
            Ok(peer) => trusted_peers.push(peer),
            Err(error) => {
                warnings.push(format!("its trusted peer {peer:?} is left out: {error}"));
            }
        }
    }
    let (public, groups) = (fields.public, fields.groups);
    Ok(DexClient {
        entry,
        id,
        id_env,
        name,
        secret: secret.map(Secret::new),
        public,
        groups,
        trusted_peers,
        warnings,
    })
}

fn both(field: &str) -> String {
    format!("it has both `{field}` and `{field}Env`; dex allows only one of them")
}

fn like(notation: &Notation) -> String {
    match notation.tools {
        Some(tools) => format!("a placeholder (`{}`) that {tools} did not fill in", notation.form),
        None => format!("an example (such as `{}`) that was not replaced", notation.form),
    }
}

/// The error for a placeholder, with what to do. Does not contain the value, which may be the secret after all.
fn unfilled(field: &str, variable: Option<&str>, notation: &Notation, id: &str) -> String {
    let like = like(notation);
    let (what, instead) = match variable {
        Some(name) => {
            (format!("the value of {name} (`{field}Env`)"), "Set the variable to the real value".to_owned())
        }
        None => {
            let write = match notation.tools {
                Some(_) => "Let the tool fill it in and import the result",
                None => "Write the real value there",
            };
            (format!("its `{field}`"), format!("{write}, or name an environment variable with `{field}Env`"))
        }
    };
    format!(
        "cannot use {what}: it looks like {like}. {instead}. If the value is correct, pass `--allow-literal {id}`"
    )
}

/// The warning about unusual characters in a secret, which services hardly ever send. RFC 6749 (Appendix A.2) allows
/// only printable characters.
fn odd_characters(secret: &str, variable: Option<&str>) -> Option<String> {
    let what = match variable {
        None => "its `secret`".to_owned(),
        Some(name) => format!("the value of {name} (`secretEnv`)"),
    };
    if secret.ends_with(['\n', '\r']) {
        let instead = match variable {
            None => "After `secret:`, write `|-` instead of `|`",
            Some(_) => "Set the variable without it",
        };
        Some(format!("{what} ends with a line break, which services seldom send. {instead}"))
    } else if secret.contains(char::is_control) {
        Some(format!(
            "{what} has a control character, such as a line break or a tab, which services seldom send"
        ))
    } else if secret.trim().len() < secret.len() {
        Some(format!("{what} begins or ends with a space, which services seldom send"))
    } else {
        None
    }
}

/// Rejects every entry whose ID also occurs in another entry. dex takes the last of them, but we cannot know which one
/// is meant.
pub fn refuse_repeated<T, I: ToString>(
    entries: &mut [Result<T, Refused>],
    id_of: fn(&T) -> &I,
    variable_of: fn(&T) -> Option<&str>,
) {
    /// The highest number of other entries in a message. Otherwise the total length would be quadratic.
    const NAMED: usize = 3;
    let id = |entry: &Result<T, Refused>| match entry {
        Ok(client) => Some(id_of(client).to_string()),
        Err(refused) => refused.id.clone(),
    };
    let mut by_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, entry) in entries.iter().enumerate() {
        if let Some(id) = id(entry) {
            by_id.entry(id).or_default().push(i + 1);
        }
    }
    for (id, all) in by_id.iter().filter(|(_, all)| all.len() > 1) {
        for entry in all {
            let Some(slot @ Ok(_)) = entries.get_mut(entry - 1) else { continue };
            let others = all.iter().filter(|n| *n != entry).take(NAMED);
            let mut others = others.map(usize::to_string).collect::<Vec<_>>().join(", ");
            if all.len() - 1 > NAMED {
                others.push_str(&format!(" and {} more", all.len() - 1 - NAMED));
            }
            let reason = format!("its `id` is also used by entry {others}; keep one of them");
            let id_env = slot.as_ref().ok().and_then(variable_of).map(str::to_owned);
            *slot = Err(Refused { entry: *entry, id: Some(id.clone()), id_env, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DexFile, FileError, read};
    use proptest::prelude::*;

    fn try_file(text: &str, literal: &[ClientId]) -> Result<DexFile, FileError> {
        read(text, &Asked { file: "dex.yaml", variable: &variable, literal })
    }

    fn file(text: &str) -> DexFile {
        try_file(text, &[]).unwrap_or_else(|error| panic!("{error}"))
    }

    fn variable(name: &str) -> Option<String> {
        let value = match name {
            "SET" => "from-env",
            "UNFILLED" => "{{ .Values.x }}",
            "LINE" => "from-env\n",
            _ => return None,
        };
        Some(value.to_owned())
    }

    /// A client as text: ID, name, whether it has a secret, public, groups, peers.
    fn said(entry: &Result<DexClient, Refused>) -> String {
        match entry {
            Ok(c) => format!(
                "{} | {} | {} | {} | {} | {}",
                c.id,
                c.name,
                c.secret.is_some(),
                c.public,
                c.groups.join(","),
                c.trusted_peers.iter().map(ClientId::as_str).collect::<Vec<_>>().join(",")
            ),
            Err(refused) => format!("{:?}: {}", refused.id, refused.reason),
        }
    }

    fn secret_is(entry: &Result<DexClient, Refused>, secret: &str) -> bool {
        let stored = Secret::new(secret.to_owned()).fast_hash();
        entry
            .as_ref()
            .is_ok_and(|client| client.secret.as_ref().is_some_and(|secret| secret.matches(&stored)))
    }

    fn refusal(client: &str) -> String {
        let file = file(&format!("- {}\n", client.replace('\n', "\n  ")));
        assert_eq!(file.entries.len(), 1);
        said(&file.entries[0])
    }

    fn error(text: &str) -> String {
        try_file(text, &[]).err().map(|error| error.to_string()).unwrap_or_default()
    }

    const WHOLE: &str = "
issuer: http://127.0.0.1:5556/dex
storage:
  type: sqlite3
  config: { file: /tmp/dex.db }
web: { http: 0.0.0.0:5556 }
connectors:
- type: mockCallback
  id: mock
  name: Example
oauth2:
  grantTypes: [client_credentials]
staticClients:
- id: example-app
  redirectURIs: ['http://127.0.0.1:5555/callback']
  postLogoutRedirectURIs: []
  name: 'Example App'
  secret: ZXhhbXBsZS1hcHAtc2VjcmV0
  logoURL: https://example.com/logo.png
  allowedConnectors: [mock]
  mfaChain: []
  ssoSharedWith: ['*']
  trustedPeers: [cli, two]
  clientCredentialsClaims:
    groups: [admins, \"01\"]
- idEnv: SET
  secretEnv: SET
  name: two
- { id: cli, name: CLI, public: true, redirectURIs: [] }
enablePasswordDB: true
";

    #[test]
    fn a_whole_configuration_is_read_and_every_unused_field_is_named_once() {
        let file = file(WHOLE);
        let clients: Vec<_> = file.entries.iter().map(said).collect();
        assert_eq!(
            clients,
            [
                "example-app | Example App | true | false | admins,01 | cli,two",
                "from-env | two | true | false |  | ",
                "cli | CLI | false | true |  | ",
            ]
        );
        assert!(secret_is(&file.entries[0], "ZXhhbXBsZS1hcHAtc2VjcmV0"));
        assert!(secret_is(&file.entries[1], "from-env"));
        assert!(file.entries.iter().flatten().all(|client| client.warnings.is_empty()));
        let unused: Vec<_> = file.unused_fields.iter().map(String::as_str).collect();
        assert_eq!(
            unused,
            [
                "allowedConnectors",
                "logoURL",
                "mfaChain",
                "postLogoutRedirectURIs",
                "redirectURIs",
                "ssoSharedWith"
            ]
        );
    }

    #[test]
    fn json_and_bare_lists_say_the_same() {
        let json = r#"{"issuer":"x","staticClients":[{"id":"a","name":"Ä \ud83d\ude00","secret":"s",
	"clientCredentialsClaims":{"groups":["g"],"more":1}}]}"#;
        let list =
            "- {id: a, name: \"Ä \u{1f600}\", secret: s, clientCredentialsClaims: {groups: [g], more: 1}}";
        let flow = "{staticClients: [{id: a, name: \"Ä \u{1f600}\", secret: s, clientCredentialsClaims: {groups: [g], more: 1}}]}";
        for text in [json, list, flow] {
            let file = file(text);
            assert_eq!(
                file.entries.iter().map(said).collect::<Vec<_>>(),
                ["a | Ä \u{1f600} | true | false | g | "]
            );
            assert_eq!(file.unused_fields.iter().collect::<Vec<_>>(), ["clientCredentialsClaims.more"]);
        }
    }

    #[test]
    fn field_names_match_whatever_their_case_as_in_go() {
        let file = file(
            "- {ID: a, Name: A, SecretENV: SET, trustedpeers: [b], CLIENTCREDENTIALSCLAIMS: {Groups: [g]}}",
        );
        assert_eq!(said(&file.entries[0]), "a | A | true | false | g | b");
        assert!(file.unused_fields.is_empty());
    }

    #[test]
    fn anchors_and_merge_keys_work_and_the_client_itself_wins() {
        let file = file(
            "base: &base {secret: s, clientCredentialsClaims: {groups: &g [x]}}
staticClients:
- {<<: *base, id: a, name: A}
- {id: b, name: B, <<: [{secret: t, name: C}, *base]}
",
        );
        assert_eq!(said(&file.entries[0]), "a | A | true | false | x | ");
        assert_eq!(said(&file.entries[1]), "b | B | true | false | x | ");
        assert!(secret_is(&file.entries[0], "s") && secret_is(&file.entries[1], "t"));
    }

    #[test]
    fn a_client_that_cannot_be_taken_is_named_with_the_reason() {
        for (client, reason) in [
            ("nonsense", "None: it is not a map with fields such as `id`"),
            ("", "None: it is not a map with fields such as `id`"),
            ("[a]", "None: it is not a map with fields such as `id`"),
            ("name: A", "None: it has neither `id` nor `idEnv`"),
            ("{id: '', name: A}", "None: it has neither `id` nor `idEnv`"),
            (
                "{id: é, name: A}",
                "Some(\"é\"): its `id` cannot be used: a client ID is 1 to 256 characters of printable ASCII",
            ),
            ("{idEnv: GONE}", "None: its `idEnv` names the environment variable GONE, which is not set"),
            ("{id: a, idEnv: SET}", "Some(\"a\"): it has both `id` and `idEnv`; dex allows only one of them"),
            (
                "{id: a, secret: s, secretEnv: SET}",
                "Some(\"a\"): it has both `secret` and `secretEnv`; dex allows only one of them",
            ),
            ("{id: a, secret: s, secret: t}", "Some(\"a\"): `secret` occurs twice"),
            ("{id: a, secret: s, Secret: t}", "Some(\"a\"): `Secret` occurs twice"),
            ("{id: a, redirectURIs: [], redirectURIs: []}", "Some(\"a\"): `redirectURIs` occurs twice"),
            ("{id: a, secret: [s]}", "Some(\"a\"): `secret` must be a string, not a list (line 1)"),
            ("{id: a, name: {b: c}}", "Some(\"a\"): `name` must be a string, not a map (line 1)"),
            (
                "{id: a, public: 'true'}",
                "Some(\"a\"): `public` must be true or false, without quotes (line 1)",
            ),
            ("{id: a, public: maybe}", "Some(\"a\"): `public` must be true or false (line 1)"),
            ("{id: a, trustedPeers: b}", "Some(\"a\"): `trustedPeers` must be a list of strings (line 1)"),
            (
                "{id: a, trustedPeers: [b, [c]]}",
                "Some(\"a\"): `trustedPeers` has an item 2 that must be a string, not a list (line 1)",
            ),
            (
                "{id: a, clientCredentialsClaims: [g]}",
                "Some(\"a\"): `clientCredentialsClaims` must be a map with `groups`",
            ),
            (
                "{id: a, clientCredentialsClaims: {groups: g}}",
                "Some(\"a\"): `clientCredentialsClaims` has `groups`, which must be a list of strings (line 1)",
            ),
            (
                "{id: a, clientCredentialsClaims: {groups: [g], Groups: []}}",
                "Some(\"a\"): `clientCredentialsClaims` has `groups` twice",
            ),
            (
                "id: a\nsecret: 0123",
                "Some(\"a\"): `secret` is a number in YAML (line 2), and dex uses its value instead of the text; write it in quotes",
            ),
            (
                "{id: a, secret: yes, public: x}",
                "Some(\"a\"): `secret` means true in YAML (line 1); write it in quotes; `public` must be true or false (line 1)",
            ),
        ] {
            assert_eq!(refusal(client), reason, "{client}");
        }
    }

    #[test]
    fn the_others_go_in_all_the_same() {
        let file = file(
            "- nonsense\n- {id: a, name: A, secret: s}\n- {id: b, secret: 1e3}\n- {id: c, name: C, secret: 123}\n",
        );
        let taken: Vec<_> =
            file.entries.iter().flatten().map(|client| (client.entry, client.id.as_str())).collect();
        assert_eq!(taken, [(2, "a"), (4, "c")]);
        assert!(secret_is(&file.entries[3], "123"), "as dex reads it");
    }

    #[test]
    fn of_clients_with_one_id_none_is_taken() {
        let file = file(
            "- {id: a, name: A, secret: s}\n- {id: b, name: B, secret: s}\n- {id: a, name: A, secret: t}\n- {id: b, secret: 1e3}\n- {id: c, name: C, secret: s}",
        );
        let reasons: Vec<_> = file.entries.iter().map(said).collect();
        assert_eq!(reasons[0], "Some(\"a\"): its `id` is also used by entry 3; keep one of them");
        assert_eq!(reasons[1], "Some(\"b\"): its `id` is also used by entry 4; keep one of them");
        assert_eq!(reasons[2], "Some(\"a\"): its `id` is also used by entry 1; keep one of them");
        assert_eq!(file.entries.iter().flatten().count(), 1);
    }

    #[test]
    fn what_is_taken_with_reservations_says_so() {
        for (client, warning) in [
            ("{id: a, secret: s}", "no `name`"),
            ("{id: a, name: A}", "no secret and is not public"),
            ("{id: a, name: A, secret: ''}", "no secret and is not public"),
            ("{id: a, name: A, secret: ~}", "no secret and is not public"),
            ("{id: a, name: A, secretEnv: GONE}", "the environment variable GONE, which is not set"),
            ("{id: a, name: A, secret: \"s\\n\"}", "its `secret` ends with a line break"),
            ("{id: a, name: A, secretEnv: LINE}", "the value of LINE (`secretEnv`) ends with a line break"),
            ("{id: a, name: A, secret: \"s\\ts\"}", "a control character"),
            ("{id: a, name: A, secret: ' s'}", "begins or ends with a space"),
            ("{id: a, name: '{{ .x }}', secret: s}", "its `name` looks like a placeholder (`{{ … }}`) that"),
            ("{id: a, name: A, secret: s, trustedPeers: [b, $PEER]}", "its `trustedPeers` looks like"),
            (
                "{id: a, name: A, secret: s, clientCredentialsClaims: {groups: [$GROUP]}}",
                "its `groups` looks like",
            ),
            ("{id: a, name: A, secret: s, trustedPeers: [é]}", "left out"),
        ] {
            let file = file(&format!("[{client}]"));
            let Ok(taken) = &file.entries[0] else { panic!("{client}: {}", said(&file.entries[0])) };
            assert_eq!(taken.warnings.len(), 1, "{client}");
            assert!(taken.warnings[0].contains(warning), "{client}: {}", taken.warnings[0]);
        }
    }

    #[test]
    fn a_file_that_is_none_is_told_in_a_sentence() {
        for (text, sentence) in [
            ("", "the file is empty"),
            ("# nothing\n---\n", "the file is empty"),
            ("just words", "line 1: this is neither a dex configuration nor a list of clients"),
            (
                "issuer: x\n",
                "there is no `staticClients`: this is neither a dex configuration with clients, nor a list of them",
            ),
            ("staticClients: []", "there are no clients in the file"),
            ("staticClients:\n", "there are no clients in the file"),
            ("a: b\nstaticClients: x", "line 2: `staticClients` must be a list"),
            ("staticClients: []\nstaticClients: []", "line 2: `staticClients` occurs here a second time"),
            ("{\"staticClients\": [{\"id\": \"a\",\n \"sec", "line 2: the JSON is cut off here"),
            ("{\"staticClients\": [{\"id\": \"a\" \"b\"}]}", "line 1: this is not JSON"),
            (
                "- id: a\n  secret: \"abc",
                "line 2: this is not YAML: while scanning a quoted scalar, found unexpected end of stream",
            ),
            ("- id: *gone", "line 1: this is not YAML: while parsing node, found unknown anchor"),
            ("- &a [*a]", "line 1: an alias is inside the value that it repeats"),
            ("- {<<: x, id: a}", "line 1: `<<` takes a map, or a list of maps"),
        ] {
            assert_eq!(error(text), sentence, "{text}");
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(error(&deep).contains("JSON") || error(&deep).contains("deep"), "{}", error(&deep));
        assert!(error(&"- ".repeat(5000)).contains("deep"));
    }

    #[test]
    fn a_placeholder_is_refused_by_name_with_what_to_do_and_taken_when_that_is_allowed() {
        let like = "it looks like a placeholder (`{{ … }}`) that Helm, gomplate, consul-template, Ansible or Jinja did not fill in.";
        let of_file = |field: &str| {
            format!(
                "cannot use its `{field}`: {like} Let the tool fill it in and import the result, or name an environment variable with `{field}Env`. If the value is correct, pass `--allow-literal "
            )
        };
        let of_variable = |field: &str| {
            format!(
                "cannot use the value of UNFILLED (`{field}`): {like} Set the variable to the real value. If the value is correct, pass `--allow-literal "
            )
        };
        for (client, reason) in [
            ("{id: a, name: A, secret: '{{ .x }}'}", format!("Some(\"a\"): {}a`", of_file("secret"))),
            (
                "{id: '{{ .x }}', name: A, secret: s}",
                format!("Some(\"{{{{ .x }}}}\"): {}'{{{{ .x }}}}'`", of_file("id")),
            ),
            ("{id: a, name: A, secretEnv: UNFILLED}", format!("Some(\"a\"): {}a`", of_variable("secretEnv"))),
            (
                "{idEnv: SET, name: A, secret: '{{ .x }}'}",
                format!("Some(\"from-env\"): {}ID`", of_file("secret")),
            ),
        ] {
            assert_eq!(refusal(client), reason, "{client}");
            let ids = ["a", "{{ .x }}", "from-env"].map(|id| ClientId::parse(id).expect("an ID"));
            let file = try_file(&format!("[{client}]"), &ids).unwrap_or_else(|error| panic!("{error}"));
            assert!(file.entries[0].as_ref().is_ok_and(|client| client.warnings.is_empty()), "{client}");
        }
        let other = [ClientId::parse("b").expect("an ID")];
        let file = try_file("[{id: a, name: A, secret: $X}, {id: b, name: B, secret: $X}]", &other);
        let taken = file.map(|file| file.entries.iter().map(Result::is_ok).collect::<Vec<_>>());
        assert_eq!(taken, Ok(vec![false, true]), "of the client that is named, and of no other");
        // The secret of a public client is ignored, even if it is a placeholder.
        assert!(said(&file_of("{id: a, name: A, public: true, secret: $X}")).starts_with("a |"));
    }

    fn file_of(client: &str) -> Result<DexClient, Refused> {
        file(&format!("[{client}]")).entries.remove(0)
    }

    /// Expected values follow `go-yaml` 2 and `ghodss/yaml`.
    #[test]
    fn tags_are_carried_out_as_dex_does_or_refused_by_name() {
        for (value, secret) in [
            ("!!binary aGVsbG8=", "hello"),
            ("!<tag:yaml.org,2002:binary> aGVsbG8=", "hello"),
            ("!!binary \"aGVs\\nbG8=\"", "hello"),
            ("!!str 007", "007"),
            ("!!binary aGVsbG9=", "hello"),
            ("! 007", "007"),
            ("! true", "true"),
            ("!!float 7", "7"),
            ("!!int '7'", "7"),
            ("!!int 7", "7"),
        ] {
            let client = file_of(&format!("{{id: a, name: A, secret: {value}}}"));
            assert!(secret_is(&client, secret), "{value}: {}", said(&client));
        }
        let block = file("- id: a\n  name: A\n  secret: !!binary |\n    aGVs\n    bG8=\n");
        assert!(secret_is(&block.entries[0], "hello"));
        let which = "which is for another tool and which dex ignores; write the value itself (line 1)";
        for (field, why) in [
            ("secret: !!binary hunter2", "has the tag `!!binary` and is not base64 (line 1)".to_owned()),
            (
                "secret: !!binary /////w==",
                "has the tag `!!binary` and does not decode to UTF-8 text (line 1)".to_owned(),
            ),
            ("secret: !!binary 'aGVs bG8='", "has the tag `!!binary` and is not base64 (line 1)".to_owned()),
            (
                "secret: !!int hunter2",
                "has the tag `!!int`, which does not fit its value (line 1)".to_owned(),
            ),
            (
                "secret: !!null hunter2",
                "has the tag `!!null`, which does not fit its value (line 1)".to_owned(),
            ),
            ("secret: !vault hunter2", format!("has the tag `!vault`, {which}")),
            ("secret: !Sub '${X}'", format!("has the tag `!Sub`, {which}")),
            ("secret: !env/x [a]", format!("has the tag `!env/x`, {which}")),
            ("name: !x {a: b}", format!("has the tag `!x`, {which}")),
            ("public: !x true", format!("has the tag `!x`, {which}")),
            ("trustedPeers: !x [a]", format!("has the tag `!x`, {which}")),
            ("clientCredentialsClaims: !x {groups: [a]}", format!("has the tag `!x`, {which}")),
            ("secret: !!foo hunter2", format!("has the tag `!!foo`, {which}")),
        ] {
            let name = field.split(':').next().unwrap_or_default();
            assert_eq!(refusal(&format!("{{id: a, {field}}}")), format!("Some(\"a\"): `{name}` {why}"));
        }
        assert_eq!(
            said(&file_of("!x {id: a}")),
            format!(
                "None: it has the tag `!x`, which is for another tool and which dex ignores; write the value itself"
            )
        );
        assert!(error("!x {staticClients: []}").starts_with("line 1: this has the tag `!x`"));
        assert!(
            error("staticClients: !include clients.yaml")
                .starts_with("line 1: `staticClients` has the tag `!include`")
        );
        // The tag of an unused field does not matter.
        assert!(said(&file_of("{id: a, name: A, secret: s, logoURL: !x y}")).starts_with("a |"));
    }

    #[test]
    fn a_template_that_was_not_rendered_is_called_so() {
        let unrendered = |line: usize| format!("looks like a template that was not rendered (line {line})");
        let client = "id: {{ getenv \"CLIENT_ID\" \"app\" }}\nname: {{ .Values.name }}\nsecret: {{ getenv \"S\" (random.AlphaNum 15) }}";
        assert_eq!(
            refusal(client),
            format!(
                "None: `id` {}; `name` {}; `secret` {}. Render the file first (dex's image does that with `gomplate`), and import the result",
                unrendered(1),
                unrendered(2),
                unrendered(3)
            )
        );
        for field in
            ["secret: [[ .x ]]", "public: {{ .x }}", "trustedPeers: {{ .x }}", "trustedPeers: [{{ .x }}]"]
        {
            let told = refusal(&format!("id: a\n{field}"));
            assert!(told.contains(&unrendered(2)) && told.contains("gomplate"), "{field}: {told}");
        }
        for (text, told) in [
            (
                "staticClients: {{ .Values.clients }}\n",
                "line 1: `staticClients` looks like a template that was not rendered.",
            ),
            (
                "# {{ a comment }}\n{{- if .x }}\nstaticClients: []\n{{- end }}\n",
                "(`{{` in line 2). Render the file first",
            ),
            (
                "issuer: x\nstaticClients:\n{% for c in clients %}\n- id: a\n{% endfor %}\n",
                "(`{%` in line 3)",
            ),
            ("staticClients:\n- id: a\n<% x %>\n  name: b\n", "(`<%` in line 3)"),
            ("{{ .x }}\n- id: [\n", "(`{{` in line 1)"),
        ] {
            assert!(error(text).contains(told), "{text}: {}", error(text));
        }
        // A comment does not turn an error of YAML into one of a template.
        assert!(!error("# {{ x }}\n- id: [\n").contains("template"));
    }

    #[test]
    fn a_tab_after_a_colon_is_told_in_a_sentence() {
        let told = "there is a tab after a colon, which edgemint does not read; write a space instead";
        assert_eq!(error("- id: a\n  secret:\ts\n"), format!("line 2: {told}"));
        assert_eq!(error("- {id:\ta}\n"), format!("line 1: {told}"));
    }

    /// Without the limit, each entry would name all others, which is quadratic.
    #[test]
    fn of_many_clients_with_one_id_each_names_three_others() {
        let file = file(&"- {id: a, name: A, secret: s}\n".repeat(1000));
        let reason = "its `id` is also used by entry 1, 2, 3 and 996 more; keep one of them";
        assert_eq!(said(&file.entries[999]), format!("Some(\"a\"): {reason}"));
    }

    #[test]
    fn a_value_from_the_environment_is_in_no_message() {
        let variable = |name: &str| (name != "GONE").then(|| "hunter2".to_owned());
        let whole = "
- {idEnv: A, name: A, secretEnv: B}
- {idEnv: A, name: A, secretEnv: GONE}
- {idEnv: B, secret: $X}
- {idEnv: B, public: maybe}
- {idEnv: B, id: b}
- {idEnv: GONE}
";
        for text in whole.lines().map(str::to_owned).filter(|line| !line.is_empty()).chain([whole.to_owned()])
        {
            let file = read(&text, &Asked { file: "dex.yaml", variable: &variable, literal: &[] });
            for entry in file.unwrap_or_else(|error| panic!("{error}")).entries {
                let (id_env, told) = match entry {
                    Ok(client) => (client.id_env, client.warnings.join("; ")),
                    Err(refused) => (refused.id_env, refused.reason),
                };
                assert!(!told.contains("hunter2"), "{told}");
                assert!(id_env.is_some() || told.contains("both `id` and `idEnv`"), "{told}");
            }
        }
    }

    #[test]
    fn nothing_that_is_told_shows_a_secret() {
        for text in [
            "- {id: a, secret: hunter2, secretEnv: SET}",
            "- {id: a, secret: hunter2, secret: hunter2}",
            "- {id: a, secret: [hunter2]}",
            "- {id: a, secret: 7770e3}",
            "- {id: é, secret: hunter2}",
            "- id: a\n  secret: \"hunter2\n",
            "- id: a\n  secret: hunter2: x\n",
            "{\"id\": \"a\", \"secret\": \"hunter2}",
        ] {
            let told = match try_file(text, &[]) {
                Ok(file) => file.entries.iter().map(said).collect::<String>(),
                Err(error) => error.to_string(),
            };
            assert!(!told.contains("hunter2") && !told.contains("777"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = try_file(&text, &[]);
        }

        #[test]
        fn no_yaml_makes_the_parser_panic(text in "[-:?&*!|>'\"%@`{}\\[\\], \n\t#~<a-c0-9.$\\\\]{0,120}") {
            let _ = try_file(&text, &[]);
        }

        #[test]
        fn no_client_makes_the_parser_panic(field in "(id|idEnv|name|secret|secretEnv|public|trustedPeers|clientCredentialsClaims|x)", value in "[-:&*!|>'\"{}\\[\\], ~a-c0-9.$]{0,40}") {
            let _ = try_file(&format!("staticClients:\n- id: a\n  {field}: {value}\n"), &[]);
        }

        #[test]
        fn a_configuration_that_is_cut_off_anywhere_is_read_or_refused(at in 0..WHOLE.len()) {
            let _ = try_file(&WHOLE[..at], &[]);
        }
    }
}
