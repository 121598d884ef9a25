//! Decides which steps of a deployment are left to do.

use edgemint_issuer::SIGNING_KEY_PREFIX;
use serde::Serialize;

use crate::deployment::key_names;
use crate::deployment::wrangler::Namespace;
use crate::flags::alg::Alg;

/// The state of a deployment, as far as it is needed.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Whether the configuration names no KV namespace.
    pub(crate) namespace_is_unset: bool,
    /// The namespaces of the account, if they were needed.
    pub(crate) namespaces: Vec<Namespace>,
    /// The names of the Worker's secrets.
    pub(crate) secrets: Vec<String>,
    /// The algorithm of a new key.
    pub(crate) alg: Alg,
}

/// The KV namespace.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "result")]
pub(crate) enum NamespacePlan {
    /// The configuration has one.
    Kept,
    /// The account has one with this title, and the configuration gets its ID.
    Found { title: String, id: String },
    /// It has to be created.
    Created { title: String },
}

/// The signing key.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "result")]
pub(crate) enum KeyPlan {
    /// The Worker has one.
    Kept,
    /// A new one is stored.
    Created {
        name: String,
        #[serde(skip)]
        alg: Alg,
    },
}

/// The steps before the deployment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) namespace: NamespacePlan,
    pub(crate) key: KeyPlan,
}

/// The title that wrangler gives a namespace of an environment.
pub(crate) fn title(environment: &str, binding: &str) -> String {
    format!("{environment}-{binding}")
}

/// Decides the steps. What exists is kept.
pub(crate) fn plan(seen: &Seen, title: String, now: u64) -> Plan {
    let namespace = if seen.namespace_is_unset {
        match seen.namespaces.iter().find(|namespace| namespace.title == title) {
            Some(namespace) => NamespacePlan::Found { title, id: namespace.id.clone() },
            None => NamespacePlan::Created { title },
        }
    } else {
        NamespacePlan::Kept
    };
    let key = if seen.secrets.iter().any(|name| name.starts_with(SIGNING_KEY_PREFIX)) {
        KeyPlan::Kept
    } else {
        KeyPlan::Created { name: key_names::name(now, seen.alg.algorithm()), alg: seen.alg }
    };
    Plan { namespace, key }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(unset: bool, titles: &[&str], secrets: &[&str]) -> Seen {
        let namespace = |title: &&str| Namespace { id: format!("id of {title}"), title: (*title).to_owned() };
        Seen {
            namespace_is_unset: unset,
            namespaces: titles.iter().map(namespace).collect(),
            secrets: secrets.iter().map(|name| (*name).to_owned()).collect(),
            alg: Alg::Es256,
        }
    }

    #[test]
    fn what_is_there_is_kept_and_the_rest_is_made() {
        let title = || title("production", "CLIENTS");
        let first = plan(&seen(true, &["CLIENTS"], &["OTHER"]), title(), 1_795_388_847);
        assert_eq!(first.namespace, NamespacePlan::Created { title: "production-CLIENTS".to_owned() });
        let name = "SIGNING_KEY_20261122T230727Z_ES256".to_owned();
        assert_eq!(first.key, KeyPlan::Created { name, alg: Alg::Es256 });
        let again = plan(&seen(true, &["production-CLIENTS"], &["SIGNING_KEY_FIRST"]), title(), 0);
        let id = "id of production-CLIENTS".to_owned();
        assert_eq!(again.namespace, NamespacePlan::Found { title: title(), id });
        assert_eq!(again.key, KeyPlan::Kept);
        let last = plan(&seen(false, &[], &["SIGNING_KEY_FIRST"]), title(), 0);
        assert_eq!((last.namespace, last.key), (NamespacePlan::Kept, KeyPlan::Kept));
    }
}
