// The entry point for the runtime. It hands a request to Rust, awaits the promises that Rust asks for (see
// steps.rs), and answers in Rust's place when the instance has died.
import { DurableObject } from "cloudflare:workers";
import {
  __wbg_reset_state,
  begin,
  resume_bytes,
  resume_failed,
  resume_text,
  resume_value,
  write_counts,
} from "./index.js";

/**
 * The limit of the issuer on each part of a request. LIMITS in the issuer has the same list in the same
 * order. At most one character more crosses: the issuer sees that the part is too long, and no header fills
 * the memory.
 */
const LIMITS = {
  method: 7,
  url: 8192,
  authorization: 8192,
  accept: 1024,
  "content-type": 1024,
  origin: 512,
  "if-none-match": 1024,
  dpop: 4096,
  "cf-connecting-ip": 45,
  "cf-ipcountry": 2,
  "cf-ray": 64,
  certificate: 4096,
  body: 16384,
};

const { method: MAX_METHOD, url: MAX_URL, certificate: MAX_CERTIFICATE, body: MAX_BODY, ...MAX_HEADERS } = LIMITS;

const HEADERS = Object.entries(MAX_HEADERS);

/**
 * A body that is not UTF-8 becomes this text, so that the issuer refuses it as a form that is not
 * well-formed.
 */
const MALFORMED = "%";

let last = 0;

/** When the last call of `watch` began, in milliseconds since 1970. */
let watched = 0;

/** See `watch`, in milliseconds. */
const WATCH_EVERY = 10_000;
const PAUSE = 25_000;

export default {
  fetch(request, env, context) {
    if (env.LOG_ISSUED === "counted" && Date.now() - watched > WATCH_EVERY) context.waitUntil(watch());
    return serve(request, env);
  },
};

/**
 * With LOG_ISSUED=counted, issued tokens are only counted for a minute, and a request after that writes the counts.
 * If no request comes, this does. It begins with a request, at most every 10 s, and ends 25 s later, because the
 * runtime grants 30 s after an answer. If another one has begun meanwhile, that one takes care. So the counts are
 * written at most 25 s after the last request.
 */
async function watch() {
  const mine = (watched = Date.now());
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  if (watched !== mine) return;
  try {
    write_counts();
  } catch (error) {
    console.error(String(error));
    revive();
  }
}

async function serve(request, env) {
  let isInside = false;
  try {
    const id = (last = (last + 1) >>> 0);
    let body = "";
    if (request.method === "POST") {
      const announced = Number(request.headers.get("content-length") ?? NaN);
      body = announced <= MAX_BODY ? whole(await request.text(), announced) : await bodyWithin(request);
    }
    // Only a deployment with a host for certificates looks for one, because reading `request.cf` is not free.
    const certificate = env.MTLS_HOST ? await certificateOf(request) : "";
    let lines = head(request);
    lines.push(certificate);
    if (body !== undefined) lines.push(body);
    isInside = true;
    let step = begin(id, env, Date.now(), lines.join("\n"));
    isInside = false;
    // Frees the texts, which would otherwise stay in memory while the request waits.
    lines = body = undefined;
    while (!(step instanceof Response)) {
      if (!(step instanceof Promise)) throw new Error(step ?? "this request waited for too long, or its instance died");
      let value, why;
      try {
        value = await step;
      } catch (error) {
        why = String(error?.message ?? error);
      }
      isInside = true;
      step = why === undefined ? resume(id, value) : resume_failed(id, Date.now(), why);
      isInside = false;
    }
    return step;
  } catch (error) {
    console.error(String(error));
    if (isInside) revive();
    return failure(request);
  }
}

/**
 * Resumes with the result of a promise. This is not an async function, because that would await the next
 * promise.
 */
function resume(id, value) {
  const now = Date.now();
  if (value instanceof ArrayBuffer) return resume_bytes(id, now, new Uint8Array(value));
  return typeof value === "string" ? resume_text(id, now, value) : resume_value(id, now, value);
}

/**
 * The parts of a request that the issuer needs, except its certificate and its body, one per line. "=" marks a
 * value that is present. No value can contain a newline. They are joined at once: each `+=` makes a string that is
 * copied when Rust reads it.
 * `cf-connecting-ip`, `cf-ipcountry` and `cf-ray` are Cloudflare's: it overwrites the values of a client.
 */
function head(request) {
  const { headers } = request;
  const lines = [cut(request.method, MAX_METHOD), cut(request.url, MAX_URL)];
  for (const [name, longest] of HEADERS) {
    const value = headers.get(name);
    lines.push(value === null ? "" : `=${cut(value, longest)}`);
  }
  return lines;
}

/**
 * What Cloudflare reports about the client's certificate, in the form of `Report` in the issuer, or "" if there is
 * none. Only the hash of the certificate crosses, because the certificate itself may have 10 KB.
 */
async function certificateOf(request) {
  const about = request.cf?.tlsClientAuth;
  if (about?.certPresented !== "1") return "";
  const sha256 = await fingerprint(about.certRFC9440);
  const report = {
    verified: about.certVerified,
    revoked: about.certRevoked,
    subject: about.certSubjectDNRFC2253,
    issuer: about.certIssuerDNRFC2253,
    not_before: about.certNotBefore,
    not_after: about.certNotAfter,
    sha256,
  };
  return `=${cut(JSON.stringify(report), MAX_CERTIFICATE)}`;
}

/** The SHA-256 of a certificate in RFC 9440's form, `:base64:`, in base64url. "" if it cannot be computed. */
async function fingerprint(certificate) {
  const base64 = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(certificate)?.[1];
  if (base64 === undefined) return "";
  const der = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", der));
  return btoa(String.fromCharCode(...digest)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * The beginning of `text`. It stays longer than `longest` bytes if `text` is, because no character is shorter
 * than a byte.
 */
function cut(text, longest) {
  return text.length > longest ? text.slice(0, longest + 1) : text;
}

/**
 * How many bytes of a body over the limit are read and discarded. If the Worker does not read the body, or
 * cancels it, the runtime ends the connection while the body still arrives. A proxy before the runtime
 * (`wrangler dev` has one) then answers 500.
 */
const DISCARDED = 1 << 20;

/** Reads a body of any length. Returns undefined if it exceeds MAX_BODY, and never keeps more than that. */
async function bodyWithin(request) {
  if (request.body === null) return "";
  const kept = new Uint8Array(MAX_BODY);
  let length = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length + value.length <= MAX_BODY) kept.set(value, length);
    length += value.length;
    if (length > DISCARDED) return undefined;
  }
  return length > MAX_BODY ? undefined : whole(new TextDecoder().decode(kept.subarray(0, length)), length);
}

/**
 * Returns `text` if it says exactly what its bytes said, else MALFORMED. Reading a body as text costs half of
 * reading its bytes. But the runtime replaces bytes that are not UTF-8, and drops a byte order mark, and the
 * issuer must not miss either.
 */
function whole(text, bytes) {
  const isAll = text.length === bytes || new TextEncoder().encode(text).length === bytes;
  return isAll && !text.includes("\uFFFD") ? text : MALFORMED;
}

/**
 * A panic, or anything else that was thrown inside, has ended the instance of wasm. This makes another one. Requests that
 * wait for a promise died with the old instance, and get the same answer as this one.
 */
function revive() {
  try {
    __wbg_reset_state();
  } catch (error) {
    // The next request also fails inside, and tries again.
    console.error(String(error));
  }
}

function failure(request) {
  const headers = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    Pragma: "no-cache",
    "X-Content-Type-Options": "nosniff",
  };
  if (request.url.startsWith("https:")) headers["Strict-Transport-Security"] = "max-age=31536000";
  const body = { error: "server_error", error_description: "The request could not be served." };
  return new Response(JSON.stringify(body), { status: 500, headers });
}

/** The shortest time between two deletions, in seconds, so that one deletion removes many rows. */
const DELETE_EVERY = 60;

/**
 * The assertions that were used (the binding REPLAY, see `Replay` in the issuer's ports). Each object knows those
 * of one client, or a sixteenth of those of one issuer.
 */
export class Replay extends DurableObject {
  constructor(context, env) {
    super(context, env);
    this.storage = context.storage;
    this.storage.sql.exec("CREATE TABLE IF NOT EXISTS used (key TEXT PRIMARY KEY, until INTEGER NOT NULL)");
  }

  /** Whether `key` is new. Keeps it until `until` (seconds since 1970). */
  async firstUse(key, until) {
    const written = this.storage.sql.exec("INSERT OR IGNORE INTO used VALUES (?, ?)", key, until).rowsWritten;
    if ((await this.storage.getAlarm()) === null) await this.deleteAt(until);
    return written > 0;
  }

  /** Deletes the rows that are over. */
  async alarm() {
    this.storage.sql.exec("DELETE FROM used WHERE until < ?", Date.now() / 1000);
    const { next } = this.storage.sql.exec("SELECT MIN(until) AS next FROM used").one();
    if (next !== null) await this.deleteAt(next);
  }

  deleteAt(until) {
    return this.storage.setAlarm(Math.max(until * 1000, Date.now() + DELETE_EVERY * 1000));
  }
}
