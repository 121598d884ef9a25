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
    refuse_repeated(&mut entries);
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

/// One field of a client, read once.
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
    let id = either("id", fields.id, fields.id_env, variable)?;
    let id = id.ok_or("it has neither `id` nor `idEnv`")?;
    let id = ClientId::parse(&id).map_err(|error| format!("its `id` cannot be used: {error}"))?;
    let secret = either("secret", fields.secret, fields.secret_env, variable);
    // A public client has no use for a secret, so that none can be missing.
    let secret = if fields.public { None } else { secret? };

    let mut warnings = Vec::new();
    let name = fields.name.unwrap_or_else(|| {
        warnings.push("it has no `name`, which dex requires: its ID stands in".to_owned());
        id.as_str().to_owned()
    });
    if secret.is_none() && !fields.public {
        warnings.push(
            "it has no secret and is not public: it is imported without secrets and can get no token until `edgemint client rotate-secret` gives it one"
                .to_owned(),
        );
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

/// What `field` says, or the variable that `<field>Env` names.
fn either(
    field: &str,
    written: Option<String>,
    named: Option<String>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    match (written, named) {
        (Some(_), Some(_)) => Err(format!("it has both `{field}` and `{field}Env`: dex takes one of them")),
        (written, None) => Ok(written),
        (None, Some(name)) => match variable(&name) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("its `{field}Env` names the environment variable {name}, which is not set")),
        },
    }
}

/// `$NAME` or `${NAME}`.
fn looks_like_a_variable(secret: &str) -> bool {
    let name = secret.strip_prefix('$').unwrap_or_default();
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
}

/// Of several clients with one ID dex takes the last; which one is meant is not ours to guess.
fn refuse_repeated(entries: &mut [Result<DexClient, Refused>]) {
    let mut by_id: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for entry in entries.iter() {
        let (id, entry) = match entry {
            Ok(client) => (Some(client.id.as_str()), client.entry),
            Err(refused) => (refused.id.as_deref(), refused.entry),
        };
        if let Some(id) = id {
            by_id.entry(id.to_owned()).or_default().push(entry);
        }
    }
    for entry in entries.iter_mut() {
        let Ok(DexClient { id, entry: number, .. }) = entry else { continue };
        let all = by_id.get(id.as_str()).map(Vec::as_slice).unwrap_or_default();
        if all.len() > 1 {
            let others: Vec<String> = all.iter().filter(|n| *n != number).map(usize::to_string).collect();
            let reason = format!("its `id` is also that of entry {}: keep one of them", others.join(", "));
            *entry = Err(Refused { entry: *number, id: Some(id.as_str().to_owned()), reason });
        }
    }
}
