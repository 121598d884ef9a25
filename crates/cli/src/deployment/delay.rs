//! How long a change of a client takes to be seen: what the Worker remembers, and what KV does.

use std::fmt;

use edgemint_issuer::{DEFAULT_CLIENT_CACHE, Lifetime, SHORTEST_KV_CACHE};
use serde::{Serialize, Serializer};

use crate::deployment::project::{Project, Target};

/// The times for which an old record may still be served, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    memory: u64,
    /// The local state has no such cache.
    kv: Option<u64>,
}

impl Delay {
    /// That of the target, as its variables have it.
    pub(crate) fn of(project: &Project) -> Self {
        let cache = project.variable("CLIENT_CACHE").and_then(|text| Lifetime::parse(text).ok());
        let memory = cache.unwrap_or(DEFAULT_CLIENT_CACHE).seconds();
        let kv = match project.target {
            Target::Local(_) => None,
            Target::Deployed(_) => Some(memory.max(SHORTEST_KV_CACHE.seconds())),
        };
        Self { memory, kv }
    }

    /// The sum, in seconds, without KV's own delay, which nobody can promise.
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
            (0, None) => f.write_str("A running `wrangler dev` sees the change at once."),
            (_, None) => write!(f, "A running `wrangler dev` sees the change within {memory}."),
            (0, Some(_)) => {
                write!(
                    f,
                    "The change is seen everywhere within {sum} (KV's cache), plus KV's own delay of a minute or so."
                )
            }
            (_, Some(_)) => write!(
                f,
                "The change is seen everywhere within {sum} (the Worker's memory {memory}, KV's cache {kv}), plus KV's own delay of a minute or so."
            ),
        }
    }
}

/// How far clocks may be apart.
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
        assert!(words.contains("within 2m (the Worker's memory 1m, KV's cache 1m)"), "{words}");
        let (sum, words) = told(0, Some(30));
        assert_eq!(sum, 30);
        assert!(words.contains("within 30s (KV's cache)"), "{words}");
        assert_eq!(told(60, None), (60, "A running `wrangler dev` sees the change within 1m.".to_owned()));
        assert_eq!(told(0, None), (0, "A running `wrangler dev` sees the change at once.".to_owned()));
    }
}
