// The functions that Rust calls. Each crossing costs more than the work behind it, so an answer and its log
// line cross in one call. Anything slow returns a promise, which entry.js awaits (see steps.rs).
import { waitUntil } from "cloudflare:workers";

/**
 * Answers without a body, by their head. Most answers have a known head, and a copy costs half of a new
 * answer.
 */
const known = new Map();
const MANY = 100;

function template(head) {
  let answer = known.get(head);
  if (answer === undefined) {
    const [status, ...lines] = head.split("\n");
    const headers = new Headers();
    for (let i = 0; i + 1 < lines.length; i += 2) headers.set(lines[i], lines[i + 1]);
    answer = new Response(null, { status: Number(status), headers });
    if (known.size < MANY) known.set(head, answer);
  }
  return answer;
}

/**
 * Makes an answer. `text` has three parts: the head, the body, and the log line, if any. The head has one
 * line for the status, then alternating lines for names and values of headers. Decoding one string costs less
 * than decoding three.
 */
export function respond(text, head_end, body_end, is_failure) {
  if (body_end < text.length) (is_failure ? console.error : console.log)(text.slice(body_end));
  const body = head_end === body_end ? null : text.slice(head_end, body_end);
  return new Response(body, template(text.slice(0, head_end)));
}

/** The variables and secrets among the bindings, as JSON. A list is joined by spaces. */
export function variables(env) {
  const found = {};
  for (const name of Object.keys(env)) {
    const value = env[name];
    if (["string", "number", "boolean"].includes(typeof value)) found[name] = String(value);
    else if (Array.isArray(value)) found[name] = value.join(" ");
  }
  return JSON.stringify(found);
}

/** The binding `name`, if it has this method. */
export function binding(env, name, method) {
  return typeof env[name]?.[method] === "function" ? env[name] : undefined;
}

/**
 * After the time is up, this many turns of the event loop pass before a promise is considered to hang. While
 * the isolate computes, timers fire late, and before data that has arrived meanwhile is delivered. We saw a
 * read of KV need 3 turns then: for the connection, and for the head and the body of its answer. In an idle
 * isolate, 10 turns take about 10 ms.
 */
const TURNS = 10;

function ignore() {}

/**
 * `promise`, for which the request waits even if its client resets the connection. Otherwise the runtime drops the
 * request, and never resumes it: it would not be logged, and Rust would keep its state. Every call of a service needs
 * this. Cryptography does not: its promises settle in the same turn of the event loop, and no request is dropped
 * within a turn. To keep each request costs 3 % of a token.
 */
function kept(promise) {
  waitUntil(promise.then(ignore, ignore));
  return promise;
}

/**
 * The result of `promise`, or `undefined` when it takes longer, so that a hanging promise cannot hold up a
 * request.
 */
function within(milliseconds, promise) {
  const result = new Promise((resolve, reject) => {
    let timer;
    let turns = TURNS;
    const wait = (time) => {
      timer = setTimeout(() => (turns-- > 0 ? wait(0) : resolve()), time);
    };
    wait(milliseconds);
    const settled = (settle) => (value) => {
      clearTimeout(timer);
      settle(value);
    };
    promise.then(settled(resolve), settled(reject));
  });
  return kept(result);
}

/** The value of `key` in KV: a string, or null. */
export function kv_get(namespace, key, cacheTtl, milliseconds) {
  return within(milliseconds, namespace.get(key, { cacheTtl }));
}

/** True when KV has accepted `value`, which it keeps until `expiration` (seconds since 1970). */
export function kv_put(namespace, key, value, expiration, milliseconds) {
  return within(milliseconds, namespace.put(key, value, { expiration }).then(() => true));
}

/** The name of the cache of the location. Nothing else is in it, and no URL of a zone is answered from it. */
const LOCATION = "edgemint";

/**
 * How long this isolate goes on without the cache of the location after a failure, in milliseconds. A cache that
 * hangs then delays one request, and not each.
 */
const REST = 60_000;

/** The cache of the location, once it is open. */
let location;

/** The time until which this isolate does not use it. */
let rests_until = 0;

/** The result of `work`, or undefined when that fails or takes longer. Then the cache is not used for a while. */
async function of_location(work, milliseconds) {
  if (Date.now() < rests_until) return undefined;
  try {
    const result = await within(milliseconds, work());
    if (result !== undefined) return result;
  } catch {
    // Bare workerd, for example, throws when it has no cache.
  }
  rests_until = Date.now() + REST;
  return undefined;
}

/** The text under `url` in the cache of the location, else null. Undefined when it cannot be found out. */
export function cache_get(url, milliseconds) {
  return of_location(async () => {
    location ??= await caches.open(LOCATION);
    const answer = await location.match(url);
    return answer === undefined ? null : answer.text();
  }, milliseconds);
}

/** Keeps `text` under `url` in the cache of the location for `seconds`. The answer does not wait for it. */
export function cache_put(url, text, seconds, milliseconds) {
  const put = async () => {
    location ??= await caches.open(LOCATION);
    await location.put(url, new Response(text, { headers: { "Cache-Control": `max-age=${seconds}` } }));
    return true;
  };
  of_location(put, milliseconds);
}

/** Counts once under `key`. Whether that is within the limit. */
export function count(limiter, key, milliseconds) {
  return within(milliseconds, limiter.limit({ key }).then(({ success }) => success));
}

/** The most bytes of a JWKS that are read, once decompressed. */
const MAX_JWKS = 65536;

/**
 * How long Cloudflare caches a JWKS, in seconds, so that the isolates of one location share a fetch. No longer: a
 * `kid` that an isolate does not know makes it fetch again after a minute, and must not get the same keys for
 * five. Failures are not cached.
 */
const SHARED = { "200-299": 60, "300-599": 0 };

/** The JWKS at `url`. Follows no redirect, and gives up after a fixed time and after too many bytes. */
export function fetch_keys(url, milliseconds) {
  return kept(fetched_keys(url, milliseconds));
}

async function fetched_keys(url, milliseconds) {
  const signal = AbortSignal.timeout(milliseconds);
  const headers = { Accept: "application/json" };
  const cf = { cacheTtlByStatus: SHARED, cacheEverything: true };
  const answer = await fetch(url, { redirect: "manual", headers, signal, cf });
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw new Error(`the answer has status ${answer.status}`);
  }
  const kept = new Uint8Array(MAX_JWKS);
  let length = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new TextDecoder().decode(kept.subarray(0, length));
    if (length + value.length > MAX_JWKS) {
      await reader.cancel();
      throw new Error("the answer is longer than 64 KiB");
    }
    kept.set(value, length);
    length += value.length;
  }
}

/**
 * Whether `key` is new in the part `part` of the replay memory, which keeps it until `until` (seconds since
 * 1970). A new stub for each call: the runtime does not let a request use the stub of another one.
 */
export function first_use(namespace, part, key, until, milliseconds) {
  return within(milliseconds, namespace.get(namespace.idFromName(part)).firstUse(key, until));
}

/** Writes a line that belongs to no answer to the error log. */
export function log_error(line) {
  console.error(line);
}

/** Hands a row to Analytics Engine. The runtime sends it after the answer. */
export function write_point(dataset, point) {
  dataset.writeDataPoint(JSON.parse(point));
}

const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
  PS256: { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
};

/** A key and its algorithm. */
async function imported(alg, jwk, extractable, use) {
  const algorithm = ALGORITHMS[alg];
  return { algorithm, key: await crypto.subtle.importKey("jwk", JSON.parse(jwk), algorithm, extractable, [use]) };
}

/** A private key that signs, and cannot be exported. */
export function import_key(alg, jwk) {
  return imported(alg, jwk, false, "sign");
}

/** A public key that verifies. */
export function import_public_key(alg, jwk) {
  return imported(alg, jwk, true, "verify");
}

/**
 * The JWS signature. For ECDSA it is R‖S, which is WebCrypto's own form. `input` is copied before this
 * returns.
 */
export function sign({ algorithm, key }, input) {
  return crypto.subtle.sign(algorithm, key, input);
}

/** Whether `signature` is that of `input`. Both are copied before this returns. */
export function verify({ algorithm, key }, signature, input) {
  return crypto.subtle.verify(algorithm, key, signature, input);
}

/**
 * The same for a key that is used once. Undefined if the key is not valid, because the runtime refuses to import
 * only such a key. The memory of `input` and `signature` may be another one after the first promise.
 */
export async function verify_once(alg, jwk, signature, input) {
  const [kept, text] = [signature.slice(), input.slice()];
  let key;
  try {
    key = await imported(alg, jwk, false, "verify");
  } catch {
    return undefined;
  }
  return crypto.subtle.verify(key.algorithm, key.key, kept, text);
}

/** PBKDF2-HMAC-SHA-256 with a derived key of 32 bytes. */
export async function pbkdf2(secret, salt, iterations) {
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: salt.slice(), iterations };
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  return crypto.subtle.deriveBits(parameters, key, 256);
}
