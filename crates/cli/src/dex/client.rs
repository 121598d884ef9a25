//! The clients of a dex configuration: what each of them says, or why it cannot be taken.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use edgemint_issuer::ClientId;

use super::document::{FileError, Node, Pair, Value};
use super::{json, scalar, yaml};
use crate::hashing::Secret;

/// The clients that a file has, in order, and the fields that nothing here makes use of.
pub(crate) struct DexFile {
    pub(crate) entries: Vec<Result<DexClient, Refused>>,
    pub(crate) unused_fields: BTreeSet<String>,
}

/// A client that can be taken over.
pub(crate) struct DexClient {
    /// Which of the file's clients it is; the first is 1.
    pub(crate) entry: usize,
    pub(crate) id: ClientId,
    pub(crate) name: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) public: bool,
    pub(crate) groups: Vec<String>,
    pub(crate) trusted_peers: Vec<ClientId>,
    pub(crate) warnings: Vec<String>,
}

/// A client that cannot be taken over, and why. Says nothing of its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) entry: usize,
    /// Its ID, as far as it has one.
    pub(crate) id: Option<String>,
    pub(crate) reason: String,
}

/// Reads a dex configuration, or a bare list of its `staticClients`; `variable` looks into the environment.
pub(crate) fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<DexFile, FileError> {
    let root = document(text)?;
    let mut unused_fields = BTreeSet::new();
    let mut entries: Vec<Result<DexClient, Refused>> = clients_of(&root)?
        .iter()
        .enumerate()
        .map(|(i, node)| client(i + 1, node, variable, &mut unused_fields))
        .collect();
    refuse_repeated(&mut entries, |client| &client.id);
    Ok(DexFile { entries, unused_fields })
}

/// JSON when it is JSON, else YAML (of which `{` and `[` are a part, too).
fn document(text: &str) -> Result<Rc<Node>, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json = text.trim_start().starts_with(['{', '[']).then(|| json::read(text));
    if let Some(Ok(root)) = json {
        return Ok(root);
    }
    match (yaml::read(text), json) {
        (Ok(Some(root)), _) => Ok(root),
        (Ok(None), _) => Err(FileError::new(0, "the file is empty")),
        // Of two complaints, the one about what it looks like.
        (Err(_), Some(Err(error))) | (Err(error), _) => Err(error),
    }
}

/// The list of clients.
fn clients_of(root: &Node) -> Result<&[Rc<Node>], FileError> {
    let list = match &root.value {
        Value::List(clients) => clients.as_slice(),
        Value::Map(pairs) => {
            let mut found = pairs.iter().filter(|pair| is(pair, "staticClients"));
            let Some(pair) = found.next() else {
                let what = "there is no `staticClients`: this is neither a dex configuration with clients, nor a list of them";
                return Err(FileError::new(0, what));
            };
            if let Some(second) = found.next() {
                return Err(FileError::new(second.key.line, "`staticClients` stands here for a second time"));
            }
            scalar::items(&pair.value)
                .ok_or_else(|| FileError::new(pair.key.line, "`staticClients` must be a list"))?
        }
        Value::Text(_) | Value::Plain(_) => {
            return Err(FileError::new(
                root.line,
                "this is neither a dex configuration nor a list of clients",
            ));
        }
    };
    if list.is_empty() {
        return Err(FileError::new(0, "there are no clients in it"));
    }
    Ok(list)
}

/// Go finds a field by its name whatever the case.
fn is(pair: &Pair, field: &str) -> bool {
    pair.name().is_some_and(|name| name.eq_ignore_ascii_case(field))
}

/// The fields of a client that mean something here.
#[derive(Default)]
struct Fields {
    id: Option<String>,
    id_env: Option<String>,
    name: Option<String>,
    secret: Option<String>,
    secret_env: Option<String>,
    public: bool,
    trusted_peers: Vec<String>,
    groups: Vec<String>,
}

impl Fields {
    /// Reads the fields of a client. What stands in `self` when it fails is what came before the mistake.
    fn read(&mut self, pairs: &[Pair], unused: &mut BTreeSet<String>) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let mut mistakes = Vec::new();
        for pair in pairs {
            let Some(name) = pair.name() else {
                unused.insert("(a field whose name is no string)".to_owned());
                continue;
            };
            let lower = name.to_ascii_lowercase();
            if !seen.insert(lower.clone()) {
                mistakes.push(format!("`{name}` stands in it twice"));
                continue;
            }
            let value = &pair.value;
            let read = match lower.as_str() {
                "id" => text_into(&mut self.id, value),
                "idenv" => text_into(&mut self.id_env, value),
                "name" => text_into(&mut self.name, value),
                "secret" => text_into(&mut self.secret, value),
                "secretenv" => text_into(&mut self.secret_env, value),
                "public" => scalar::boolean(value).map(|public| self.public = public),
                "trustedpeers" => scalar::texts(value).map(|peers| self.trusted_peers = peers),
                "clientcredentialsclaims" => self.read_claims(value, unused),
                _ => {
                    unused.insert(name.to_owned());
                    Ok(())
                }
            };
            mistakes.extend(read.err().map(|mistake| format!("`{name}` {mistake}")));
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("; ")) }
    }

    fn read_claims(&mut self, claims: &Node, unused: &mut BTreeSet<String>) -> Result<(), String> {
        let Value::Map(pairs) = &claims.value else {
            return match scalar::text(claims) {
                Ok(None) => Ok(()),
                _ => Err("must be a map with `groups`".to_owned()),
            };
        };
        let mut groups = pairs.iter().filter(|pair| is(pair, "groups"));
        if let Some(pair) = groups.next() {
            self.groups =
                scalar::texts(&pair.value).map_err(|mistake| format!("has `groups`, which {mistake}"))?;
        }
        if groups.next().is_some() {
            return Err("has `groups` twice".to_owned());
        }
        let others = pairs.iter().filter(|pair| !is(pair, "groups")).filter_map(Pair::name);
        unused.extend(others.map(|name| format!("clientCredentialsClaims.{name}")));
        Ok(())
    }
}

/// Empty strings are absent ones, as in Go.
fn text_into(field: &mut Option<String>, value: &Node) -> Result<(), String> {
    *field = scalar::text(value)?.filter(|text| !text.is_empty());
    Ok(())
}

fn client(
    entry: usize,
    node: &Node,
    variable: &dyn Fn(&str) -> Option<String>,
    unused: &mut BTreeSet<String>,
) -> Result<DexClient, Refused> {
    let mut fields = Fields::default();
    let read = match &node.value {
        Value::Map(pairs) => fields.read(pairs, unused),
        Value::List(_) | Value::Text(_) | Value::Plain(_) => {
            Err("it is not a map with `id` and the like".to_owned())
        }
    };
    let id = fields.id.clone().or_else(|| variable(fields.id_env.as_deref()?));
    read.and_then(|()| resolve(entry, fields, variable)).map_err(|reason| Refused { entry, id, reason })
}

/// dex's rules (`cmd/dex/serve.go`): an ID and a secret come from the file or from the environment, and
/// not from both.
fn resolve(
    entry: usize,
    fields: Fields,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<DexClient, String> {
    let id = match (fields.id, fields.id_env) {
        (Some(_), Some(_)) => return Err(both("id")),
        (Some(id), None) => id,
        (None, Some(name)) => variable(&name)
            .ok_or_else(|| format!("its `idEnv` names the environment variable {name}, which is not set"))?,
        (None, None) => return Err("it has neither `id` nor `idEnv`".to_owned()),
    };
    let id = ClientId::parse(&id).map_err(|error| format!("its `id` cannot be used: {error}"))?;
    let mut warnings = Vec::new();
    let (secret, why_none) = match (fields.secret, fields.secret_env) {
        // A public client has no use for a secret, so that none can be missing.
        _ if fields.public => (None, String::new()),
        (Some(_), Some(_)) => return Err(both("secret")),
        (secret, None) => (secret, "it has no secret and is not public".to_owned()),
        (None, Some(name)) => {
            let why = format!("its `secretEnv` names the environment variable {name}, which is not set");
            (variable(&name), why)
        }
    };
    let name = fields.name.unwrap_or_else(|| {
        warnings.push("it has no `name`, which dex requires: its ID stands in".to_owned());
        id.as_str().to_owned()
    });
    if secret.is_none() && !fields.public {
        warnings.push(format!("{why_none}: it goes in without a secret, and can get no token"));
    }
    if secret.as_deref().is_some_and(looks_like_a_variable) {
        warnings.push(
            "its `secret` looks like the name of an environment variable, but dex takes it as it is written, and so does edgemint: `secretEnv` would read the variable"
                .to_owned(),
        );
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
        name,
        secret: secret.map(Secret::new),
        public,
        groups,
        trusted_peers,
        warnings,
    })
}

fn both(field: &str) -> String {
    format!("it has both `{field}` and `{field}Env`: dex takes one of them")
}

/// `$NAME` or `${NAME}`.
fn looks_like_a_variable(secret: &str) -> bool {
    let name = secret.strip_prefix('$').unwrap_or_default();
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
}

/// Refuses every entry whose ID another one has, too: of several dex takes the last, and which one is meant
/// is not ours to guess.
pub(crate) fn refuse_repeated<T, I: ToString>(entries: &mut [Result<T, Refused>], id_of: fn(&T) -> &I) {
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
            let others: Vec<String> = all.iter().filter(|n| *n != entry).map(usize::to_string).collect();
            let reason = format!("its `id` is also that of entry {}: keep one of them", others.join(", "));
            if let Some(slot @ Ok(_)) = entries.get_mut(entry - 1) {
                *slot = Err(Refused { entry: *entry, id: Some(id.clone()), reason });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(text: &str) -> DexFile {
        read(text, &variable).unwrap_or_else(|error| panic!("{error}"))
    }

    fn variable(name: &str) -> Option<String> {
        (name == "SET").then(|| "from-env".to_owned())
    }

    /// What can be said of a client: id, name, whether it has a secret, public, groups, peers.
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
        read(text, &variable).err().map(|error| error.to_string()).unwrap_or_default()
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
            ("nonsense", "None: it is not a map with `id` and the like"),
            ("", "None: it is not a map with `id` and the like"),
            ("[a]", "None: it is not a map with `id` and the like"),
            ("name: A", "None: it has neither `id` nor `idEnv`"),
            ("{id: '', name: A}", "None: it has neither `id` nor `idEnv`"),
            (
                "{id: é, name: A}",
                "Some(\"é\"): its `id` cannot be used: a client ID is 1 to 256 characters of printable ASCII",
            ),
            ("{idEnv: GONE}", "None: its `idEnv` names the environment variable GONE, which is not set"),
            ("{id: a, idEnv: SET}", "Some(\"a\"): it has both `id` and `idEnv`: dex takes one of them"),
            (
                "{id: a, secret: s, secretEnv: SET}",
                "Some(\"a\"): it has both `secret` and `secretEnv`: dex takes one of them",
            ),
            ("{id: a, secret: s, secret: t}", "Some(\"a\"): `secret` stands in it twice"),
            ("{id: a, secret: s, Secret: t}", "Some(\"a\"): `Secret` stands in it twice"),
            ("{id: a, redirectURIs: [], redirectURIs: []}", "Some(\"a\"): `redirectURIs` stands in it twice"),
            ("{id: a, secret: [s]}", "Some(\"a\"): `secret` must be a string and is a list (line 1)"),
            ("{id: a, name: {b: c}}", "Some(\"a\"): `name` must be a string and is a map (line 1)"),
            (
                "{id: a, public: 'true'}",
                "Some(\"a\"): `public` must be true or false, without quotes (line 1)",
            ),
            ("{id: a, public: maybe}", "Some(\"a\"): `public` must be true or false (line 1)"),
            ("{id: a, trustedPeers: b}", "Some(\"a\"): `trustedPeers` must be a list of strings (line 1)"),
            (
                "{id: a, trustedPeers: [b, [c]]}",
                "Some(\"a\"): `trustedPeers` has an item 2 that must be a string and is a list (line 1)",
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
                "Some(\"a\"): `secret` is a number to YAML (line 2), of which dex takes the value and not what is written: write it in quotes",
            ),
            (
                "{id: a, secret: yes, public: x}",
                "Some(\"a\"): `secret` means true to YAML (line 1): write it in quotes; `public` must be true or false (line 1)",
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
        assert_eq!(reasons[0], "Some(\"a\"): its `id` is also that of entry 3: keep one of them");
        assert_eq!(reasons[1], "Some(\"b\"): its `id` is also that of entry 4: keep one of them");
        assert_eq!(reasons[2], "Some(\"a\"): its `id` is also that of entry 1: keep one of them");
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
            ("{id: a, name: A, secret: $SET}", "`secretEnv` would read the variable"),
            ("{id: a, name: A, secret: '${SET}'}", "`secretEnv` would read the variable"),
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
            ("staticClients: []", "there are no clients in it"),
            ("staticClients:\n", "there are no clients in it"),
            ("a: b\nstaticClients: x", "line 2: `staticClients` must be a list"),
            ("staticClients: []\nstaticClients: []", "line 2: `staticClients` stands here for a second time"),
            (
                "- {id: a}\n---\n- {id: b}",
                "line 3: a second YAML document begins; dex reads the first alone: keep one of them",
            ),
            ("{\"staticClients\": [{\"id\": \"a\",\n \"sec", "line 2: the JSON is cut off here"),
            ("{\"staticClients\": [{\"id\": \"a\" \"b\"}]}", "line 1: this is not JSON"),
            (
                "- id: a\n  secret: \"abc",
                "line 2: this is not YAML: while scanning a quoted scalar, found unexpected end of stream",
            ),
            ("- id: *gone", "line 1: this is not YAML: while parsing node, found unknown anchor"),
            ("- &a [*a]", "line 1: an alias stands inside of what it repeats"),
            ("- {<<: x, id: a}", "line 1: `<<` takes a map, or a list of maps"),
        ] {
            assert_eq!(error(text), sentence, "{text}");
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(error(&deep).contains("JSON") || error(&deep).contains("deep"), "{}", error(&deep));
        assert!(error(&"- ".repeat(5000)).contains("deep"));
    }

    #[test]
    fn a_laughing_billion_is_no_work() {
        let mut text = "a0: &a0 [x]\nm0: &m0 {k: v}\n".to_owned();
        for i in 1..60 {
            let p = i - 1;
            text.push_str(&format!(
                "a{i}: &a{i} [*a{p}, *a{p}]\nm{i}: &m{i} {{<<: [*m{p}, *m{p}], k{i}: v}}\n"
            ));
        }
        text.push_str("staticClients: *a59\n");
        assert_eq!(file(&text).entries.len(), 2);
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
            let told = match read(text, &variable) {
                Ok(file) => file.entries.iter().map(said).collect::<String>(),
                Err(error) => error.to_string(),
            };
            assert!(!told.contains("hunter2") && !told.contains("777"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = read(&text, &variable);
        }

        #[test]
        fn no_yaml_makes_the_parser_panic(text in "[-:?&*!|>'\"%@`{}\\[\\], \n\t#~<a-c0-9.$\\\\]{0,120}") {
            let _ = read(&text, &variable);
        }

        #[test]
        fn no_client_makes_the_parser_panic(field in "(id|idEnv|name|secret|secretEnv|public|trustedPeers|clientCredentialsClaims|x)", value in "[-:&*!|>'\"{}\\[\\], ~a-c0-9.$]{0,40}") {
            let _ = read(&format!("staticClients:\n- id: a\n  {field}: {value}\n"), &variable);
        }

        #[test]
        fn a_configuration_that_is_cut_off_anywhere_is_read_or_refused(at in 0..WHOLE.len()) {
            let _ = read(&WHOLE[..at], &variable);
        }
    }
}
