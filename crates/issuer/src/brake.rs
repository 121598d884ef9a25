//! The brake on guessing (RFC 6749 §2.3.1): who fails too often is not judged for a while, unless judging costs nothing.

use crate::client::ClientId;
use crate::duration::Lifetime;
use crate::error::TokenError;
use crate::memory::Memory;
use crate::ports::Brake;
use crate::trail::Trail;

/// How long this instance remembers that a key is braked, before it asks again: the shortest period that Cloudflare's
/// rate limits have.
const REMEMBERED: Lifetime = Lifetime::from_seconds(10);

/// What a request counts against whose network is not known.
const NO_NETWORK: &str = "unknown";

/// The networks of this machine itself: local development, where a brake protects nobody and stops whoever tests. From
/// outside nobody comes from there, since the address is what the network in front of the host saw.
const THIS_MACHINE: [&str; 2] = ["127.0.0.1", "::/64"];

/// Which of the two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Of attempts for one client from one network.
    ClientAndNetwork,
    /// Of attempts from one network, for whichever clients.
    Network,
}

/// A [`Brake`], and the memory before it.
pub(crate) struct Brakes<B> {
    brake: B,
    braked: Memory<(Limit, String), ()>,
}

impl<B> Brakes<B> {
    pub(crate) fn new(brake: B) -> Self {
        Self { brake, braked: Memory::new(REMEMBERED) }
    }
}

impl<B: Brake> Brakes<B> {
    /// Counts an attempt for `client`, which may be a guess, and refuses it when there were too many.
    ///
    /// The keys hold the network, so that nobody can brake a client for others than those behind one's own address.
    pub(crate) async fn count(&self, client: &ClientId, trail: &Trail) -> Result<(), TokenError> {
        let network = trail.network.as_deref().unwrap_or(NO_NETWORK);
        if THIS_MACHINE.contains(&network) {
            return Ok(());
        }
        // No network has a space, so no two pairs have the same key.
        self.count_one(Limit::ClientAndNetwork, format!("{network} {client}"), trail).await?;
        self.count_one(Limit::Network, network.to_owned(), trail).await
    }

    async fn count_one(&self, limit: Limit, key: String, trail: &Trail) -> Result<(), TokenError> {
        let key = (limit, key);
        if self.braked.get(&key, trail.now).is_some() {
            return Err(TokenError::Braked(limit));
        }
        match self.brake.allow(limit, &key.1).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.braked.put(key, (), trail.now);
                Err(TokenError::Braked(limit))
            }
            // A brake that is broken must not stop those who do nothing wrong.
            Err(why) => {
                trail.goes_on_without(format!("the brake could not be asked: {why}"));
                Ok(())
            }
        }
    }
}
