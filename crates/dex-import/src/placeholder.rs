//! Placeholders: texts that a tool should have replaced with a secret, but did not.
//!
//! A placeholder is in Git, often in a public repository. Used as a secret, it would open the token endpoint to all
//! readers of that repository. A random secret must not be taken for a placeholder, so each notation below requires
//! more than one rare character.

use super::naming::{humps, is_name, is_name_byte, is_short_name, is_upper_name};

/// One notation for placeholders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Notation {
    /// The notation, for people.
    pub(super) form: &'static str,
    /// The tools that replace it; `None` when a person should.
    pub(super) tools: Option<&'static str>,
    is: fn(&str) -> bool,
}

/// The notation of `text`: a reference that a tool replaces, or a word that a person should replace.
pub(super) fn of(text: &str) -> Option<&'static Notation> {
    let text = text.trim();
    reference(text).or_else(|| Some(&FILL_IN).filter(|_| is_fill_in(text)))
}

/// The notation of `text`, but only if a tool replaces it. For IDs and names, in which a word such as `example` is
/// fine.
pub(super) fn reference(text: &str) -> Option<&'static Notation> {
    let text = text.trim();
    NOTATIONS.iter().find(|notation| (notation.is)(text))
}

const FILL_IN: Notation = Notation { form: "changeme", tools: None, is: is_fill_in };

const fn notation(form: &'static str, tools: &'static str, is: fn(&str) -> bool) -> Notation {
    Notation { form, tools: Some(tools), is }
}

/// The first match gives the name, so notations of one tool come before notations that several tools share.
const NOTATIONS: &[Notation] = &[
    // Encrypted values, which a tool decrypts.
    notation("$ANSIBLE_VAULT;…", "ansible-vault", |text| text.starts_with("$ANSIBLE_VAULT;")),
    notation("ENC[…]", "SOPS or hiera-eyaml", |text| is_between(text, "ENC[", "]")),
    notation("ENC(…)", "Jasypt", |text| is_between(text, "ENC(", ")")),
    notation("{cipher}…", "Spring Cloud Config", |text| text.starts_with("{cipher}")),
    notation("vault:v1:…", "Vault's transit engine", |text| numbered(text, "vault:v", ":")),
    notation("encrypted:…", "Spinnaker or dotenvx", |text| begins(text, &["encrypted:", "encryptedFile:"])),
    notation("-----BEGIN … MESSAGE-----", "PGP or age", |text| {
        begins(text, &["-----BEGIN PGP MESSAGE", "-----BEGIN AGE ENCRYPTED"])
    }),
    notation("a sealed secret", "Sealed Secrets", is_sealed),
    notation("an AWS KMS ciphertext", "AWS KMS", |text| {
        text.starts_with("AQICAH") && text.len() >= 100 && text.bytes().all(is_base64)
    }),
    // References to a secret store.
    notation("vault:path#key", "bank-vaults", |text| {
        text.trim_start_matches(">>").strip_prefix("vault:").is_some_and(|path| path.contains(['#', '/']))
            || text.contains("${vault:")
    }),
    notation("ref+vault://…", "vals or helmfile", |text| {
        ["ref+", "secretref+"].iter().any(|scheme| text.contains(scheme)) && text.contains("://")
    }),
    notation("op://vault/item/field", "1Password", |text| text.contains("op://")),
    notation("arn:aws:secretsmanager:…", "AWS", |text| {
        begins(text, &["arn:aws:", "arn:aws-cn:", "arn:aws-us-gov:"])
    }),
    notation("{{resolve:…}}", "AWS CloudFormation", |text| text.contains("{{resolve:")),
    notation("projects/…/secrets/…", "Google Secret Manager", |text| {
        text.strip_prefix("projects/").is_some_and(|rest| rest.contains("/secrets/"))
    }),
    notation("@Microsoft.KeyVault(…)", "Azure", |text| text.contains("@Microsoft.")),
    notation("scheme://…", "a store of secrets", is_uri),
    notation("/run/secrets/…", "Docker, Kubernetes or Vault Agent (a file)", |text| {
        const FOLDERS: &[&str] = &[
            "/run/secrets/",
            "/var/run/secrets/",
            "/etc/secrets/",
            "/mnt/secrets",
            "/vault/secrets/",
            "file:/",
        ];
        begins(text, FOLDERS)
    }),
    notation("<path:path#key>", "argocd-vault-plugin or argocd-vault-replacer", |text| {
        ["<path:", "<secret:", "<vault:", "<sops:"].iter().any(|open| text.contains(open))
            && text.contains('>')
    }),
    notation("<+…>", "Harness", |text| {
        is_between(text, "<+", ">")
            && text.contains('.')
            && text.bytes().filter(|c| !is_name_byte(*c)).count() < 9
    }),
    // Templates.
    notation("${{ … }}", "GitHub Actions or Codefresh", |text| holds(text, "${{", "}}", is_expression)),
    notation("{{ … }}", "Helm, gomplate, consul-template, Ansible or Jinja", |text| {
        is_between(text, "{{", "}}") || holds(text, "{{", "}}", is_expression)
    }),
    notation("{% … %}", "Jinja or Liquid", |text| holds(text, "{%", "%}", |inner| inner.contains(' '))),
    notation("<%= … %>", "ERB or EJS", |text| holds(text, "<%", "%>", |inner| inner.contains(' '))),
    notation("<?= … ?>", "PHP", |text| holds(text, "<?", "?>", |inner| inner.contains(' '))),
    notation("[[ … ]]", "Levant or Nomad Pack", |text| {
        text.contains(' ') && is_between(text, "[[", "]]")
            || holds(text, "[[", "]]", |inner| inner.contains(' '))
    }),
    notation("((…))", "Concourse, CredHub or BOSH", |text| is_between(text, "((", "))")),
    notation("<<…>>", "CircleCI", |text| is_between(text, "<<", ">>")),
    // Variables.
    notation("$__file{…}", "Grafana", |text| is_between(text, "$__", "}")),
    notation("${var.name}", "Terraform", |text| {
        ["${var.", "${local.", "${data.", "${module."].iter().any(|open| text.contains(open))
    }),
    notation("${NAME}", "envsubst, Docker Compose, Kustomize, Flux, Spring or Terraform", |text| {
        is_variable(text, "${", "}")
    }),
    notation("$(NAME)", "Kubernetes, Kustomize, Azure DevOps, Tekton or a shell", |text| {
        is_variable(text, "$(", ")")
    }),
    notation("%{name}", "Hiera or Terraform", |text| is_variable(text, "%{", "}")),
    notation("#{name}", "Octopus Deploy, Replace Tokens or Spring", |text| {
        is_variable(text.strip_suffix('#').unwrap_or(text), "#{", "}")
    }),
    notation("?{…}", "Kapitan", |text| is_between(text, "?{", "}") && text.contains(':')),
    notation("{$NAME}", "Caddy", |text| is_variable(text, "{$", "}") || is_between(text, "{env.", "}")),
    notation("@@name@@", "a filter of Ant, Maven or sed", |text| wrapped(text, "@@") || wrapped(text, "@")),
    notation("__name__", "Replace Tokens or sed", |text| wrapped(text, "__")),
    notation("%NAME%", "Windows or TeamCity", |text| wrapped(text, "%")),
    notation("`command`", "a shell", |text| is_between(text, "`", "`") && text.contains(' ')),
    notation("process.env.NAME", "a program", |text| {
        const CALLS: &[&str] = &[
            "process.env.",
            "process.env[",
            "os.environ",
            "os.getenv(",
            "os.Getenv(",
            "System.getenv(",
            "getenv(",
            "ENV[",
            "env(",
            "lookup(",
        ];
        begins(text, CALLS)
    }),
    notation("$name", "Argo CD, envsubst, Docker Compose or a shell", |text| {
        let names = text.trim_start_matches('$');
        text.starts_with('$') && are_dollar_names(names)
    }),
    notation("<name>", "argocd-vault-plugin or the reader of an example", |text| {
        is_between(text, "<", ">")
            && (text.contains(' ') || text.bytes().all(|c| is_name_byte(c) || b"<>/:#|".contains(&c)))
    }),
    notation("[name]", "the reader of an example", |text| {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        inner.is_some_and(|inner| inner.contains(' ') || is_name(inner))
    }),
];

fn begins(text: &str, with: &[&str]) -> bool {
    with.iter().any(|start| text.starts_with(start))
}

/// Whether the whole `text` is `open`, something, and `close`.
fn is_between(text: &str, open: &str, close: &str) -> bool {
    text.strip_prefix(open).and_then(|text| text.strip_suffix(close)).is_some_and(|inner| !inner.is_empty())
}

/// Whether `text` has `open` and later `close`, and `inner` accepts the text between them.
fn holds(text: &str, open: &str, close: &str, inner: fn(&str) -> bool) -> bool {
    let after = text.split_once(open).map(|(_, after)| after);
    after.and_then(|after| after.split_once(close)).is_some_and(|(between, _)| inner(between))
}

/// Whether the whole `text` is a name between two marks, such as `@@name@@`.
fn wrapped(text: &str, mark: &str) -> bool {
    let inner = text.strip_prefix(mark).and_then(|text| text.strip_suffix(mark));
    inner.is_some_and(|name| is_upper_name(name) || is_name(name))
}

fn numbered(text: &str, before: &str, after: &str) -> bool {
    let number = text.strip_prefix(before).and_then(|rest| rest.split_once(after)).map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()))
}

/// Whether the text is `scheme://rest`. Excludes web addresses (but not those of Azure Key Vault) and SPIFFE IDs, which
/// name a client and not a place of secrets.
fn is_uri(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        (!["http", "https", "spiffe"].contains(&scheme) || rest.contains(".vault.azure.net/"))
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
            && !rest.is_empty()
    })
}

/// Whether the text is output of Sealed Secrets: base64 of the length of an RSA ciphertext (0x0200) and the rest.
fn is_sealed(text: &str) -> bool {
    text.starts_with("Ag") && text.len() >= 700 && text.bytes().all(is_base64)
}

fn is_base64(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"+/=".contains(&c)
}

/// Whether the text is what templates have between their braces: `.Values.x`, `getenv "X"`.
fn is_expression(text: &str) -> bool {
    text.bytes().any(|c| c.is_ascii_alphabetic())
        && (text.contains(' ') || text.bytes().all(|c| is_name_byte(c) || b"$/:|()[]'\"\\".contains(&c)))
}

/// Whether the text is `${NAME}` or similar as a whole, or contains it with a name that people give.
fn is_variable(text: &str, open: &str, close: &str) -> bool {
    let is_all = is_between(text, open, close);
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(open) {
        let Some((inner, _)) = after.split_once(close) else { return false };
        let end = inner.bytes().position(|c| !is_name_byte(c)).unwrap_or(inner.len());
        let (name, more) = inner.split_at(end);
        let operators = [':', '-', '+', '?', '=', '/', '%', '^', ',', '|', '#', ' ', '(', '@', '[', '!', '<'];
        let is_part = is_name(name)
            && name.bytes().filter(u8::is_ascii_alphabetic).count() >= 5
            && (is_upper_name(name) || name.starts_with(|c: char| c.is_ascii_lowercase()));
        if is_all && !inner.is_empty() && (more.is_empty() || more.starts_with(operators))
            || is_part && (more.is_empty() || more.starts_with([':', ' ']))
        {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether the text can follow a `$`: `NAME`, `oidc.x.clientSecret`, `secret:key`, `A-$B`.
fn are_dollar_names(text: &str) -> bool {
    let is_one = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let separators = ['-', '_', '.', '/', ':', ' ', ','];
    is_one && (is_short_name(text) || is_name(&text.replace([':', '/'], ".")))
        || text.split('$').all(|name| is_upper_name(name.trim_end_matches(separators)))
}

/// Whether a person should have replaced the text: `changeme`, `your-client-secret`, `REDACTED`, `xxxx`, `****`.
fn is_fill_in(text: &str) -> bool {
    /// Words that mark a placeholder anywhere in the text. Each is long enough not to occur in a random secret.
    const ANYWHERE: [&str; 18] = [
        "changeme",
        "changethis",
        "replaceme",
        "replacethis",
        "replacewith",
        "redacted",
        "placeholder",
        "inserthere",
        "insertyour",
        "enteryour",
        "putyour",
        "addyour",
        "fillmein",
        "yoursecret",
        "yourclientsecret",
        "secrethere",
        "tobereplaced",
        "tobedefined",
    ];
    /// Words that mark a placeholder only as the whole text.
    const WHOLE: [&str; 27] = [
        "todo",
        "tbd",
        "tba",
        "fixme",
        "removed",
        "hidden",
        "masked",
        "censored",
        "omitted",
        "dummy",
        "changeit",
        "setme",
        "fillme",
        "fillin",
        "insertme",
        "overrideme",
        "overwriteme",
        "undefined",
        "unset",
        "notset",
        "null",
        "nil",
        "none",
        "nan",
        "na",
        "novalue",
        "objectobject",
    ];
    /// Words that mark a placeholder in a text that begins with `your`.
    const YOURS: [&str; 7] = ["secret", "password", "key", "token", "value", "here", "credentials"];
    let words = words(text);
    let joined = words.concat();
    let has_first = |wanted: &[&str]| words.first().is_some_and(|word| wanted.contains(&word.as_str()));
    is_filler(text)
        || ANYWHERE.iter().any(|part| joined.contains(part))
        || WHOLE.contains(&joined.as_str())
        || ["todo", "tbd", "fixme"].iter().any(|word| {
            let rest = text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word));
            rest.is_some()
                && text.get(word.len()..).is_some_and(|rest| rest.starts_with([' ', ':', '_', '(']))
        })
        || has_first(&["your"]) && words.iter().any(|word| YOURS.contains(&word.as_str()))
}

/// The words of a text in lower case: `yourSecret-here` has three.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.flat_map(humps).map(str::to_lowercase).collect()
}

/// Whether the text is a filler: `xxxx`, `****`, `....`, `xxxx-xxxx`, a UUID of zeros.
fn is_filler(text: &str) -> bool {
    let separators = ['-', '_', '.', ' ', '…'];
    let rest: String = text.to_lowercase().chars().filter(|c| !separators.contains(c)).collect();
    match rest.chars().next() {
        None => text.chars().count() > 2 || text.contains('…'),
        Some('0') => rest.len() >= 16 && rest.bytes().all(|c| c == b'0'),
        Some(first) => {
            ['x', '*', '#', '?', '•'].contains(&first)
                && text.chars().count() > 2
                && rest.chars().all(|c| c == first)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    #[test]
    fn the_placeholders_of_each_tool_are_known_by_its_name() {
        let sealed = format!("AgB{}", "x9Yk".repeat(200));
        let kms = format!("AQICAH{}", "hR7m".repeat(40));
        for (tool, text) in [
            ("Argo CD", "$oidc.my-mcp.clientSecret"),
            ("Argo CD", "$argocd-sso:oidc.clientSecret"),
            ("Argo CD", "$k8s-secret:oauth2ClientSecret"),
            ("Argo CD", "$workflows"),
            ("envsubst", "$CLIENT_SECRET"),
            ("envsubst", "${CLIENT_SECRET}"),
            ("envsubst", "$S3"),
            ("Docker Compose", "${CLIENT_SECRET:-default}"),
            ("Docker Compose", "${CLIENT_SECRET:?must be set}"),
            ("Docker Compose", "$$CLIENT_SECRET"),
            ("envsubst", "prefix-${CLIENT_SECRET}-suffix"),
            ("envsubst", "${A}"),
            ("envsubst", "$PART_1$PART_2"),
            ("envsubst", "$PART_1-$PART_2"),
            ("Argo CD", "$sso:id"),
            ("Flux", "${cluster_secret:=x}"),
            ("Kustomize", "$(CLIENT_SECRET)"),
            ("Kubernetes", "$(CLIENT_SECRET)"),
            ("Azure DevOps", "$(clientSecret)"),
            ("Tekton", "$(params.client-secret)"),
            ("a shell", "$(cat /run/secrets/client)"),
            ("a shell", "`cat /run/secrets/client`"),
            ("a shell", "$(</run/secrets/client)"),
            ("a shell", "$env:CLIENT_SECRET"),
            ("Helm", "{{ .Values.clientSecret }}"),
            ("Helm", "{{- .Values.clientSecret | quote -}}"),
            ("Helm", "{{.Values.clientSecret}}"),
            ("Helm", "dex-{{ .Release.Name }}"),
            ("gomplate", "{{ .Env.MY_SECRET_ENV }}"),
            ("gomplate", "{{ getenv \"CLIENT_SECRET\" (random.AlphaNum 15) }}"),
            ("consul-template", "{{ with secret \"secret/dex\" }}{{ .Data.data.x }}{{ end }}"),
            ("Ansible", "{{ lookup('env', 'CLIENT_SECRET') }}"),
            ("Ansible", "{{ vault_client_secret }}"),
            ("ansible-vault", "$ANSIBLE_VAULT;1.1;AES256\n6438346"),
            ("Jinja", "{% if x %}a{% endif %}"),
            ("Liquid", "{%- assign x = 'y' -%}"),
            ("ERB", "<%= ENV['CLIENT_SECRET'] %>"),
            ("PHP", "<?= getenv('CLIENT_SECRET') ?>"),
            ("Levant", "[[ .client_secret ]]"),
            ("Concourse", "((client-secret))"),
            ("CircleCI", "<< parameters.client-secret >>"),
            ("Harness", "<+secrets.getValue(\"client\")>"),
            ("argocd-vault-plugin", "<path:secret/data/dex#client-secret>"),
            ("argocd-vault-plugin", "<path:secret/data/dex#client-secret | base64encode>"),
            ("argocd-vault-plugin", "<client-secret>"),
            ("argocd-vault-plugin", "<clientSecret | base64encode>"),
            ("argocd-vault-replacer", "<secret:/store/data/path~key>"),
            ("bank-vaults", "vault:secret/data/dex#CLIENT_SECRET"),
            ("bank-vaults", ">>vault:secret/data/dex#CLIENT_SECRET"),
            ("bank-vaults", "x-${vault:secret/data/dex#CLIENT_SECRET}"),
            ("transit", "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w=="),
            ("vals", "ref+vault://secret/dex#/client"),
            ("vals", "secretref+awssecrets://dex/client"),
            ("helmfile", "ref+sops://secrets.yaml#/client"),
            ("SOPS", "ENC[AES256_GCM,data:uEyvxQ==,iv:5Zu,tag:8Cd,type:str]"),
            ("hiera-eyaml", "ENC[PKCS7,MIIBiQYJKoZIhvcNAQcDoIIBejCCAXYCAQAx]"),
            ("Jasypt", "ENC(nrmZtkF7T0kjG/VodDvBw93Ct8EgjCA+)"),
            (
                "Spring Cloud Config",
                "{cipher}682bc583f4641835fa2db009355293665d2647dade3375c0ee201de2a49f7bda",
            ),
            ("Spinnaker", "encrypted:s3!r:eu-west-1!b:x!f:y"),
            ("dotenvx", "encrypted:BDyDBHnXKqTHfVAoT6NCu6cMcWW6mSNNmHsGqzCxRPN6XS"),
            ("PGP", "-----BEGIN PGP MESSAGE-----\n\nhQEMA"),
            ("age", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl"),
            ("Sealed Secrets", &sealed),
            ("AWS KMS", &kms),
            ("Terraform", "${var.client_secret}"),
            ("Terraform", "%{ if x }a%{ endif }"),
            ("Terraform", "${data.vault_generic_secret.dex.data[\"x\"]}"),
            ("Terraform", "${random_password.x.result}"),
            ("Hiera", "%{lookup('client_secret')}"),
            ("GitHub Actions", "${{ secrets.CLIENT_SECRET }}"),
            ("Codefresh", "${{CLIENT_SECRET}}"),
            ("Spring", "${client.secret}"),
            ("Spring", "#{systemProperties['client']}"),
            ("Octopus", "#{Client.Secret}"),
            ("Replace Tokens", "#{CLIENT_SECRET}#"),
            ("Replace Tokens", "__CLIENT_SECRET__"),
            ("Ant", "@@client.secret@@"),
            ("Maven", "@client.secret@"),
            ("Windows", "%CLIENT_SECRET%"),
            ("TeamCity", "%env.CLIENT_SECRET%"),
            ("Kapitan", "?{gpg:targets/dex/client}"),
            ("Caddy", "{$CLIENT_SECRET}"),
            ("Caddy", "{env.CLIENT_SECRET}"),
            ("Grafana", "$__file{/etc/secrets/client}"),
            ("1Password", "op://infra/dex/client-secret"),
            ("1Password", "{{ op://infra/dex/client-secret }}"),
            ("a store of secrets", "keeper://7ICVQ/field/password"),
            ("a store of secrets", "sm://project/client-secret"),
            ("a store of secrets", "berglas://bucket/client-secret"),
            ("a store of secrets", "aws-ssm:///dex/client"),
            ("a store of secrets", "https://dex.vault.azure.net/secrets/client/"),
            ("a store of secrets", "env://CLIENT_SECRET"),
            ("AWS", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:dex-AbCdEf"),
            ("AWS", "arn:aws:ssm:eu-west-1:123456789012:parameter/dex"),
            ("CloudFormation", "{{resolve:secretsmanager:dex:SecretString:client}}"),
            ("Google", "projects/acme/secrets/dex/versions/latest"),
            ("Azure", "@Microsoft.KeyVault(SecretUri=https://dex.vault.azure.net/secrets/client/)"),
            ("Docker", "/run/secrets/client"),
            ("Vault Agent", "/vault/secrets/client"),
            ("Kubernetes", "file:/etc/dex/client"),
            ("a program", "process.env.CLIENT_SECRET"),
            ("a program", "os.environ[\"CLIENT_SECRET\"]"),
            ("an example", "<REPLACE_ME>"),
            ("an example", "<your client secret, please>"),
            ("an example", "<no value>"),
            ("an example", "[your-secret]"),
            ("an example", "changeme"),
            ("an example", "CHANGE_ME"),
            ("an example", "ChangeMePlease123!"),
            ("an example", "replace-with-a-random-string"),
            ("an example", "REDACTED"),
            ("an example", "[REDACTED]"),
            ("an example", "***REDACTED***"),
            ("an example", "your-256-bit-secret"),
            ("an example", "yourClientSecretHere"),
            ("an example", "TODO"),
            ("an example", "TODO: ask the platform team"),
            ("an example", "insert_secret_here"),
            ("an example", "xxx"),
            ("an example", "XXXXXXXX-XXXX"),
            ("an example", "********"),
            ("an example", "..."),
            ("an example", "…"),
            ("an example", "••••••"),
            ("an example", "undefined"),
            ("an example", "00000000-0000-0000-0000-000000000000"),
            ("an example", " changeme\n"),
        ] {
            let found = of(text).map(|notation| notation.tools.unwrap_or("the reader of an example"));
            assert!(found.is_some_and(|tools| tools.contains(tool)), "{text}: {found:?}, not {tool}");
        }
    }

    #[test]
    fn what_people_choose_as_secrets_is_not_a_placeholder() {
        for text in [
            "s",
            "hunter2",
            "secret",
            "password",
            "my-secret",
            "abcdefghijkl",
            "12345",
            "0000",
            "0123456789abcdef",
            "ZXhhbXBsZS1hcHAtc2VjcmV0",
            "example-app-secret",
            "correct horse battery staple",
            "Correct-Horse-Battery-Staple-7",
            "pa$$word",
            "P@ssw0rd!",
            "a{b}c",
            "100%",
            "a:b",
            "x<y>z",
            "$",
            "$$",
            "$5",
            "${}",
            "{}",
            "<>",
            "@@",
            "__",
            "$2y$10$WADk8Yp4dDw7JoQ6iC8Mbe3tPxOJ1AJPeFK9YmhpJZ4QpZQ8yq4Aa",
            "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
            "ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AgB1kkQz",
            "eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo",
        ] {
            assert!(of(text).is_none(), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn a_word_to_fill_in_may_be_an_id_and_a_reference_may_not() {
        for id in ["example", "placeholder", "todo", "xxx", "https", "app.example.com", "team/app"] {
            assert!(reference(id).is_none(), "{id}");
        }
        assert!(reference("{{ .Values.id }}").is_some() && reference("$CLIENT_ID").is_some());
    }

    proptest! {
        #[test]
        fn what_encodings_of_random_bytes_give_is_never_a_placeholder(
            bytes in proptest::collection::vec(any::<u8>(), 9..64),
            base62 in "[A-Za-z0-9]{12,64}",
        ) {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let uuid = format!("{:0>8.8}-{:0>4.4}-4{:0>3.3}-8{:0>3.3}-{:0>12.12}", hex, hex, hex, hex, hex);
            let base64 = [STANDARD.encode(&bytes), STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)];
            for text in base64.into_iter().chain([hex, uuid, base62]) {
                prop_assert!(of(&text).is_none(), "{}: {:?}", text, of(&text));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", odd in "[$@{}()<>%#?_\\[\\]a-cA-C0-2 :/é…]{0,40}") {
            let _ = (of(&text), of(&odd), reference(&text), reference(&odd));
        }
    }

    /// Output of password generators, with the symbols that each of them uses.
    #[test]
    fn of_generated_passwords_with_symbols_fewer_than_one_in_ten_thousand_is_refused() {
        const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        const COUNT: usize = 20_000;
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        // xorshift64*: the same passwords in every run.
        let mut random = |below: usize| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
            usize::try_from(bits).unwrap() % below
        };
        for (generator, symbols) in [
            ("openssl rand, printable", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
            ("1Password", "!@#$%^&*-_.?"),
            ("Bitwarden", "!@#$%^&*"),
            ("KeePass", "!\"#$%&'*+,./:;=?@\\^`|~-_[]{}()<>"),
            ("LastPass", "!#$%&*@^"),
            ("Django", "!@#$%^&*(-_=+)"),
            ("AWS", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
        ] {
            let alphabet: Vec<char> = LETTERS.chars().chain(symbols.chars()).collect();
            let mut refused = Vec::new();
            for length in [12, 16, 20, 32, 64] {
                let password = |_| (0..length).map(|_| alphabet[random(alphabet.len())]).collect::<String>();
                refused.extend((0..COUNT).map(password).filter(|text| of(text).is_some()));
            }
            assert!(refused.len() < 5 * COUNT / 10_000, "{generator}: {refused:?}");
        }
    }
}
