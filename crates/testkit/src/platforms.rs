//! Identity tokens and keys in the forms that the platforms document.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgemint_issuer::{Platform, SignatureAlgorithm};
use serde_json::{Value, json};

use crate::others::{private_key, public_key, sign_with};

/// The tenant of Entra.
const TENANT: &str = "0e3e2e88-8caf-41ca-b4da-e3b33b6c52ec";

/// A platform in one of its forms, whose issuer is at a path below a URL of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// GitHub Actions, with the `sub` of 2026.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// A projected service account token.
    Kubernetes,
    /// AWS's outbound identity federation.
    Aws,
    /// Google's metadata server.
    Gcp,
    /// A managed identity, for an application with tokens of version 1.
    AzureV1,
    /// The same for version 2.
    AzureV2,
    /// A JWT-SVID of SPIRE.
    Spiffe,
}

use Origin::{Aws, AzureV1, AzureV2, Gcp, Github, Gitlab, Kubernetes, Spiffe};

impl Origin {
    /// All of them.
    pub const ALL: [Self; 8] = [Github, Gitlab, Kubernetes, Aws, Gcp, AzureV1, AzureV2, Spiffe];

    /// The platform.
    pub fn platform(self) -> Platform {
        match self {
            Github => Platform::Github,
            Gitlab => Platform::Gitlab,
            Kubernetes => Platform::Kubernetes,
            Aws => Platform::Aws,
            Gcp => Platform::Gcp,
            AzureV1 | AzureV2 => Platform::Azure,
            Spiffe => Platform::Spiffe,
        }
    }

    /// The path of its identifier, and the path of its keys.
    pub fn paths(self) -> (String, String) {
        let (id, keys) = match self {
            Github => ("/github", "/github/.well-known/jwks"),
            Gitlab => ("/gitlab", "/gitlab/oauth/discovery/keys"),
            Kubernetes => ("/cluster", "/cluster/openid/v1/jwks"),
            Aws => {
                ("/aws/abc123-def456-ghi789-jkl012", "/aws/abc123-def456-ghi789-jkl012/.well-known/jwks.json")
            }
            Gcp => ("/google", "/google/oauth2/v3/certs"),
            AzureV1 => ("/azure/{tenant}/", "/azure/common/discovery/keys"),
            AzureV2 => ("/azure/{tenant}/v2.0", "/azure/{tenant}/discovery/v2.0/keys"),
            Spiffe => ("/spire", "/spire/keys"),
        };
        (id.replace("{tenant}", TENANT), keys.replace("{tenant}", TENANT))
    }

    /// The name of its key in `keys/others.json`, its algorithm, and its `kid`.
    pub fn key(self) -> (&'static str, SignatureAlgorithm, &'static str) {
        match self {
            Github => ("platform-RSA", SignatureAlgorithm::Rs256, "cc413527-173f-5a05-976e-9c52b1d7b431"),
            Gitlab => {
                ("signer-RSA", SignatureAlgorithm::Rs256, "4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE")
            }
            Kubernetes => {
                ("signer-RSA", SignatureAlgorithm::Rs256, "a2Q0bmEcSjeUUqzwGC08a3Ds3mLFpX52bAP2wjG6zzk")
            }
            Aws => ("platform-ES384", SignatureAlgorithm::Es384, "EC384_0"),
            Gcp => ("platform-RSA", SignatureAlgorithm::Rs256, "99bcb069340a3f147462794dfefa75e799613634"),
            AzureV1 | AzureV2 => ("platform-RSA", SignatureAlgorithm::Rs256, "nOo3ZDrODXEK1jKWhXslHR_KXEg"),
            Spiffe => ("platform-ES256", SignatureAlgorithm::Es256, "iO4XkSBqDCBTNJAUoqEBZRBHqUCHZfNY"),
        }
    }

    /// Its published keys, with the members that the platform publishes.
    pub fn key_set(self) -> Value {
        let (name, _, kid) = self.key();
        let key = |more: Value| {
            let more: Vec<(&str, Value)> = more
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect();
            let mut key = public_key(name, &more);
            key["kid"] = kid.into();
            key
        };
        // Stands for the certificate of the key, which is ignored.
        let x5c = json!(["MIIDKzCCAhOgAwIBAgIUDnwm6eRIqGFA3o/P1oBrChvx/nowDQYJKoZIhvcNAQELBQAw"]);
        match self {
            Github => {
                json!({ "keys": [key(json!({ "alg": "RS256", "use": "sig", "x5c": x5c, "x5t": kid }))] })
            }
            Gitlab | Kubernetes | Gcp => json!({ "keys": [key(json!({ "alg": "RS256", "use": "sig" }))] }),
            Aws => {
                let rsa = public_key("platform-RSA", &[("kid", "RSA_0".into()), ("alg", "RS256".into())]);
                json!({ "keys": [key(json!({ "alg": "ES384", "use": "sig" })), rsa] })
            }
            // Entra's keys have no `alg`.
            AzureV1 | AzureV2 => json!({ "keys": [key(json!({
                "use": "sig", "x5t": kid, "x5c": x5c, "cloud_instance_name": "microsoftonline.com",
                "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
            }))] }),
            // A SPIFFE bundle (SPIFFE Trust Domain and Bundle §4) also contains keys that sign certificates.
            Spiffe => {
                let other = public_key("other-ES256", &[("use", "x509-svid".into()), ("x5c", x5c)]);
                let own = key(json!({ "use": "jwt-svid" }));
                json!({ "keys": [other, own], "spiffe_sequence": 1, "spiffe_refresh_hint": 300 })
            }
        }
    }

    /// The header and the claims of a token for a client of `issuer`, with the members that the platform documents. A
    /// time is the number of seconds from now.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn documented(self, issuer: &str) -> (Value, Value) {
        let (_, alg, kid) = self.key();
        let header = json!({ "typ": "JWT", "alg": alg.name(), "kid": kid });
        match self {
            // https://docs.github.com/en/actions/reference/security/oidc; the form of `sub` with IDs is that of
            // https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/
            Github => {
                let mut header = header;
                header["x5t"] = kid.into();
                let claims = json!({
                    "jti": "a6dac9b4", "sub": "repo:acme@65/app@74:ref:refs/heads/main", "aud": issuer,
                    "ref": "refs/heads/main", "sha": "5d92aa8ec38679dbd7b90eee4ea8dfa342e2c6e3",
                    "repository": "acme/app", "repository_owner": "acme", "repository_owner_id": "65",
                    "run_id": "8414792498", "run_number": "2", "run_attempt": "1", "repository_visibility": "private",
                    "repository_id": "74", "actor_id": "12", "actor": "octocat", "workflow": "deploy", "head_ref": "",
                    "base_ref": "", "event_name": "push", "ref_protected": "true", "ref_type": "branch",
                    "workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main",
                    "workflow_sha": "5d92aa8ec38679dbd7b90eee4ea8dfa342e2c6e3",
                    "job_workflow_ref": "acme/app/.github/workflows/deploy.yml@refs/heads/main",
                    "job_workflow_sha": "5d92aa8ec38679dbd7b90eee4ea8dfa342e2c6e3",
                    "runner_environment": "github-hosted", "nbf": "-600", "exp": "+300", "iat": "+0",
                });
                (header, claims)
            }
            // https://docs.gitlab.com/ci/secrets/id_token_authentication/
            Gitlab => (
                header,
                json!({
                    "namespace_id": "72", "namespace_path": "acme", "project_id": "20", "project_path": "acme/app",
                    "user_id": "1", "user_login": "sample-user", "user_email": "sample-user@example.com",
                    "user_access_level": "developer", "user_identities": [{ "provider": "github", "extern_uid": "2435" }],
                    "pipeline_id": "574", "pipeline_source": "push", "job_id": "302", "ref": "main",
                    "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
                    "groups_direct": ["acme"], "environment": "production", "environment_protected": "true",
                    "deployment_tier": "production", "environment_action": "start", "runner_id": 1,
                    "runner_environment": "self-hosted", "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
                    "project_visibility": "public",
                    "ci_config_ref_uri": "gitlab.example.com/acme/app//.gitlab-ci.yml@refs/heads/main",
                    "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc", "jti": "235b3a54", "iat": "+0",
                    "nbf": "-5", "exp": "+3600", "sub": "project_path:acme/app:ref_type:branch:ref:main", "aud": issuer,
                }),
            ),
            // https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
            Kubernetes => (
                json!({ "alg": "RS256", "kid": kid }),
                json!({
                    "aud": [issuer], "exp": "+3607", "iat": "+0", "jti": "f06bda76-fa4c-4d41-b684-b0fa76bc3b60",
                    "kubernetes.io": {
                        "namespace": "shop", "node": { "name": "node01", "uid": "fd3b5e2a-1f85-485d-929b-4e2077b580c2" },
                        "pod": { "name": "billing-69cbfb9798-jv9gn", "uid": "ee0024c4-c4c3-4c5d-9845-04cf41139081" },
                        "serviceaccount": { "name": "billing", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
                        "warnafter": 1_769_986_754,
                    },
                    "nbf": "+0", "sub": "system:serviceaccount:shop:billing",
                }),
            ),
            // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
            Aws => (
                header,
                json!({
                    "aud": issuer, "sub": "arn:aws:iam::123456789012:role/Billing", "iat": "+0", "exp": "+900",
                    "jti": "xyz123-def456-ghi789-jkl012",
                    "https://sts.amazonaws.com/": {
                        "aws_account": "123456789012", "source_region": "us-east-1", "org_id": "o-abc1234567",
                        "ou_path": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "principal_tags": { "team": "billing" },
                        "lambda_source_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:billing",
                        "request_tags": { "job-id": "job-2024-001" },
                    },
                }),
            ),
            // https://cloud.google.com/compute/docs/instances/verifying-instance-identity, with format=full
            Gcp => (
                header,
                json!({
                    "aud": issuer, "azp": "112179062720391305885", "sub": "112179062720391305885",
                    "email": "billing@acme.iam.gserviceaccount.com", "email_verified": true, "iat": "+0", "exp": "+3600",
                    "google": { "compute_engine": {
                        "instance_creation_timestamp": 1_688_413_580, "instance_id": "4080561024171678567",
                        "instance_name": "billing", "project_id": "acme", "project_number": 1_071_284_184_436_u64,
                        "zone": "us-central1-a",
                    } },
                }),
            ),
            // https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
            AzureV1 => (
                json!({ "typ": "JWT", "alg": "RS256", "x5t": kid, "kid": kid }),
                json!({
                    "aud": "api://edgemint", "iat": "-300", "nbf": "-300", "exp": "+86100", "aio": "E2BgYDDgbUu",
                    "appid": "16f36118-217b-4e7c-9250-69321b4c0742", "appidacr": "2",
                    "idp": format!("https://sts.windows.net/{TENANT}/"), "idtyp": "app",
                    "oid": "644d9b8a-b07e-46e8-b81e-bd3a4c997ce9", "rh": "0.AQ4A.", "tid": TENANT, "ver": "1.0",
                    "sub": "644d9b8a-b07e-46e8-b81e-bd3a4c997ce9", "uti": "yO3F62CSGkedkoxqPrkWAA",
                    "xms_mirid": "/subscriptions/28af6932/resourcegroups/acme/providers/Microsoft.ManagedIdentity/userAssignedIdentities/billing",
                }),
            ),
            AzureV2 => (
                header,
                json!({
                    "aud": "9f0c4f4e-5c2b-4f4f-8a43-0f6b7e1d2a10", "iat": "-300", "nbf": "-300", "exp": "+86100",
                    "aio": "E2BgYDDgbUu", "azp": "16f36118-217b-4e7c-9250-69321b4c0742", "azpacr": "2", "idtyp": "app",
                    "oid": "644d9b8a-b07e-46e8-b81e-bd3a4c997ce9", "rh": "0.AQ4A.", "tid": TENANT, "ver": "2.0",
                    "sub": "644d9b8a-b07e-46e8-b81e-bd3a4c997ce9", "uti": "yO3F62CSGkedkoxqPrkWAA",
                }),
            ),
            // https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md, with `iss` and `iat` as SPIRE writes them
            Spiffe => (
                header,
                json!({
                    "aud": [issuer], "exp": "+300", "iat": "+0", "sub": "spiffe://example.org/ns/shop/sa/billing",
                }),
            ),
        }
    }
}

/// A token of a platform, as the differences from the documented one.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The platform.
    pub by: Origin,
    /// The platform whose key signs.
    pub signed_by: Origin,
    /// Members of the header. Null removes a member.
    pub header: Value,
    /// Claims. Null removes a claim. `"+600"` is 600 seconds from now.
    pub claims: Value,
}

impl Issued {
    /// The token of the platform at `base`, for a client of `issuer`.
    pub fn token(&self, base: &str, issuer: &str, now: u64) -> String {
        let (mut header, mut claims) = self.by.documented(issuer);
        claims["iss"] = format!("{base}{}", self.by.paths().0).into();
        for (value, over) in [(&mut header, &self.header), (&mut claims, &self.claims)] {
            let members = value.as_object_mut().unwrap();
            members.extend(over.as_object().unwrap().clone());
            members.retain(|_, value| !value.is_null());
        }
        for name in ["exp", "iat", "nbf"] {
            let ahead = claims[name].as_str().map(|ahead| ahead.parse::<i64>().unwrap());
            if let Some(ahead) = ahead {
                claims[name] = now.checked_add_signed(ahead).unwrap().into();
            }
        }
        let input = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let (name, alg, _) = self.signed_by.key();
        let signature = sign_with(alg, &private_key(name), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
