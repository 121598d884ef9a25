//! Finds the clients in a file: at its top, or in one place of what Kubernetes and Helm wrap around a configuration.

use std::collections::HashSet;
use std::rc::Rc;

use super::document::{FileError, Node, Pair, Value};
use super::scalar;
use super::source::{RENDER, documents};
use super::yaml::{Lines, decode};
use edgemint_printable::shell;

/// The highest number of nested texts, such as a configuration in a ConfigMap in a List that is itself a text.
const MAX_TEXTS: usize = 4;

/// The highest number of places in a message.
const MAX_NAMED: usize = 10;

/// The clients of a file.
pub(super) struct Found {
    pub(super) clients: Vec<Rc<Node>>,
    /// The place of the clients, for people, when it is not the top of the file.
    pub(super) place: Option<String>,
}

/// Finds the clients in `documents`, the documents of `file`. `file` is the path as you would type it.
pub(super) fn find(documents: &[Rc<Node>], file: &str) -> Result<Found, FileError> {
    match documents {
        [] => return Err(FileError::new(0, "the file is empty")),
        [root] => {
            if let Some(clients) = at_the_top(root)? {
                let clients = clients.to_vec();
                return if clients.is_empty() { Err(none()) } else { Ok(Found { clients, place: None }) };
            }
        }
        _ => {}
    }
    let mut search = Search { documents: documents.len(), ..Search::default() };
    for (i, document) in documents.iter().enumerate() {
        if documents.len() > 1 {
            search.path.push(Step::Document(i));
        }
        if is_list_of_clients(document) {
            search.add(document.line, || scalar::items(document).map(<[_]>::to_vec).ok_or_else(none));
        } else {
            search.walk(document);
        }
        search.path.clear();
    }
    search.found(file)
}

fn none() -> FileError {
    FileError::new(0, "there are no clients in the file")
}

/// The clients of a configuration or of a bare list. `None` when they may be at a deeper level.
fn at_the_top(root: &Node) -> Result<Option<&[Rc<Node>]>, FileError> {
    match &root.value {
        Value::List(items) => Ok((!items.iter().any(|item| is_object(item))).then_some(items.as_slice())),
        Value::Map(pairs) => {
            let mut found = pairs.iter().filter(|pair| pair.is("staticClients"));
            let Some(pair) = found.next() else { return Ok(None) };
            match found.next() {
                Some(second) => {
                    Err(FileError::new(second.key.line, "`staticClients` occurs here a second time"))
                }
                None => clients_of(pair).map(Some),
            }
        }
        Value::Foreign(why) => Err(FileError::new(root.line, format!("this {why}"))),
        Value::Text(_) | Value::Plain(_) => {
            Err(FileError::new(root.line, "this is neither a dex configuration nor a list of clients"))
        }
    }
}

/// The items of `staticClients`.
fn clients_of(pair: &Pair) -> Result<&[Rc<Node>], FileError> {
    scalar::items(&pair.value).ok_or_else(|| {
        let what = match &pair.value.value {
            Value::Foreign(why) => format!("`staticClients` {why}"),
            _ if scalar::is_template(&pair.value) => {
                format!("`staticClients` looks like a template that was not rendered. {RENDER}")
            }
            Value::Text(_) | Value::Plain(_) | Value::List(_) | Value::Map(_) => {
                "`staticClients` must be a list".to_owned()
            }
        };
        FileError::new(pair.key.line, what)
    })
}

/// Whether this is a Kubernetes object.
fn is_object(node: &Node) -> bool {
    let has = |field: &str| node.pairs().iter().any(|pair| pair.name() == Some(field));
    has("kind") && has("apiVersion")
}

fn kind(node: &Node) -> Option<&str> {
    node.pairs().iter().find(|pair| pair.name() == Some("kind")).and_then(|pair| pair.value.scalar())
}

fn is_list_of_clients(node: &Node) -> bool {
    let is_client = |item: &Rc<Node>| {
        !is_object(item) && item.pairs().iter().any(|pair| pair.is("id") || pair.is("idEnv"))
    };
    matches!(&node.value, Value::List(items) if items.first().is_some_and(is_client))
}

/// One step from the top of a file to a place in it, in the notation of `yq` 4.
#[derive(Clone)]
enum Step {
    Document(usize),
    Key(String),
    Item(usize),
    /// The value is a string that contains YAML.
    Text,
    /// The value is base64 of such a string.
    Base64,
}

/// A place with clients, or with a text that should have some.
struct Place {
    line: usize,
    what: What,
    clients: Result<Vec<Rc<Node>>, FileError>,
}

enum What {
    /// The place, as an expression of `yq` 4.
    At(String),
    /// All records of dex's storage in Kubernetes, at any place.
    Records,
}

impl Place {
    fn name(&self) -> String {
        let what = match &self.what {
            What::At(path) => path,
            What::Records => "the records of dex's storage in Kubernetes (OAuth2Client)",
        };
        match self.line {
            0 => what.to_owned(),
            line => format!("line {line}, {what}"),
        }
    }

    /// The command that writes the place into a separate file.
    fn command(&self, file: &str) -> String {
        let yq = match &self.what {
            What::At(path) => format!("yq {}", shell::word(path)),
            What::Records => {
                r#"yq ea '[.. | select(tag == "!!map" and .kind == "OAuth2Client")]'"#.to_owned()
            }
        };
        format!("{yq} {} > clients.yaml", shell::word(file))
    }
}

/// The map that contains a pair.
#[derive(Clone, Copy)]
struct Holder<'a> {
    is_object: bool,
    kind: Option<&'a str>,
}

#[derive(Default)]
struct Search {
    path: Vec<Step>,
    documents: usize,
    /// The nodes seen so far, so that a node that aliases repeat is searched once.
    seen: HashSet<*const Node>,
    /// Keeps the nodes in `seen` alive, so that no other node gets the address of one of them.
    texts: Vec<Rc<Node>>,
    depth: usize,
    places: Vec<Place>,
    /// The records of dex's storage in Kubernetes.
    records: Vec<Rc<Node>>,
}

impl Search {
    fn is_new(&mut self, node: &Rc<Node>) -> bool {
        self.seen.insert(Rc::as_ptr(node))
    }

    fn walk(&mut self, node: &Rc<Node>) {
        if !self.is_new(node) {
            return;
        }
        match &node.value {
            Value::Map(pairs) if is_object(node) && kind(node) == Some("OAuth2Client") => {
                self.records.push(Rc::new(record(node.line, pairs)));
            }
            Value::Map(pairs) => {
                let of = Holder { is_object: is_object(node), kind: kind(node) };
                pairs.iter().for_each(|pair| self.pair(of, pair));
            }
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.step(Step::Item(i), |search| search.walk(item));
                }
            }
            Value::Text(text) | Value::Plain(text) => {
                let lines = if node.is_block { Lines::From(node.line) } else { Lines::At(node.line) };
                self.text(text, node.line, lines, Step::Text);
            }
            Value::Foreign(_) => {}
        }
    }

    fn pair(&mut self, of: Holder<'_>, pair: &Pair) {
        let name = pair.name().unwrap_or_default();
        let encoded = match of.kind {
            Some("Secret") => name == "data",
            Some("ConfigMap") => name == "binaryData",
            _ => false,
        };
        self.step(Step::Key(name.to_owned()), |search| {
            if pair.is("staticClients") {
                search.add(pair.key.line, || clients_of(pair).map(<[_]>::to_vec));
            } else if of.is_object && name == "metadata" {
                // Skipped, because `kubectl apply` keeps a copy of the whole object there.
            } else if encoded {
                if search.is_new(&pair.value) {
                    pair.value.pairs().iter().for_each(|pair| search.encoded(pair));
                }
            } else {
                search.walk(&pair.value);
            }
        });
    }

    fn encoded(&mut self, pair: &Pair) {
        if !self.is_new(&pair.value) {
            return;
        }
        let line = pair.value.line;
        if let Some(text) = pair.value.scalar().and_then(|text| decode(text).ok()) {
            let name = pair.name().unwrap_or_default().to_owned();
            self.step(Step::Key(name), |search| search.text(&text, line, Lines::At(line), Step::Base64));
        }
    }

    /// Searches a text that may be a configuration.
    fn text(&mut self, text: &str, line: usize, lines: Lines, step: Step) {
        if !mentions_clients(text) || self.depth >= MAX_TEXTS {
            return;
        }
        match documents(text, lines) {
            Ok(documents) => {
                self.depth += 1;
                self.step(step, |search| documents.iter().for_each(|document| search.walk(document)));
                self.depth -= 1;
                self.texts.extend(documents);
            }
            // An invalid text without the field is prose about clients, not a configuration.
            Err(_) if !has_field(text) => {}
            Err(error) => self.add(line, || Err(error)),
        }
    }

    fn step(&mut self, step: Step, go: impl FnOnce(&mut Self)) {
        self.path.push(step);
        go(self);
        self.path.pop();
    }

    fn add(&mut self, line: usize, clients: impl FnOnce() -> Result<Vec<Rc<Node>>, FileError>) {
        // Keeps one more than a message names, to know that there are more.
        if self.places.len() <= MAX_NAMED {
            self.places.push(Place { line, what: What::At(path(&self.path)), clients: clients() });
        }
    }

    /// Returns the clients, when there is exactly one place.
    fn found(mut self, file: &str) -> Result<Found, FileError> {
        if !self.records.is_empty() {
            let line = self.records.first().map_or(0, |record| record.line);
            self.places.push(Place {
                line,
                what: What::Records,
                clients: Ok(std::mem::take(&mut self.records)),
            });
        }
        let has_some = |place: &Place| place.clients.as_ref().map_or(true, |clients| !clients.is_empty());
        let is_there = !self.places.is_empty();
        self.places.retain(has_some);
        match self.places.as_mut_slice() {
            [] if is_there => Err(none()),
            [] => {
                let what = "there is no `staticClients`: this is neither a dex configuration with clients, nor a list of them";
                Err(FileError::new(0, what))
            }
            [place] => {
                let (name, command) = (place.name(), place.command(file));
                match std::mem::replace(&mut place.clients, Ok(Vec::new())) {
                    Ok(clients) => Ok(Found { clients, place: Some(name) }),
                    Err(FileError { line, what }) => Err(FileError::new(
                        line,
                        format!(
                            "{what}. To write this text into a separate file, run (yq 4, Mike Farah's)\n  {command}"
                        ),
                    )),
                }
            }
            places => {
                let count = match places.len() {
                    n if n > MAX_NAMED => format!("more than {MAX_NAMED}"),
                    n => n.to_string(),
                };
                let each = |place: &Place| format!("\n  {}\n    {}", place.name(), place.command(file));
                let each: String = places.iter().take(MAX_NAMED).map(each).collect();
                let dex = if self.documents > 1 { " (dex itself reads the first YAML document)" } else { "" };
                let what = format!(
                    "there are clients in {count} places, and edgemint does not choose{dex}. Write one of them into a file with yq 4 (Mike Farah's), and import that file:{each}"
                );
                Err(FileError::new(0, what))
            }
        }
    }
}

/// A record of dex's storage as a client, without the fields of Kubernetes.
fn record(line: usize, pairs: &[Pair]) -> Node {
    let of_kubernetes =
        |pair: &&Pair| !["apiVersion", "kind", "metadata"].iter().any(|field| pair.name() == Some(field));
    Node::new(line, Value::Map(pairs.iter().filter(of_kubernetes).cloned().collect()))
}

fn mentions_clients(text: &str) -> bool {
    text.as_bytes().windows("staticClients".len()).any(|part| part.eq_ignore_ascii_case(b"staticClients"))
}

/// Whether a line of `text` begins with the field `staticClients`.
fn has_field(text: &str) -> bool {
    let fields = text.lines().map(|line| line.trim_start_matches([' ', '\t', '{', '"', '\'']));
    fields
        .filter_map(|line| line.get(.."staticClients".len()))
        .any(|start| start.eq_ignore_ascii_case("staticClients"))
}

/// The steps as an expression of `yq` 4.
fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        // `yq` requires a dot at the beginning and after each pipe.
        let is_start = path.is_empty() || path.ends_with(' ');
        match step {
            Step::Document(i) => path.push_str(&format!("select(documentIndex == {i}) | ")),
            Step::Key(name) if is_plain(name) => path.push_str(&format!(".{name}")),
            Step::Key(name) => {
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                path.push_str(&format!("{}[\"{name}\"]", if is_start { "." } else { "" }));
            }
            Step::Item(i) => path.push_str(&format!("{}[{i}]", if is_start { "." } else { "" })),
            Step::Text => path.push_str(" | from_yaml | "),
            Step::Base64 => path.push_str(" | @base64d | from_yaml | "),
        }
    }
    let path = path.strip_suffix(" | ").unwrap_or(&path);
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

#[cfg(test)]
mod tests {
    use crate::{Asked, read};

    /// The place of the clients, and their IDs.
    fn found(text: &str) -> (String, String) {
        let asked = Asked { file: "the file.yaml", variable: &|_| Some("from-env".to_owned()), literal: &[] };
        match read(text, &asked) {
            Ok(file) => {
                let id = |entry: &Result<crate::DexClient, crate::Refused>| match entry {
                    Ok(client) => client.id.to_string(),
                    Err(refused) => format!("{:?}: {}", refused.id, refused.reason),
                };
                (file.place.unwrap_or_default(), file.entries.iter().map(id).collect::<Vec<_>>().join(" "))
            }
            Err(error) => (String::new(), error.to_string()),
        }
    }

    const CLIENT: &str = "{id: a, name: A, secret: abcdefghijkl}";

    #[test]
    fn clients_are_found_in_what_is_wrapped_around_a_configuration() {
        // The base64 text is `staticClients: [{id: a, name: A, secret: abcdefghijkl}]`.
        let base64 = "c3RhdGljQ2xpZW50czogW3tpZDogYSwgbmFtZTogQSwgc2VjcmV0OiBhYmNkZWZnaGlqa2x9XQ==";
        for (what, text, place) in [
            ("a configuration", format!("issuer: x\nstaticClients: [{CLIENT}]"), ""),
            ("a list", format!("- {CLIENT}"), ""),
            ("JSON", r#"{"staticClients":[{"id":"a","name":"A","secret":"abcdefghijkl"}]}"#.to_owned(), ""),
            ("one JSON document in a list", r#"[{"id":"a","name":"A","secret":"abcdefghijkl"}]"#.to_owned(), ""),
            (
                "Helm values",
                format!("replicaCount: 1\nconfig:\n  issuer: x\n  staticClients:\n  - {CLIENT}\ningress: {{enabled: true}}"),
                "line 4, .config.staticClients",
            ),
            (
                "Helm values with a configuration as text",
                format!("dex:\n  config.yaml: |\n    issuer: x\n    staticClients:\n    - {CLIENT}\n"),
                "line 4, .dex[\"config.yaml\"] | from_yaml | .staticClients",
            ),
            (
                "a ConfigMap",
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: dex}}\ndata:\n  config.yaml: |\n    issuer: x\n\n    staticClients:\n    - {CLIENT}\n"),
                "line 8, .data[\"config.yaml\"] | from_yaml | .staticClients",
            ),
            (
                "Argo CD's ConfigMap",
                format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  url: https://x\n  dex.config: |\n    connectors: []\n    staticClients:\n    - {CLIENT}\n"),
                "line 7, .data[\"dex.config\"] | from_yaml | .staticClients",
            ),
            (
                "a text in quotes",
                format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  a: \"issuer: x\\nstaticClients: [{CLIENT}]\"\n"),
                "line 4, .data.a | from_yaml | .staticClients",
            ),
            (
                "a folded text",
                format!("kind: X\ndata: >\n  {{staticClients:\n  [{CLIENT}]}}\n"),
                "line 3, .data | from_yaml | .staticClients",
            ),
            (
                "what kubectl apply leaves in a ConfigMap",
                format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{{\"data\":{{\"c\":\"staticClients: [{CLIENT}]\"}}}}'\ndata:\n  c: |\n    staticClients: [{CLIENT}]\n"
                ),
                "line 8, .data.c | from_yaml | .staticClients",
            ),
            (
                "a Secret",
                format!("apiVersion: v1\nkind: Secret\ndata:\n  other: '//8='\n  config.yaml: {base64}\n"),
                "line 5, .data[\"config.yaml\"] | @base64d | from_yaml | .staticClients",
            ),
            (
                "a Secret with stringData",
                format!("apiVersion: v1\nkind: Secret\nstringData:\n  config.yaml: |-\n    staticClients: [{CLIENT}]"),
                "line 5, .stringData[\"config.yaml\"] | from_yaml | .staticClients",
            ),
            (
                "a ConfigMap with binaryData",
                format!("apiVersion: v1\nkind: ConfigMap\nbinaryData: {{c: {base64}}}\n"),
                "line 3, .binaryData.c | @base64d | from_yaml | .staticClients",
            ),
            (
                "a list of objects",
                format!("apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Namespace, metadata: {{name: dex}}}}\n- apiVersion: v1\n  kind: Secret\n  data:\n    c: {base64}\n"),
                "line 8, .items[1].data.c | @base64d | from_yaml | .staticClients",
            ),
            (
                "several documents",
                format!("---\napiVersion: v1\nkind: Namespace\n---\nconfig:\n  staticClients: [{CLIENT}]\n---\n"),
                "line 6, select(documentIndex == 1) | .config.staticClients",
            ),
            (
                "a configuration and another document",
                format!("staticClients: [{CLIENT}]\n---\nkind: x\n"),
                "line 1, select(documentIndex == 0) | .staticClients",
            ),
            (
                "a list and another document",
                format!("- {CLIENT}\n---\nkind: x\n"),
                "line 1, select(documentIndex == 0)",
            ),
            (
                "an empty list beside it",
                format!("a: {{staticClients: []}}\nb: {{staticClients: [{CLIENT}], c: {{staticClients: }}}}\n"),
                "line 2, .b.staticClients",
            ),
            (
                "prose about clients beside it",
                format!("about: 'to add one: staticClients: [x'\na: {{staticClients: [{CLIENT}]}}\n"),
                "line 2, .a.staticClients",
            ),
            (
                "a place that an alias repeats",
                format!("a: &a\n  staticClients: [{CLIENT}]\nb: *a\nc: [*a, *a]\n"),
                "line 2, .a.staticClients",
            ),
            (
                "a ConfigMap in JSON",
                r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"c":"staticClients: [{id: a, name: A, secret: abcdefghijkl}]"}}"#.to_owned(),
                ".data.c | from_yaml | .staticClients",
            ),
        ] {
            assert_eq!(found(&text), (place.to_owned(), "a".to_owned()), "{what}");
        }
    }

    #[test]
    fn the_records_of_dexs_storage_in_kubernetes_are_clients() {
        let record = |id: &str| {
            format!(
                "{{apiVersion: dex.coreos.com/v1, kind: OAuth2Client, metadata: {{name: mfrggzdfmztwq2lk}}, id: {id}, name: A, secret: abcdefghijkl, public: false}}"
            )
        };
        let (a, b) = (record("a"), record("b"));
        let place =
            |line: usize| format!("line {line}, the records of dex's storage in Kubernetes (OAuth2Client)");
        for (text, line, ids) in [
            (format!("apiVersion: v1\nkind: List\nitems:\n- {a}\n- {b}\n"), 4, "a b"),
            (format!("apiVersion: dex.coreos.com/v1\nkind: OAuth2ClientList\nitems: [{a}]\n"), 3, "a"),
            (format!("{a}\n"), 1, "a"),
            (format!("{a}\n---\n{b}\n"), 1, "a b"),
            (format!("[{a}, {b}]\n"), 1, "a b"),
        ] {
            assert_eq!(found(&text), (place(line), ids.to_owned()), "{text}");
        }
        let asked = Asked { file: "x", variable: &|_| None, literal: &[] };
        let file = read(&a, &asked).unwrap_or_else(|error| panic!("{error}"));
        assert!(file.unused_fields.is_empty(), "{:?}", file.unused_fields);
    }

    #[test]
    fn of_several_places_each_is_named_with_the_command_that_extracts_it() {
        let text = format!(
            "a:\n  staticClients: [{CLIENT}]\nb:\n  it's: |\n    staticClients: [{CLIENT}]\nc:\n- {{apiVersion: x, kind: OAuth2Client, id: c}}\n"
        );
        let told = r#"there are clients in 3 places, and edgemint does not choose. Write one of them into a file with yq 4 (Mike Farah's), and import that file:
  line 2, .a.staticClients
    yq .a.staticClients 'the file.yaml' > clients.yaml
  line 5, .b["it's"] | from_yaml | .staticClients
    yq '.b["it'\''s"] | from_yaml | .staticClients' 'the file.yaml' > clients.yaml
  line 7, the records of dex's storage in Kubernetes (OAuth2Client)
    yq ea '[.. | select(tag == "!!map" and .kind == "OAuth2Client")]' 'the file.yaml' > clients.yaml"#;
        assert_eq!(found(&text).1, told);
        let both = format!("- {CLIENT}\n---\nstaticClients:\n- {CLIENT}\n");
        let told = "there are clients in 2 places, and edgemint does not choose (dex itself reads the first YAML document). Write one of them into a file with yq 4 (Mike Farah's), and import that file:
  line 1, select(documentIndex == 0)
    yq 'select(documentIndex == 0)' 'the file.yaml' > clients.yaml
  line 3, select(documentIndex == 1) | .staticClients
    yq 'select(documentIndex == 1) | .staticClients' 'the file.yaml' > clients.yaml";
        assert_eq!(found(&both).1, told);
        let many: String = (0..1000).map(|i| format!("k{i}: {{staticClients: [{CLIENT}]}}\n")).collect();
        let told = found(&many).1;
        assert!(
            told.starts_with("there are clients in more than 10 places") && told.lines().count() == 21,
            "{told}"
        );
    }

    #[test]
    fn a_place_that_cannot_be_read_is_named_with_the_command_that_extracts_it() {
        let head = "apiVersion: v1\nkind: ConfigMap\ndata:\n  config.yaml: |\n";
        for (text, told) in [
            ("    issuer: x\n    staticClients:\n    - id: [\n", "line 8: this is not YAML"),
            (
                "    staticClients:\n    {{- range .Values.x }}\n    - id: a\n",
                "it looks like a template that was not rendered (`{{` in line 6)",
            ),
        ] {
            let told_of = found(&format!("{head}{text}")).1;
            assert!(told_of.contains(told), "{told_of}");
            let command = r#"run (yq 4, Mike Farah's)
  yq '.data["config.yaml"]' 'the file.yaml' > clients.yaml"#;
            assert!(told_of.ends_with(command), "{told_of}");
        }
        let list = found(&format!("{head}    staticClients: x\n")).1;
        assert!(list.starts_with("line 5: `staticClients` must be a list. To write"), "{list}");
    }

    #[test]
    fn a_file_without_clients_says_so() {
        for text in [
            "issuer: x",
            "apiVersion: v1\nkind: ConfigMap\ndata: {config.yaml: 'issuer: x'}",
            "apiVersion: v1\nkind: ConfigMap\ndata: {config.yaml: '# staticClients: []'}",
            "a: b\n---\nc: d",
        ] {
            assert!(found(text).1.starts_with("there is no `staticClients`"), "{text}: {}", found(text).1);
        }
        assert_eq!(found("config: {staticClients: []}").1, "there are no clients in the file");
    }
}
