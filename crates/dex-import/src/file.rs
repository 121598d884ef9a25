//! A file as a list of clients, in each of the supported forms.

use std::collections::BTreeSet;

use super::client::{Asked, DexClient, Refused, client, refuse_repeated};
use super::document::FileError;
use super::places::{self, Found};
use super::source::documents;
use super::yaml::Lines;

/// The highest size of the clients after expanding aliases, in addition to four times the size of the file.
const MAX_REPEATED: usize = 16 * 1024 * 1024;

/// The clients of a file, in order, and the fields that the import does not use.
pub struct DexFile {
    /// The clients.
    pub entries: Vec<Result<DexClient, Refused>>,
    /// The names of the fields that the import does not use.
    pub unused_fields: BTreeSet<String>,
    /// The place of the clients, for people, when it is not the top of the file.
    pub place: Option<String>,
}

/// Reads a dex configuration, a bare list of its `staticClients`, or either of them wrapped by Kubernetes or Helm.
pub fn read(text: &str, asked: &Asked<'_>) -> Result<DexFile, FileError> {
    let documents = documents(text, Lines::From(1))?;
    let Found { clients, place } = places::find(&documents, asked.file)?;
    // An alias takes a few bytes in the file, but is a whole list to the code that reads the clients.
    let weight = clients.iter().fold(0_usize, |sum, client| sum.saturating_add(client.weight));
    if weight > text.len().saturating_mul(4).saturating_add(MAX_REPEATED) {
        let what = "the aliases (`*name`) in the clients repeat too much; write out their values";
        return Err(FileError::new(0, what));
    }
    let mut unused_fields = BTreeSet::new();
    let mut entries: Vec<Result<DexClient, Refused>> =
        clients.iter().enumerate().map(|(i, node)| client(i + 1, node, asked, &mut unused_fields)).collect();
    refuse_repeated(&mut entries, |client| &client.id, |client| client.id_env.as_deref());
    Ok(DexFile { entries, unused_fields, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids_or_error(text: &str) -> Result<usize, String> {
        let asked = Asked { file: "dex.yaml", variable: &|_| None, literal: &[] };
        read(text, &asked).map(|file| file.entries.len()).map_err(|error| error.what)
    }

    /// Checks a bound on the size of the expanded aliases, not on the time.
    #[test]
    fn a_laughing_billion_is_refused() {
        let mut text = "a0: &a0 [x]\n".to_owned();
        for i in 1..60 {
            text.push_str(&format!("a{i}: &a{i} [*a{p}, *a{p}]\n", p = i - 1));
        }
        let told = ids_or_error(&format!("{text}staticClients: *a59\n"));
        assert!(told.as_ref().is_err_and(|told| told.contains("aliases")), "{told:?}");
        // An alias that no client uses costs nothing.
        let fine = format!("{text}staticClients: [{{id: a}}]\n");
        assert_eq!(ids_or_error(&fine), Ok(1));
        assert_eq!(ids_or_error(&format!("wrapper:\n  {}", fine.replace('\n', "\n  "))), Ok(1));
    }

    #[test]
    fn aliases_that_repeat_much_in_many_clients_are_refused_and_a_few_are_not() {
        let config = |clients: usize, groups: usize| {
            let groups = "group-of-some-length, ".repeat(groups);
            let client = "- {id: a, clientCredentialsClaims: {groups: *g}}\n";
            format!("groups: &g [{groups}]\nstaticClients:\n{}", client.repeat(clients))
        };
        assert_eq!(ids_or_error(&config(1000, 100)), Ok(1000));
        // Each alias repeats 200 KB of groups, 500 times in all.
        let told = ids_or_error(&config(500, 10_000));
        assert!(told.as_ref().is_err_and(|told| told.contains("aliases")), "{told:?}");
        let client = format!("- &c {{id: a, {}}}\n{}", "x: y, ".repeat(10_000), "- *c\n".repeat(10_000));
        assert!(ids_or_error(&client).is_err_and(|told| told.contains("aliases")));
    }

    #[test]
    fn merge_keys_that_repeat_much_are_refused_and_a_few_are_not() {
        let fields: String = (0..2000).map(|i| format!("field{i}: v, ")).collect();
        let config = |clients: usize| {
            format!("base: &b {{{fields}}}\nstaticClients:\n{}", "- {<<: *b, id: a}\n".repeat(clients))
        };
        assert_eq!(ids_or_error(&config(100)), Ok(100));
        let told = ids_or_error(&config(2000));
        assert!(told.as_ref().is_err_and(|told| told.contains("merge keys")), "{told:?}");
        let in_one = format!("base: &b {{{fields}}}\nstaticClients: [{{<<: [{}]}}]\n", "*b, ".repeat(2000));
        assert!(ids_or_error(&in_one).is_err_and(|told| told.contains("merge keys")));
        let mut doubled = "m0: &m0 {k: v}\n".to_owned();
        for i in 1..60 {
            doubled.push_str(&format!("m{i}: &m{i} {{<<: [*m{p}, *m{p}], k{i}: v}}\n", p = i - 1));
        }
        assert_eq!(ids_or_error(&format!("{doubled}staticClients: [*m59]\n")), Ok(1));
    }

    /// Dropping a tree with deeper nesting exhausts the stack.
    #[test]
    fn aliases_do_not_nest_deeper_than_lists_may() {
        let mut text = "a0: &a0 [x]\n".to_owned();
        for i in 1..100_000 {
            text.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
        }
        assert!(ids_or_error(&text).is_err_and(|told| told.contains("nested more than")));
    }

    #[test]
    fn a_file_without_aliases_is_never_too_large() {
        let clients =
            "- {id: a, name: A, secret: s, x: [,,], y: {z: }}\n".replace("[,,]", "[a,b,c]").repeat(20_000);
        assert_eq!(ids_or_error(&clients), Ok(20_000));
    }
}
