//! The time until a changed record takes effect: the caches of the Worker and of KV.

use std::fmt;

use edgemint_issuer::{DEFAULT_CLIENT_CACHE, Lifetime, SHORTEST_KV_CACHE};
use serde::{Serialize, Serializer};

use crate::deployment::project::{Project, Target};

/// The times for which each cache can serve an old record, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    memory: u64,
    /// `None` for the local state, which has no KV cache.
    kv: Option<u64>,
}

impl Delay {
    /// The delay of the target, from its variables.
    pub(crate) fn of(project: &Project) -> Self {
        let cache = project.variable("CLIENT_CACHE").and_then(|text| Lifetime::parse(text).ok());
        let memory = cache.unwrap_or(DEFAULT_CLIENT_CACHE).seconds();
        let kv = match project.target {
            Target::Local(_) => None,
            Target::Deployed(_) => Some(memory.max(SHORTEST_KV_CACHE.seconds())),
        };
        Self { memory, kv }
    }

    /// The sum, in seconds. It excludes KV's propagation, for which Cloudflare guarantees no maximum.
    pub(crate) fn seconds(self) -> u64 {
        self.memory.saturating_add(self.kv.unwrap_or_default())
    }
}

/// JSON has the sum: `seen_after_seconds`.
impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.seconds())
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sum, memory, kv] =
            [self.seconds(), self.memory, self.kv.unwrap_or_default()].map(Lifetime::from_seconds);
        match (self.memory, self.kv) {
            (0, None) => f.write_str("A running `wrangler dev` uses the change immediately."),
            (_, None) => write!(f, "A running `wrangler dev` uses the change within {memory}."),
            (0, Some(_)) => {
                write!(
                    f,
                    "The change takes effect everywhere within {sum} (KV cache), plus about 1m for KV to propagate it."
                )
            }
            (_, Some(_)) => write!(
                f,
                "The change takes effect everywhere within {sum} (Worker cache {memory}, KV cache {kv}), plus about \
                 1m for KV to propagate it."
            ),
        }
    }
}

/// The maximum difference between clocks, in seconds.
pub(crate) const SKEW: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caches_add_up() {
        let told = |memory, kv| {
            let delay = Delay { memory, kv };
            (delay.seconds(), delay.to_string())
        };
        let (sum, words) = told(60, Some(60));
        assert_eq!(sum, 120);
        assert!(words.contains("within 2m (Worker cache 1m, KV cache 1m)"), "{words}");
        let (sum, words) = told(0, Some(30));
        assert_eq!(sum, 30);
        assert!(words.contains("within 30s (KV cache)"), "{words}");
        assert_eq!(told(60, None), (60, "A running `wrangler dev` uses the change within 1m.".to_owned()));
        assert_eq!(told(0, None), (0, "A running `wrangler dev` uses the change immediately.".to_owned()));
    }
}
