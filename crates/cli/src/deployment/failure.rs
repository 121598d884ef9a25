//! What wrangler says when it fails, and what to do about it.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The maximum number of wrangler's output lines that an error repeats.
const MAX_LINES: usize = 6;

/// What went wrong, as far as the remedy depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NoCredentials,
    CredentialsRejected,
    SeveralAccounts,
    NotReached,
    OldNode,
    NoNamespace,
    NoWorker,
    LatestNotDeployed,
    RateLimited,
    LocalState,
    CloudflareFailed,
}

/// The words by which a kind is recognized. The first match counts. The codes are those of Cloudflare's API.
const KINDS: [(Kind, &[&str]); 11] = [
    (Kind::SeveralAccounts, &["More than one account"]),
    (
        Kind::CredentialsRejected,
        &["[code: 9106]", "[code: 9109]", "[code: 10000]", "uthentication error", "Unauthorized"],
    ),
    (Kind::NoCredentials, &["CLOUDFLARE_API_TOKEN", "ot logged in", "\"loggedIn\": false"]),
    (
        Kind::NotReached,
        &["fetch failed", "Unable to resolve", "ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN"],
    ),
    (Kind::OldNode, &["requires at least Node"]),
    (Kind::LatestNotDeployed, &["[code: 10214]", "[code: 10215]", "isn't currently deployed"]),
    (Kind::RateLimited, &["Retry-After", "[code: 971]", "-> 429"]),
    // 10013 has two meanings, so the words decide.
    (Kind::NoNamespace, &["amespace not found", "No KV namespace", "kv_namespaces"]),
    // What workerd says, and what its binding of KV makes of it. Cloudflare's API says neither.
    (Kind::LocalState, &["internal error; reference = ", "failed: 500 Internal Server Error"]),
    (Kind::CloudflareFailed, &["unknown error has occurred", "nternal error", "-> 50", "malformed response"]),
    (Kind::NoWorker, &["[code: 10007]", "[code: 10090]", "If this is a new Worker"]),
];

impl Kind {
    fn of(words: &str) -> Option<Self> {
        let is_said = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
        KINDS.iter().find(|(_, needles)| is_said(needles)).map(|(kind, _)| *kind)
    }

    /// `dir`: the directory of package.json. `environment`: the deployed environment that wrangler worked on.
    fn remedy(self, dir: &Path, environment: Option<&str>) -> String {
        let env = environment.map(|name| format!(" --env {name}")).unwrap_or_default();
        match self {
            Self::NoCredentials => "log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN".to_owned(),
            Self::CredentialsRejected => "Cloudflare rejects the login or the token: it is invalid, has expired, or has \
                                          no access to this account. Log in with `npx wrangler login`, or set \
                                          CLOUDFLARE_API_TOKEN to a token that can edit Workers Scripts and Workers \
                                          KV Storage"
                .to_owned(),
            Self::SeveralAccounts => {
                "set the variable CLOUDFLARE_ACCOUNT_ID, or `account_id` in wrangler.toml, to the ID of one of these \
                 accounts"
                    .to_owned()
            }
            Self::NotReached => "check the network connection: Cloudflare could not be reached".to_owned(),
            Self::OldNode if installs_node(dir) => {
                format!("run `npm ci` in {}: package.json installs the Node that wrangler needs", dir.display())
            }
            Self::OldNode => "install a newer Node.js from https://nodejs.org".to_owned(),
            Self::NoNamespace => {
                format!(
                    "run `npx wrangler kv namespace create CLIENTS{env}`, and write the namespace ID into wrangler.toml"
                )
            }
            Self::NoWorker => format!(
                "the first secret creates the Worker: `edgemint key generate | npx wrangler secret put \
                 SIGNING_KEY_FIRST{env}`. If the Worker exists, check `name` in wrangler.toml, and the account with \
                 `npx wrangler whoami`"
            ),
            Self::LatestNotDeployed => format!(
                "deploy again with `npx wrangler deploy{env}`, and then run the command again. After a rollback, \
                 Cloudflare changes no secret until the next deployment"
            ),
            Self::RateLimited => {
                "wait, and run the command again: Cloudflare limits the number of requests of an account".to_owned()
            }
            Self::LocalState => {
                "run the command again. Another process used the local records at the same time, such as `edgemint dev`"
                    .to_owned()
            }
            Self::CloudflareFailed => {
                "run the command again. The error is Cloudflare's: https://www.cloudflarestatus.com shows disruptions"
                    .to_owned()
            }
        }
    }
}

/// Whether package.json in `dir` lists Node as a package, as that of edgemint's checkout does.
fn installs_node(dir: &Path) -> bool {
    let text = fs::read_to_string(dir.join("package.json")).unwrap_or_default();
    let package: Value = serde_json::from_str(&text).unwrap_or_default();
    ["/dependencies/node", "/devDependencies/node"].iter().any(|node| package.pointer(node).is_some())
}

/// Whether the Worker does not exist, according to a message of [`explain`].
pub(crate) fn is_about_a_missing_worker(message: &str) -> bool {
    Kind::of(message) == Some(Kind::NoWorker)
}

/// Whether the local state failed, according to a message of [`explain`].
pub(crate) fn is_about_local_state(message: &str) -> bool {
    Kind::of(message) == Some(Kind::LocalState)
}

/// The message for a failure of wrangler: its error, and a hint. `dir` and `environment` as for the remedy.
pub(crate) fn explain(stderr: &str, stdout: &str, dir: &Path, environment: Option<&str>) -> String {
    // wrangler prints its questions and its progress on stdout.
    let said =
        if plain(stderr).contains("[ERROR]") { stderr.to_owned() } else { format!("{stderr}\n{stdout}") };
    let words = last_words(&said);
    match (words.is_empty(), Kind::of(&words)) {
        (true, _) => "wrangler failed without an error message".to_owned(),
        (false, None) => format!("wrangler failed: {words}"),
        (false, Some(kind)) => format!("wrangler failed: {words}\nhint: {}", kind.remedy(dir, environment)),
    }
}

/// The lines of wrangler's first error, or the last lines of its output if it shows no error. A second error is about
/// what wrangler does after the first one: with rejected credentials, it asks for the accounts.
fn last_words(said: &str) -> String {
    let lines: Vec<String> = said
        .lines()
        .map(|line| plain(line).trim().to_owned())
        .filter(|line| !line.is_empty() && !line.starts_with('🪵') && !line.contains("WARNING"))
        // `--temporary` uses another account than the operator's, so edgemint never suggests it.
        .filter(|line| !line.contains("--temporary"))
        // wrangler adds this line to errors of Cloudflare, too, which its authors cannot fix.
        .filter(|line| !line.contains("If you think this is a bug"))
        .filter(|line| !line.contains("⛅️") && !line.chars().all(|c| "─-═".contains(c)))
        .collect();
    let is_error = |line: &String| line.contains("[ERROR]");
    let error = lines.iter().position(is_error);
    let from = error.unwrap_or(lines.len().saturating_sub(MAX_LINES));
    let mut words = lines.iter().skip(from);
    let first = words.next().into_iter();
    let words: Vec<&str> =
        first.chain(words.take_while(|line| !is_error(line))).take(MAX_LINES).map(String::as_str).collect();
    words.join("\n").trim_start_matches("✘").trim_start().trim_start_matches("[ERROR]").trim().to_owned()
}

/// The line without color escape sequences.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // ESC [ parameters letter
            let _ = chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{KINDS, Kind, explain};

    fn told(stderr: &str) -> String {
        explain(stderr, "", Path::new("/p"), Some("production"))
    }

    #[test]
    fn a_failure_is_told_in_wranglers_words_and_what_helps() {
        let said = "\n ⛅️ wrangler 4.164.0\n────────\n\u{1b}[31m✘ \
                    \u{1b}[41;31m[\u{1b}[41;97mERROR\u{1b}[41;31m]\u{1b}[0m \u{1b}[1mIn a non-interactive \
                    environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable.\u{1b}[0m\n\n🪵  \
                    Logs were written to \"/x\"\n";
        assert_eq!(
            told(said),
            "wrangler failed: In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN \
             environment variable.\nhint: log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN"
        );
        let offered = "[ERROR] You are not logged in.\nTo continue without logging in, rerun this command with \
                       `--temporary`.";
        assert!(!told(offered).contains("temporary"));
        assert_eq!(
            told("a\n[ERROR] first\nTypeError: fetch failed").lines().next_back(),
            Some("hint: check the network connection: Cloudflare could not be reached")
        );
        assert_eq!(told(""), "wrangler failed without an error message");
        assert_eq!(told("1\n2\n3\n4\n5\n6\n7"), "wrangler failed: 2\n3\n4\n5\n6\n7");
    }

    #[test]
    fn only_the_first_error_is_told_and_no_progress() {
        let stderr =
            "✘ [ERROR] one [code: 10000]\n\n  If you think this is a bug, …\n✘ [ERROR] two [code: 9109]\n";
        let message = explain(stderr, "🌀 Deleting the secret\n", Path::new("/p"), None);
        assert!(
            message.starts_with("wrangler failed: one [code: 10000]\nhint: Cloudflare rejects"),
            "{message}"
        );
        assert!(explain("", "said on stdout", Path::new("/p"), None).ends_with("said on stdout"));
    }

    #[test]
    fn each_kind_has_its_own_remedy_with_the_environment() {
        for (kind, needles) in KINDS {
            for needle in needles {
                assert_eq!(Kind::of(&format!("a {needle} b")), Some(kind), "{needle}");
            }
        }
        let create = "wrangler kv namespace create CLIENTS --env production`";
        assert!(told("[ERROR] namespace not found [code: 10013]").contains(create));
        assert!(
            told("[ERROR] An unknown error has occurred. [code: 10013]").contains("run the command again")
        );
        for said in
            ["KV DELETE failed: 500 Internal Server Error", "internal error; reference = h5d13foccfar5k"]
        {
            let message = told(&format!("[ERROR] {said}"));
            assert!(message.contains("`edgemint dev`") && !message.contains("Cloudflare"), "{message}");
        }
        assert!(!told("[ERROR] something else").contains("hint"));
    }

    #[test]
    fn an_old_node_is_replaced_by_the_project_only_if_the_project_has_one() {
        let said = "Wrangler requires at least Node.js v22.12.0. You are using v20.20.2.";
        let hint = |dir: &Path| explain(said, "", dir, None);
        let project = std::env::temp_dir().join(format!("edgemint-failure-{}", std::process::id()));
        std::fs::create_dir_all(&project).unwrap();
        assert!(hint(&project).ends_with("hint: install a newer Node.js from https://nodejs.org"));
        let lists = [
            ("{\"dependencies\": {\"edgemint\": \"1\"}}", false),
            ("{\"devDependencies\": {\"node\": \"22\"}}", true),
        ];
        for (package, installs) in lists {
            std::fs::write(project.join("package.json"), package).unwrap();
            assert_eq!(hint(&project).contains("`npm ci`"), installs, "{package}");
        }
        std::fs::remove_dir_all(project).unwrap();
    }
}
