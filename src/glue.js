// What Rust calls in JavaScript. Each crossing costs more than the work behind it, so an answer crosses in one call, and
// with it what is logged of it. Whatever takes time is returned as a promise, which entry.js awaits (see steps.rs).

/** Answers without a body, for what begins as they do: most do, and to copy one costs half of what it costs to make one. */
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
 * An answer. `text` is, one after the other: its head, a line each for the status and, in turns, names and values of headers;
 * the body; and the line that is logged, if any. To decode one string costs as much as three.
 */
export function respond(text, head_end, body_end, is_failure) {
  if (body_end < text.length) (is_failure ? console.error : console.log)(text.slice(body_end));
  const body = head_end === body_end ? null : text.slice(head_end, body_end);
  return new Response(body, template(text.slice(0, head_end)));
}

/** The variables and secrets among the bindings, as JSON; a list is joined by spaces. */
export function variables(env) {
  const found = {};
  for (const name of Object.keys(env)) {
    const value = env[name];
    if (["string", "number", "boolean"].includes(typeof value)) found[name] = String(value);
    else if (Array.isArray(value)) found[name] = value.join(" ");
  }
  return JSON.stringify(found);
}

/** What is bound under `name`, if it has this method. */
export function binding(env, name, method) {
  return typeof env[name]?.[method] === "function" ? env[name] : undefined;
}

/**
 * So many turns of the event loop pass after the time is up, before a promise is taken to hang. While the isolate computes,
 * timers fire late, and before what has arrived meanwhile is delivered. A read of KV was seen to need 3 turns then: to
 * connect, and for the head and the body of its answer. In an isolate that is idle, 10 turns take some 10 milliseconds.
 */
const TURNS = 10;

/** What `promise` comes to; `undefined` when it takes longer: nothing that hangs holds up a request for longer. */
function within(milliseconds, promise) {
  return new Promise((resolve, reject) => {
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
}

/** What KV has under `key`: a string, or null. */
export function kv_get(namespace, key, cacheTtl, milliseconds) {
  return within(milliseconds, namespace.get(key, { cacheTtl }));
}

/** True when KV has taken `value`, to keep it until the second `expiration`. */
export function kv_put(namespace, key, value, expiration, milliseconds) {
  return within(milliseconds, namespace.put(key, value, { expiration }).then(() => true));
}

/** Counts once under `key`; whether there is still room. */
export function count(limiter, key, milliseconds) {
  return within(milliseconds, limiter.limit({ key }).then(({ success }) => success));
}

/** Hands a row to Analytics Engine; the runtime sends it when the answer has gone. */
export function write_point(dataset, point) {
  dataset.writeDataPoint(JSON.parse(point));
}

const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
};

/** A key, and what it is used with. */
async function imported(alg, jwk, extractable, use) {
  const algorithm = ALGORITHMS[alg];
  return { algorithm, key: await crypto.subtle.importKey("jwk", JSON.parse(jwk), algorithm, extractable, [use]) };
}

/** A private key that signs and that cannot be read out again. */
export function import_key(alg, jwk) {
  return imported(alg, jwk, false, "sign");
}

/** A public key that verifies. */
export function import_public_key(alg, jwk) {
  return imported(alg, jwk, true, "verify");
}

/** The signature of JWS: for ECDSA, R‖S (WebCrypto's own form). `input` is copied before this returns. */
export function sign({ algorithm, key }, input) {
  return crypto.subtle.sign(algorithm, key, input);
}

/** Whether `signature` is that of `input`; both are copied before this returns. */
export function verify({ algorithm, key }, signature, input) {
  return crypto.subtle.verify(algorithm, key, signature, input);
}

/** PBKDF2-HMAC-SHA-256 with a derived key of 32 bytes. */
export async function pbkdf2(secret, salt, iterations) {
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: salt.slice(), iterations };
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  return crypto.subtle.deriveBits(parameters, key, 256);
}
