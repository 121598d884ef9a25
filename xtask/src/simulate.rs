//! `cargo xtask simulate`: the number of KV reads and of rows, and the cost of a month, for given rates of tokens and
//! numbers of clients.
//!
//! A deployment has many isolates in many locations. Each isolate has its own memory. Each location has a cache that its
//! isolates share (`LOCATION_CACHE`), and behind it KV's own cache. The model picks the client and the isolate of each
//! request, and the times between requests, at random.

use edgemint_issuer::COUNTED_FOR;
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
    /// `CLIENT_CACHE` in seconds: the lifetime in the isolates' memory, and in the caches of a location.
    cache: f64,
    settings: Settings,
}

/// The settings that change the bill.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Settings {
    /// `LOCATION_CACHE=off`: each isolate reads KV.
    NoLocationCache,
    /// The defaults.
    Default,
    /// `LOG_ISSUED=counted`.
    Counted,
}

impl Settings {
    const ALL: [Self; 3] = [Self::NoLocationCache, Self::Default, Self::Counted];

    /// Its name in the table.
    fn name(self) -> &'static str {
        match self {
            Self::NoLocationCache => "`LOCATION_CACHE=off`",
            Self::Default => "defaults",
            Self::Counted => "`LOG_ISSUED=counted`",
        }
    }
}

/// The resulting work, per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Load {
    /// Records that are not in the isolate's memory.
    misses: f64,
    /// Those of `misses` that are not in the location's cache either. KV bills these.
    reads: f64,
    /// Rows of counted tokens, if issued tokens are counted.
    rows: f64,
    /// Lines of the log.
    lines: f64,
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
    /// Workers Logs, from 1 December 2026: what comes in, and what is stored for [`LOG_DAYS`].
    pub(super) const LOG_GIGABYTE: f64 = 0.25;
    pub(super) const LOG_GIGABYTE_MONTH: f64 = 0.10;
    pub(super) const LOG_DAYS: f64 = 7.0;
    /// Rows of Analytics Engine. Cloudflare has published this price, and does not charge it yet.
    pub(super) const MILLION_ROWS: f64 = 0.25;
}

const SECONDS_OF_A_MONTH: f64 = 365.25 / 12.0 * 86_400.0;

impl Deployment {
    /// Simulates the deployment.
    fn play(self, rng: &mut Rng) -> Load {
        #[expect(clippy::cast_precision_loss, reason = "a minute is exact in an f64")]
        let window = COUNTED_FOR as f64;
        // All clients are alike. With a very high rate, simulating a part of the clients is enough.
        let longest = self.cache.max(window);
        let share = (MOST_WARMING / (2.0 * longest * self.rate)).min(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the result is at most the number of clients"
        )]
        let clients = ((f64::from(self.clients) * share) as u32).max(1);
        let rate = self.rate * f64::from(clients) / f64::from(self.clients);
        // For each client in each isolate, and in each location: until when its record is there. The caches must not all
        // expire at once, so each gets a random expiry within the first lifetime.
        let pairs = clients as usize * self.locations as usize;
        let mut at_first =
            |count: usize, most: f64| -> Vec<f64> { (0..count).map(|_| rng.f64() * most).collect() };
        let mut memory = at_first(pairs * self.isolates as usize, self.cache);
        let mut location_cache = at_first(pairs, self.cache);
        // For each client in each isolate: until when its tokens belong to a row that has begun.
        let mut open_row = at_first(memory.len(), window);
        let has_location_cache = self.settings != Settings::NoLocationCache;
        // The steady state is reached after two lifetimes.
        let usual = 2.0 * longest;
        let (mut now, mut done, mut misses, mut reads, mut rows) = (0.0, 0_u32, 0_u32, 0_u32, 0_u32);
        while done < REQUESTS || now < 2.0 * usual {
            now += -rng.f64().max(f64::MIN_POSITIVE).ln() / rate;
            let pair = rng.usize(0..pairs);
            let isolate = pair * self.isolates as usize + rng.usize(0..self.isolates as usize);
            let counts = u32::from(now > usual);
            done += counts;
            if let Some(row) = open_row.get_mut(isolate).filter(|row| **row <= now) {
                *row = now + window;
                rows += counts;
            }
            let (Some(in_memory), Some(in_location)) =
                (memory.get_mut(isolate), location_cache.get_mut(pair))
            else {
                continue;
            };
            if *in_memory > now {
                continue;
            }
            misses += counts;
            if !has_location_cache || *in_location <= now {
                *in_location = now + self.cache;
                reads += counts;
            }
            // The memory keeps a record of the location's cache no longer than that.
            *in_memory = *in_location;
        }
        let per_second = |number: u32| f64::from(number) / f64::from(done) * self.rate;
        let is_counted = self.settings == Settings::Counted;
        Load {
            misses: per_second(misses),
            reads: per_second(reads),
            rows: if is_counted { per_second(rows) } else { 0.0 },
            lines: if is_counted { 0.0 } else { self.rate },
        }
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
    rows: f64,
}

impl Month {
    /// The bill for this many tokens per second, with this load, this many milliseconds of CPU time per token, and this
    /// many bytes per line of the log.
    fn of(rate: f64, load: Load, cpu_ms: f64, line_bytes: u32) -> Self {
        let millions =
            |per_second: f64, included: f64| (per_second * SECONDS_OF_A_MONTH / 1e6 - included).max(0.0);
        let gigabytes = load.lines * f64::from(line_bytes) / 1e9 * SECONDS_OF_A_MONTH;
        let stored = gigabytes * price::LOG_DAYS * 86_400.0 / SECONDS_OF_A_MONTH;
        Self {
            tokens: rate * SECONDS_OF_A_MONTH,
            requests: millions(rate, 10.0) * price::MILLION_REQUESTS,
            cpu: millions(rate * cpu_ms, 30.0) * price::MILLION_CPU_MS,
            kv: millions(load.reads, 10.0) * price::MILLION_KV_READS,
            log: (gigabytes - 50.0).max(0.0) * price::LOG_GIGABYTE
                + (stored - 12.0).max(0.0) * price::LOG_GIGABYTE_MONTH,
            rows: millions(load.rows, 10.0) * price::MILLION_ROWS,
        }
    }

    fn in_all(&self) -> f64 {
        price::SUBSCRIPTION + self.requests + self.cpu + self.kv + self.log + self.rows
    }

    /// The price of a million tokens.
    fn of_a_million(&self) -> f64 {
        self.in_all() / (self.tokens / 1e6)
    }
}

/// Simulates the given deployments and prints a table.
pub(crate) fn command(options: &args::Simulate) {
    print!("{}", table(options));
}

/// The table, in Markdown.
fn table(options: &args::Simulate) -> String {
    let mut table = String::from(
        "| tokens per second | `CLIENT_CACHE` | settings | from memory | KV reads per second | requests | CPU | KV | log | \
         rows | total | per million tokens |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut rng = Rng::with_seed(7);
    for &rate in &options.rate {
        for &cache in &options.cache {
            for settings in Settings::ALL {
                let (locations, isolates) = options.spread(rate);
                let clients = options.clients;
                let deployment =
                    Deployment { rate, clients, locations, isolates, cache: f64::from(cache), settings };
                let load = deployment.play(&mut rng);
                let month = Month::of(rate, load, options.cpu_ms, options.line_bytes);
                let cells = [
                    whole(rate),
                    format!("{cache} s"),
                    settings.name().to_owned(),
                    format!("{} %", whole((1.0 - load.misses / rate) * 100.0)),
                    if load.reads < 10.0 { format!("{:.1}", load.reads) } else { whole(load.reads) },
                    whole(month.requests),
                    whole(month.cpu),
                    whole(month.kv),
                    whole(month.log),
                    whole(month.rows),
                    format!("**{}**", whole(month.in_all())),
                    format!("{:.2}", month.of_a_million()),
                ];
                table.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
    }
    table
}

/// A number without decimals, with commas between thousands.
fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use fastrand::Rng;

    use super::{Deployment, Load, Month, Settings, table, whole};
    use crate::args::Simulate;

    /// The expected misses when the requests of one client reach one memory at random times, λ per second. In each cycle
    /// of the cache time T plus the wait 1/λ for the next request, one request misses.
    fn misses(rate: f64, memories: f64, cache: f64) -> f64 {
        let each = rate / memories;
        memories * each / (1.0 + each * cache)
    }

    #[test]
    fn the_simulation_agrees_with_what_can_be_computed() {
        let near = |deployment: Deployment, name: &str, number: f64, expected: f64| {
            let off = (number - expected).abs() / expected;
            assert!(off < 0.05, "{deployment:?}: {name} is {number} and not {expected}");
        };
        for (rate, clients, isolates, cache) in
            [(50.0, 20, 3, 60.0), (2.0, 10, 1, 30.0), (500.0, 50, 4, 60.0)]
        {
            let memories = f64::from(clients * 2 * isolates);
            let deployment = |settings| Deployment { rate, clients, locations: 2, isolates, cache, settings };
            let play = |settings| deployment(settings).play(&mut Rng::with_seed(1));
            let off = play(Settings::NoLocationCache);
            near(deployment(Settings::NoLocationCache), "misses", off.misses, misses(rate, memories, cache));
            assert!((off.reads - off.misses).abs() < 1e-9 && off.lines == rate && off.rows == 0.0);
            // With the cache of a location, its isolates are like one memory.
            let on = play(Settings::Default);
            near(
                deployment(Settings::Default),
                "reads",
                on.reads,
                misses(rate, f64::from(clients * 2), cache),
            );
            assert!(on.reads <= on.misses && on.lines == rate);
            // A row is like a record that is kept for a minute.
            let counted = play(Settings::Counted);
            near(deployment(Settings::Counted), "rows", counted.rows, misses(rate, memories, 60.0));
            assert!(counted.lines == 0.0);
        }
    }

    #[test]
    fn a_month_is_billed_beyond_what_is_included() {
        let load = |rate: f64, reads: f64| Load { misses: reads, reads, rows: reads, lines: rate };
        let small = Month::of(1.0, load(1.0, 1.0), 0.3, 1_000);
        assert!((small.in_all() - 5.0).abs() < 1e-9, "{small:?}");
        // 262.98 million requests: 252.98 of them at 0.30. 262.98 GB of lines: 212.98 of them at 0.25, and 60.48 GB that
        // are stored at any time, 48.48 of them at 0.10.
        let large = Month::of(100.0, load(100.0, 10.0), 0.3, 1_000);
        assert!((large.requests - 75.89).abs() < 0.1 && (large.log - 58.09).abs() < 0.1, "{large:?}");
        assert!((large.kv - 8.15).abs() < 0.1 && (large.cpu - 0.98).abs() < 0.1, "{large:?}");
        assert!((large.rows - 4.07).abs() < 0.1, "{large:?}");
    }

    /// The options that `cargo xtask simulate` has by default.
    fn defaults() -> Simulate {
        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            simulate: Simulate,
        }
        Only::parse_from(["simulate"]).simulate
    }

    #[test]
    fn a_million_tokens_cost_at_most_45_cents_with_counted_tokens_at_a_high_rate() {
        let options = defaults();
        let (rate, clients) = (10_000.0, options.clients);
        let (locations, isolates) = options.spread(rate);
        for &cache in &options.cache {
            let cache = f64::from(cache);
            let deployment =
                Deployment { rate, clients, locations, isolates, cache, settings: Settings::Counted };
            let load = deployment.play(&mut Rng::with_seed(1));
            let month = Month::of(rate, load, options.cpu_ms, options.line_bytes);
            assert!(month.of_a_million() <= 0.45, "{} with {month:?}", month.of_a_million());
        }
    }

    #[test]
    fn the_table_of_the_documentation_is_what_the_command_prints() {
        let page = crate::root().join("docs/explanation/cost-and-scale.md");
        let page = std::fs::read_to_string(page).expect("the page");
        let table = table(&defaults());
        assert!(page.contains(&table), "the table of the page is not\n{table}");
    }

    #[test]
    fn numbers_have_commas_between_thousands() {
        let told = [0.4, 999.6, 29_822.0, 1_234_567.0].map(whole);
        assert_eq!(told, ["0", "1,000", "29,822", "1,234,567"]);
    }
}
