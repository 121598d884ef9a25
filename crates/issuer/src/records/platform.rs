//! The platforms that sign identity tokens for workloads: what a token of each is like.

use serde::{Deserialize, Serialize};

use crate::grammar::duration::Lifetime;
use crate::jose::signature_algorithm::SignatureAlgorithm as Alg;

/// The platform of a trusted issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// A Kubernetes cluster (projected service account tokens).
    Kubernetes,
    /// AWS (outbound identity federation).
    Aws,
    /// Google Cloud.
    Gcp,
    /// Microsoft Entra (managed identities).
    Azure,
    /// SPIFFE (JWT-SVID).
    Spiffe,
    /// Any other OpenID provider.
    Custom,
}

impl Platform {
    /// All platforms.
    pub const ALL: [Self; 8] = [
        Self::Github,
        Self::Gitlab,
        Self::Kubernetes,
        Self::Aws,
        Self::Gcp,
        Self::Azure,
        Self::Spiffe,
        Self::Custom,
    ];

    /// The name in records and in flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Kubernetes => "kubernetes",
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
            Self::Spiffe => "spiffe",
            Self::Custom => "custom",
        }
    }

    /// The longest age and the longest lifetime of its tokens, if the operator sets no other.
    ///
    /// GitHub's tokens live some minutes, Google's one hour, and GitLab's until the time-out of the job. A kubelet
    /// renews a token when 80 % of its time is over. Tokens of Azure's managed identities live a little over
    /// 24 hours.
    pub fn max_age(self) -> Lifetime {
        Lifetime::from_seconds(match self {
            Self::Github => 900,
            Self::Aws | Self::Gcp | Self::Spiffe | Self::Custom => 3600,
            Self::Gitlab | Self::Kubernetes => 7200,
            Self::Azure => 25 * 3600,
        })
    }

    /// Whether a token may be used only once, if the operator does not say. Only GitHub gives a workload a
    /// new token for each request.
    pub fn single_use(self) -> bool {
        self == Self::Github
    }

    /// The algorithms of its tokens, if the operator names no others.
    pub fn algs(self) -> &'static [Alg] {
        match self {
            Self::Github | Self::Gitlab | Self::Gcp | Self::Azure => &[Alg::Rs256],
            Self::Kubernetes => &[Alg::Rs256, Alg::Es256],
            Self::Aws => &[Alg::Es384, Alg::Rs256],
            Self::Spiffe => &[Alg::Es256, Alg::Es384, Alg::Rs256, Alg::Ps256],
            Self::Custom => &[Alg::Es256, Alg::Ps256, Alg::Rs256, Alg::EdDsa],
        }
    }

    /// The accepted values of `use` of its keys.
    pub fn key_uses(self) -> &'static [&'static str] {
        if self == Self::Spiffe { &["sig", "jwt-svid"] } else { &["sig"] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_in_records() {
        for platform in Platform::ALL {
            assert_eq!(serde_json::to_value(platform).unwrap(), platform.name());
        }
    }

    #[test]
    fn every_platform_has_its_own_defaults() {
        use Alg::{EdDsa, Es256, Es384, Ps256, Rs256};
        for (platform, max_age, algs) in [
            (Platform::Github, "15m", &[Rs256][..]),
            (Platform::Gitlab, "2h", &[Rs256]),
            (Platform::Kubernetes, "2h", &[Rs256, Es256]),
            (Platform::Aws, "1h", &[Es384, Rs256]),
            (Platform::Gcp, "1h", &[Rs256]),
            (Platform::Azure, "25h", &[Rs256]),
            (Platform::Spiffe, "1h", &[Es256, Es384, Rs256, Ps256]),
            (Platform::Custom, "1h", &[Es256, Ps256, Rs256, EdDsa]),
        ] {
            assert_eq!((platform.max_age().to_string().as_str(), platform.algs()), (max_age, algs));
            assert_eq!(platform.single_use(), platform == Platform::Github, "{platform:?}");
            assert_eq!(platform.key_uses().contains(&"jwt-svid"), platform == Platform::Spiffe);
            assert!(platform.key_uses().contains(&"sig"), "{platform:?}");
        }
    }
}
