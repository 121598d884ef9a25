//! Issuers that many deployments trust: their names on the command line, and the platforms of known URLs.

use edgemint_issuer::{Platform, TrustedIssuerId};

/// An issuer with a name on the command line.
#[derive(Debug)]
pub(crate) struct Preset {
    /// The name on the command line.
    pub(crate) word: &'static str,
    pub(crate) url: &'static str,
    /// The name for people.
    pub(crate) name: &'static str,
}

/// The issuers that have the same URL in all deployments.
pub(crate) const PRESETS: [Preset; 3] = [
    Preset { word: "github", url: "https://token.actions.githubusercontent.com", name: "GitHub Actions" },
    Preset { word: "gitlab", url: "https://gitlab.com", name: "GitLab.com" },
    Preset { word: "gcp", url: "https://accounts.google.com", name: "Google Cloud" },
];

/// The platforms whose issuer differs by account, and the way to its URL.
const OF_ACCOUNTS: [(&str, &str); 4] = [
    ("aws", "`aws iam get-outbound-web-identity-federation-info` prints it"),
    ("azure", "it is https://sts.windows.net/TENANT/ or https://login.microsoftonline.com/TENANT/v2.0"),
    ("kubernetes", "`kubectl get --raw /.well-known/openid-configuration` prints it as `issuer`"),
    ("spiffe", "it is the jwt_issuer of the SPIRE server"),
];

/// Parses a URL, or the name of a preset.
pub(crate) fn parse(text: &str) -> Result<TrustedIssuerId, String> {
    if let Some((word, way)) = OF_ACCOUNTS.iter().find(|(word, _)| *word == text) {
        return Err(format!("the URL of the issuer of {word} differs by account, so pass the URL: {way}"));
    }
    let preset = PRESETS.iter().find(|preset| preset.word == text);
    TrustedIssuerId::parse(preset.map_or(text, |preset| preset.url)).map_err(|error| {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.word).collect();
        format!("{error}. The presets are {}", names.join(", "))
    })
}

/// The name for people of a known issuer.
pub(crate) fn name(id: &TrustedIssuerId) -> Option<&'static str> {
    PRESETS.iter().find(|preset| preset.url == id.as_str()).map(|preset| preset.name)
}

/// The platform of a URL that no other platform uses.
pub(crate) fn platform(id: &TrustedIssuerId) -> Option<Platform> {
    let rest = id.as_str().strip_prefix("https://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|name| name.ends_with('.'));
    match host {
        "token.actions.githubusercontent.com" => Some(Platform::Github),
        "gitlab.com" => Some(Platform::Gitlab),
        "accounts.google.com" => Some(Platform::Gcp),
        "sts.windows.net" | "login.microsoftonline.com" => Some(Platform::Azure),
        "container.googleapis.com" => Some(Platform::Kubernetes),
        // GitHub Enterprise Cloud with data residency.
        _ if host.starts_with("token.actions.") && is_below("ghe.com") => Some(Platform::Github),
        _ if is_below("tokens.sts.global.api.aws") => Some(Platform::Aws),
        _ if host.starts_with("oidc.eks.") && is_below("amazonaws.com") => Some(Platform::Kubernetes),
        _ if is_below("oic.prod-aks.azure.com") => Some(Platform::Kubernetes),
        _ if host.starts_with("kubernetes.default.svc") => Some(Platform::Kubernetes),
        // The path of GitHub Enterprise Server.
        _ if path == "_services/token" => Some(Platform::Github),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_a_url_and_its_platform_is_known() {
        for preset in PRESETS {
            let id = parse(preset.word).expect(preset.word);
            assert_eq!((id.as_str(), name(&id)), (preset.url, Some(preset.name)));
            assert_eq!(platform(&id).map(Platform::name), Some(preset.word));
            assert_eq!(parse(preset.url), Ok(id));
        }
        for (word, _) in OF_ACCOUNTS {
            assert!(parse(word).is_err_and(|told| told.contains("differs by account")), "{word}");
        }
        assert!(parse("githib").is_err_and(|told| told.contains("github, gitlab, gcp")));
        assert!(parse("http://example.com").is_err());
    }

    #[test]
    fn urls_of_one_platform_are_known_and_those_that_look_like_them_are_not() {
        for (url, expected) in [
            ("https://token.actions.githubusercontent.com/octo-inc", Some(Platform::Github)),
            ("https://ghes.example.com/_services/token", Some(Platform::Github)),
            ("https://token.actions.octo.ghe.com", Some(Platform::Github)),
            ("https://sts.windows.net/8f0c/", Some(Platform::Azure)),
            ("https://1c2d.tokens.sts.global.api.aws", Some(Platform::Aws)),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", Some(Platform::Kubernetes)),
            ("https://kubernetes.default.svc.cluster.local", Some(Platform::Kubernetes)),
            ("https://container.googleapis.com/v1/projects/p", Some(Platform::Kubernetes)),
            ("https://eviltokens.sts.global.api.aws", None),
            ("https://gitlab.com.example.org", None),
            ("https://example.com/token.actions.githubusercontent.com", None),
            ("http://127.0.0.1:1/", None),
        ] {
            let id = TrustedIssuerId::parse(url).expect(url);
            assert_eq!(platform(&id), expected, "{url}");
        }
    }
}
