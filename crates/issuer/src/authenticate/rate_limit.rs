//! Rate limits on failed client authentication (RFC 6749 §2.3.1): which attempts are counted, and which are
//! refused.

use crate::error::TokenError;
use crate::error::client::ClientError;
use crate::grammar::duration::Lifetime;
use crate::http::arrival::wider_network;
use crate::log::trail::Trail;
use crate::ports::{Limit, RateLimit};
use crate::records::client_id::ClientId;
use crate::registry::memory::{Memory, Share};

/// How long this instance refuses on its own, in seconds, before it queries the limiter again: the shortest
/// period that Cloudflare's rate limits have.
const REFUSED: u64 = 10;

/// How long this instance remembers that a key had a failure: the period of the rate limits in
/// `wrangler.toml`. During this time a failed attempt can still count, so even a proven secret must be
/// counted.
const PERIOD: Lifetime = Lifetime::from_seconds(60);

/// The network of a request that came from an unknown address.
const NO_NETWORK: &str = "unknown";

/// The networks of this machine itself. They are for local development, where a limit protects no one and
/// would stop the developer's tests. No request from outside has such an address, because the address is the
/// one that the network in front of the host saw.
const THIS_MACHINE: [&str; 2] = ["127.0.0.1", "::/64"];

/// A [`RateLimit`], and the memory before it.
pub(crate) struct RateLimiter<B> {
    rate_limit: B,
    /// The keys that had a failure within [`PERIOD`], and until when each is refused without a query.
    recent: Memory<(Limit, String), u64>,
}

impl<B> RateLimiter<B> {
    pub(crate) fn new(rate_limit: B) -> Self {
        Self { rate_limit, recent: Memory::new(Share::FAILURES, PERIOD) }
    }
}

/// The network of a request, if its attempts count.
fn counted_network(trail: &Trail) -> Option<&str> {
    Some(trail.network.as_deref().unwrap_or(NO_NETWORK)).filter(|network| !THIS_MACHINE.contains(network))
}

/// The keys that an attempt for `client` counts against.
///
/// Every key contains the network, so an attacker can use up a client's limit only for its own networks.
pub(crate) fn keys(client: &ClientId, trail: &Trail) -> impl Iterator<Item = (Limit, String)> {
    let network = counted_network(trail);
    [
        // No network has a space, so no two pairs have the same key.
        network.map(|network| (Limit::ClientAndNetwork, format!("{network} {client}"))),
        network.map(|network| (Limit::Network, network.to_owned())),
        network.and_then(wider_network).map(|wider| (Limit::Prefix, wider)),
    ]
    .into_iter()
    .flatten()
}

impl<B: RateLimit> RateLimiter<B> {
    /// Counts an attempt for `client`, which may be a guess, and refuses it when there were too many.
    pub(crate) async fn count(&self, client: &ClientId, trail: &Trail) -> Result<(), TokenError> {
        for key in keys(client, trail) {
            self.count_one(key, trail).await?;
        }
        Ok(())
    }

    /// Refuses a proven attempt for `client` where a wrong secret would be refused, too. Otherwise an
    /// attacker that the limit stops would still see which guess is right.
    ///
    /// Counts only keys with a recent failure, so proven secrets cost nothing in a network without failures.
    pub(crate) async fn count_proven(&self, client: &ClientId, trail: &Trail) -> Result<(), TokenError> {
        for key in keys(client, trail) {
            if self.recent.get(&key, trail.now).is_some() {
                self.count_one(key, trail).await?;
            }
        }
        Ok(())
    }

    /// Records that an attempt for `client` failed. Counts it, unless it was counted before a hash was
    /// computed.
    pub(crate) async fn failed(
        &self,
        client: &ClientId,
        is_counted: bool,
        trail: &Trail,
    ) -> Result<(), TokenError> {
        for key in keys(client, trail) {
            let refused_until = self.recent.get(&key, trail.now).unwrap_or_default();
            self.remember(key.clone(), refused_until, trail.now);
            if !is_counted {
                self.count_one(key, trail).await?;
            }
        }
        Ok(())
    }

    /// Counts a revocation by `client`, which has proven its identity. Refuses it when there were too many.
    pub(crate) async fn count_revocation(&self, client: &ClientId, trail: &Trail) -> Result<(), TokenError> {
        match counted_network(trail) {
            Some(_) => self.count_one((Limit::Revocation, client.to_string()), trail).await,
            None => Ok(()),
        }
    }

    /// A stranger chooses the client ID in `key`, so its length counts.
    fn remember(&self, key: (Limit, String), refused_until: u64, now: u64) {
        let heap = key.1.capacity();
        self.recent.put(key, refused_until, heap, now);
    }

    async fn count_one(&self, key: (Limit, String), trail: &Trail) -> Result<(), TokenError> {
        let limit = key.0;
        if self.recent.get(&key, trail.now).is_some_and(|refused_until| trail.now < refused_until) {
            return Err(ClientError::RateLimited(limit).into());
        }
        match self.rate_limit.allow(limit, &key.1).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.remember(key, trail.now.saturating_add(REFUSED), trail.now);
                Err(ClientError::RateLimited(limit).into())
            }
            // A broken limiter must not stop clients that do nothing wrong.
            Err(why) => {
                trail.goes_on_without(format!("the rate limit could not be asked: {why}"));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::arrival::Arrival;
    use crate::ports::NoRateLimit;

    #[test]
    fn failed_attempts_for_long_client_ids_fill_no_more_than_the_share_of_this_memory() {
        let limiter = RateLimiter::new(NoRateLimit);
        let arrival = Arrival { address: Some("2001:db8:1:2::3"), ..Arrival::default() };
        let trail = Trail::new(&arrival, 1000);
        for i in 0..30_000 {
            let id = ClientId::parse(&format!("{i:0>256}")).unwrap();
            pollster::block_on(limiter.failed(&id, false, &trail)).unwrap();
        }
        let (weight, capacity) = limiter.recent.weight_and_capacity();
        assert!(weight <= capacity && weight > capacity / 2, "{weight} of {capacity}");
        let entry = size_of::<(Limit, String)>() + 256;
        assert!(limiter.recent.len() * entry < weight, "the length of the IDs counts");
    }
}
