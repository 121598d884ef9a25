// The crossings between JavaScript and wasm. Each one costs more than the work behind it, so what a request
// carries crosses in one call, its body in another, and the answer in one; everything else is Rust.

/**
 * What the issuer needs of a request, a line each; "=" marks a header that is there. No value can hold a newline.
 * `cf-connecting-ip`, `cf-ipcountry` and `cf-ray` are Cloudflare's: it overwrites what a client puts there.
 */
export function head(request) {
  const { headers } = request;
  const header = (name) => {
    const value = headers.get(name);
    return value === null ? "" : `=${value}`;
  };
  return `${request.method}\n${request.url}\n${header("authorization")}\n${header("accept")}\n${header("content-type")}\n${header("origin")}\n${header("if-none-match")}\n${header("cf-connecting-ip")}\n${header("cf-ipcountry")}\n${header("cf-ray")}`;
}

/**
 * Of a body that is too long, so much is read and thrown away. Left unread, or cancelled, it makes the runtime end the
 * connection while the body still comes, and a proxy before it (`wrangler dev` has one) tells its client 500 then.
 */
const DISCARDED = 1 << 20;

/** The body, or null when it is longer than `limit`: no more than that of it is kept. */
export async function body(request, limit) {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) <= limit) return new Uint8Array(await request.arrayBuffer());
  if (request.body === null) return new Uint8Array();
  const kept = new Uint8Array(limit);
  let length = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return length > limit ? null : kept.subarray(0, length);
    if (length + value.length <= limit) kept.set(value, length);
    length += value.length;
    if (length > DISCARDED) return null;
  }
}

/** An answer; `headers` alternates names and values, a line each. */
export function respond(status, headers, body) {
  const lines = headers.split("\n");
  const named = {};
  for (let i = 0; i + 1 < lines.length; i += 2) named[lines[i]] = lines[i + 1];
  return new Response(body === "" ? null : body, { status, headers: named });
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

/** The rate limiter that is bound under `name`, if one is. */
export function limiter(env, name) {
  return typeof env[name]?.limit === "function" ? env[name] : undefined;
}

/** Counts once under `key`; whether there is still room. */
export async function count(limiter, key) {
  return (await limiter.limit({ key })).success;
}

const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  EdDSA: { name: "Ed25519" },
};

/** A private key that signs and that cannot be read out again. */
export function import_key(alg, jwk) {
  return crypto.subtle.importKey("jwk", JSON.parse(jwk), ALGORITHMS[alg], false, ["sign"]);
}

/** The signature of JWS: for ECDSA, R‖S (WebCrypto's own form). */
export async function sign(alg, key, input) {
  return new Uint8Array(await crypto.subtle.sign(ALGORITHMS[alg], key, input));
}

/** A public key that verifies. */
export function import_public_key(alg, jwk) {
  return crypto.subtle.importKey("jwk", JSON.parse(jwk), ALGORITHMS[alg], true, ["verify"]);
}

/** Whether `signature` is that of `input`. */
export function verify(alg, key, signature, input) {
  return crypto.subtle.verify(ALGORITHMS[alg], key, signature, input);
}

/** PBKDF2-HMAC-SHA-256 with a derived key of 32 bytes. */
export async function pbkdf2(secret, salt, iterations) {
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: salt.slice(), iterations };
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
}
