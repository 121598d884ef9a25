//! The address of a Worker: it forwards each request to the version that is deployed, and switches between versions
//! without losing a request.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::http::{Request, Response, serve};
use super::instance::Instance;

/// Headers that belong to one connection (RFC 9110 §7.6.1), or that the edge writes itself.
const NOT_FORWARDED: [&str; 7] =
    ["connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "cf-connecting-ip"];

/// The stable address of a Worker on 127.0.0.1.
pub(super) struct Edge {
    port: std::sync::OnceLock<u16>,
    is_reachable: AtomicBool,
    requests: AtomicU32,
    served: RwLock<Served>,
}

/// What serves the requests.
#[derive(Default)]
struct Served {
    now: Vec<(Arc<Instance>, f64)>,
    /// The version before, which answers every second request until a time: a deployment reaches Cloudflare's locations
    /// one after the other.
    before: Option<(Vec<(Arc<Instance>, f64)>, Instant)>,
}

impl Edge {
    /// An address at which nothing is deployed.
    pub(super) fn new() -> Arc<Self> {
        let edge = Arc::new(Self {
            port: std::sync::OnceLock::new(),
            is_reachable: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            served: RwLock::default(),
        });
        let of_requests = Arc::clone(&edge);
        let _ = edge.port.set(serve(move |request| of_requests.answer(request)));
        edge
    }

    /// The URL of the Worker.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.get().copied().unwrap_or_default())
    }

    /// Serves these versions from now on. For the time of `overlap`, the version before answers every second request.
    #[expect(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]
    pub(super) fn switch(&self, now: Vec<(Arc<Instance>, f64)>, overlap: Duration) {
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut served.now, now);
        served.before =
            (!before.is_empty() && !overlap.is_zero()).then(|| (before, Instant::now() + overlap));
    }

    /// Whether requests come to the Worker: by workers.dev, a route or a custom domain.
    pub(super) fn set_reachable(&self, is_reachable: bool) {
        self.is_reachable.store(is_reachable, Ordering::Relaxed);
    }

    /// The instance for a request. Its process ends when nothing is deployed there and no request uses it.
    #[expect(clippy::disallowed_methods, reason = "a test has no host that gives it the time")]
    fn chosen(&self) -> Option<Arc<Instance>> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        let old = served.before.as_ref().filter(|(_, until)| number % 2 == 0 && Instant::now() < *until);
        let instances = old.map_or(&served.now, |(before, _)| before);
        // Spread over the hundred: 37 and 100 have no common divisor.
        let (at, mut sum) = (f64::from(number / 2 * 37 % 100), 0.0);
        let mut chosen = instances.iter().find(|(_, percentage)| {
            sum += percentage;
            at < sum
        });
        chosen = chosen.or(instances.last());
        chosen.map(|(instance, _)| Arc::clone(instance))
    }

    fn answer(&self, request: &Request) -> Response {
        let instance = self.chosen().filter(|_| self.is_reachable.load(Ordering::Relaxed));
        // The number of Cloudflare's error page for an address without a Worker.
        let Some(instance) = instance else { return Response::new(404, "text/plain", "error code: 1042\n") };
        forward(request, &instance).unwrap_or_else(|error| {
            Response::new(502, "text/plain", format!("the Worker does not answer: {error}\n"))
        })
    }
}

fn forward(request: &Request, instance: &Instance) -> Result<Response, ureq::Error> {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let mut forwarded = ureq::http::Request::builder().method(request.method.as_str()).uri(format!(
        "{}{}{query}",
        instance.url(),
        request.path
    ));
    let headers = request.headers.iter().filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str()));
    for (name, value) in headers {
        forwarded = forwarded.header(name, value);
    }
    if let Some(host) = request.header("host") {
        forwarded = forwarded.header("host", host);
    }
    // As Cloudflare does: the address of the client, whatever the client says.
    forwarded = forwarded.header("cf-connecting-ip", "127.0.0.1");
    let has_body = !request.body.is_empty() || request.header("content-length").is_some();
    let mut response = if has_body {
        instance.agent().run(forwarded.body(request.body.as_slice())?)?
    } else {
        instance.agent().run(forwarded.body(())?)?
    };
    let headers = response.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str())).collect();
    let body = response.body_mut().read_to_vec()?;
    Ok(Response { status: response.status().as_u16(), headers, body })
}
