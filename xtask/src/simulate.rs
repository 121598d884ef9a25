//! `cargo xtask simulate`: the number of KV reads, and the cost of a month, for given rates of tokens and numbers of
//! clients.
//!
//! A deployment has many isolates in many locations. Each isolate has its own memory, and each location has a cache in
//! front of KV's central store. The model picks the isolate of each request, and the times between requests, at random.

use std::collections::HashMap;

use fastrand::Rng;

use crate::args;

/// A deployment and its load.
#[derive(Clone, Copy, Debug)]
struct Deployment {
    /// Tokens per second.
    rate: f64,
    clients: u32,
    locations: u32,
    isolates: u32,
    /// `CLIENT_CACHE` in seconds: the lifetime in the isolates' memory, and in KV's cache of a location.
    cache: f64,
}

/// The resulting reads, per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Load {
    /// Records that are not in the isolate's memory. KV bills these.
    reads: f64,
    /// Those of `reads` that are not in the location's cache either. They are slow.
    central: f64,
}

/// The number of requests that are counted, after every cache has reached its steady state.
const REQUESTS: u32 = 400_000;

/// The highest number of requests that are simulated before that.
const MOST_WARMING: f64 = 2e6;

/// Cloudflare's prices for Workers Paid in dollars, as published in November 2026. `Month::of` has the included
/// amounts.
mod price {
    pub(super) const SUBSCRIPTION: f64 = 5.0;
    pub(super) const MILLION_REQUESTS: f64 = 0.30;
    pub(super) const MILLION_CPU_MS: f64 = 0.02;
    pub(super) const MILLION_KV_READS: f64 = 0.50;
    pub(super) const MILLION_LOG_LINES: f64 = 0.60;
    /// The price of a thousand client_credentials tokens at Amazon Cognito, without its $6 per client and month.
    pub(super) const THOUSAND_TOKENS_ELSEWHERE: f64 = 2.25;
}

const SECONDS_OF_A_MONTH: f64 = 365.25 / 12.0 * 86_400.0;

impl Deployment {
    /// Simulates the deployment.
    fn play(self, rng: &mut Rng) -> Load {
        let mut isolates: HashMap<(u32, u32, u32), f64> = HashMap::new();
        let mut locations: HashMap<(u32, u32), f64> = HashMap::new();
        // All clients are alike. With a very high rate, simulating a part of the clients is enough.
        let share = (MOST_WARMING / (2.0 * self.cache * self.rate)).min(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the result is at most the number of clients"
        )]
        let clients = ((f64::from(self.clients) * share) as u32).max(1);
        let rate = self.rate * f64::from(clients) / f64::from(self.clients);
        // The steady state is reached after two cache lifetimes.
        let usual = 2.0 * self.cache;
        let (mut now, mut done, mut reads, mut central) = (0.0, 0_u32, 0_u32, 0_u32);
        while done < REQUESTS || now < 2.0 * usual {
            now += -rng.f64().max(f64::MIN_POSITIVE).ln() / rate;
            let (client, location) = (rng.u32(0..clients), rng.u32(0..self.locations));
            let isolate = rng.u32(0..self.isolates);
            let counts = now > usual;
            done += u32::from(counts);
            // The caches must not all expire at once, so each gets a random expiry within the first lifetime.
            let mut at_first = || rng.f64() * self.cache;
            let in_memory = isolates.entry((client, location, isolate)).or_insert_with(&mut at_first);
            if *in_memory > now {
                continue;
            }
            *in_memory = now + self.cache;
            reads += u32::from(counts);
            let in_location = locations.entry((client, location)).or_insert_with(at_first);
            if *in_location <= now {
                *in_location = now + self.cache;
                central += u32::from(counts);
            }
        }
        let per_second = |number: u32| f64::from(number) / f64::from(done) * self.rate;
        Load { reads: per_second(reads), central: per_second(central) }
    }
}

/// The bill of a month, in dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Month {
    tokens: f64,
    requests: f64,
    cpu: f64,
    kv: f64,
    log: f64,
}

impl Month {
    /// The bill for this many tokens and KV reads per second, with this many milliseconds of CPU time per token.
    fn of(rate: f64, reads: f64, cpu_ms: f64) -> Self {
        let millions =
            |per_second: f64, included: f64| (per_second * SECONDS_OF_A_MONTH / 1e6 - included).max(0.0);
        Self {
            tokens: rate * SECONDS_OF_A_MONTH,
            requests: millions(rate, 10.0) * price::MILLION_REQUESTS,
            cpu: millions(rate * cpu_ms, 30.0) * price::MILLION_CPU_MS,
            kv: millions(reads, 10.0) * price::MILLION_KV_READS,
            log: millions(rate, 20.0) * price::MILLION_LOG_LINES,
        }
    }

    fn in_all(&self) -> f64 {
        price::SUBSCRIPTION + self.requests + self.cpu + self.kv + self.log
    }
}

/// Simulates the given deployments and prints a table.
pub(crate) fn command(options: &args::Simulate) {
    println!(
        "{:>9}{:>9}{:>11}{:>10}{:>9}{:>12}{:>12}{:>11}{:>10}{:>8}{:>8}{:>8}{:>9}{:>16}",
        "tokens/s",
        "clients",
        "locations",
        "isolates",
        "cache s",
        "KV reads/s",
        "cold ones",
        "in memory",
        "requests $",
        "CPU $",
        "KV $",
        "log $",
        "month $",
        "by the token $",
    );
    let mut rng = Rng::with_seed(7);
    for &rate in &options.rate {
        for &cache in &options.cache {
            let (locations, isolates) = options.spread(rate);
            let deployment =
                Deployment { rate, clients: options.clients, locations, isolates, cache: f64::from(cache) };
            let load = deployment.play(&mut rng);
            let month = Month::of(rate, load.reads, options.cpu_ms);
            println!(
                "{rate:>9}{:>9}{locations:>11}{isolates:>10}{cache:>9}{:>12.2}{:>12.2}{:>10.1}%{:>10.0}{:>8.0}{:>8.0}{:>8.0}{:>9.0}{:>16.0}",
                options.clients,
                load.reads,
                load.central,
                (1.0 - load.reads / rate) * 100.0,
                month.requests,
                month.cpu,
                month.kv,
                month.log,
                month.in_all(),
                month.tokens / 1e3 * price::THOUSAND_TOKENS_ELSEWHERE,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::{Deployment, Month};

    /// The expected reads when the requests of one client reach one memory at random times, λ per second. In each cycle
    /// of the cache time T plus the wait 1/λ for the next request, one request misses.
    fn misses(rate: f64, memories: f64, cache: f64) -> f64 {
        let each = rate / memories;
        memories * each / (1.0 + each * cache)
    }

    #[test]
    fn the_simulation_agrees_with_what_can_be_computed() {
        for (rate, clients, isolates, cache) in
            [(50.0, 20, 3, 60.0), (2.0, 10, 1, 30.0), (500.0, 50, 4, 60.0)]
        {
            let deployment = Deployment { rate, clients, locations: 2, isolates, cache };
            let load = deployment.play(&mut Rng::with_seed(1));
            let expected = misses(rate, f64::from(clients * 2 * isolates), cache);
            let off = (load.reads - expected).abs() / expected;
            assert!(off < 0.05, "{deployment:?} reads {} and not {expected}", load.reads);
            assert!(load.central <= load.reads);
        }
    }

    #[test]
    fn a_month_is_billed_beyond_what_is_included() {
        let small = Month::of(1.0, 1.0, 0.3);
        assert!((small.in_all() - 5.0).abs() < 1e-9, "{small:?}");
        // 262.98 million requests: 252.98 of them at 0.30, 242.98 log lines at 0.60.
        let large = Month::of(100.0, 10.0, 0.3);
        assert!((large.requests - 75.89).abs() < 0.1 && (large.log - 145.79).abs() < 0.1, "{large:?}");
        assert!((large.kv - 8.15).abs() < 0.1 && (large.cpu - 0.98).abs() < 0.1, "{large:?}");
    }
}
