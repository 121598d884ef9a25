// What the runtime calls: hands a request to Rust, awaits what Rust asks for (see steps.rs), and answers in its place when
// its instance has died.
import Worker from "./index.js";

const { begin, resume_bytes, resume_text, resume_value, resume_failed } = Worker.prototype;

/**
 * The longest of each part of a request that the issuer looks at, as LIMITS in the issuer has it and in that order. A part
 * crosses with one character more at most: the issuer sees that it is too long, and no header fills the memory.
 */
const LIMITS = {
  method: 7,
  url: 8192,
  authorization: 8192,
  accept: 1024,
  "content-type": 1024,
  origin: 512,
  "if-none-match": 1024,
  "cf-connecting-ip": 45,
  "cf-ipcountry": 2,
  "cf-ray": 64,
  body: 16384,
};

const { method: MAX_METHOD, url: MAX_URL, body: MAX_BODY, ...MAX_HEADERS } = LIMITS;

const HEADERS = Object.entries(MAX_HEADERS);

/** Stands for a body that is not UTF-8: it is refused in the same words, as a form that is not well-formed. */
const MALFORMED = "%";

let last = 0;

export default {
  fetch(request, env, context) {
    const answer = serve(request, env, context);
    // When a client resets its connection, the runtime drops its request unless this keeps it. A dropped request is never
    // resumed: nothing would be logged, and Rust would keep its part. `serve` catches everything, so that nothing rejects.
    context.waitUntil(answer);
    return answer;
  },
};

async function serve(request, env, context) {
  let isInside = false;
  try {
    const id = (last = (last + 1) >>> 0);
    let body = "";
    if (request.method === "POST") {
      const announced = Number(request.headers.get("content-length") ?? NaN);
      body = announced <= MAX_BODY ? whole(await request.text(), announced) : await bodyWithin(request);
    }
    let text = body === undefined ? head(request) : `${head(request)}\n${body}`;
    isInside = true;
    let step = begin(id, env, Date.now(), text);
    isInside = false;
    // Otherwise they stay for as long as the request waits.
    text = body = undefined;
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
    if (isInside) revive(env, context);
    return failure(request);
  }
}

/** Goes on with what a promise came to. Not in an async function: that would await the promise that comes next. */
function resume(id, value) {
  const now = Date.now();
  if (value instanceof ArrayBuffer) return resume_bytes(id, now, new Uint8Array(value));
  return typeof value === "string" ? resume_text(id, now, value) : resume_value(id, now, value);
}

/**
 * What the issuer needs of a request but its body, a line each; "=" marks a header that is there. No value can hold a
 * newline.
 * `cf-connecting-ip`, `cf-ipcountry` and `cf-ray` are Cloudflare's: it overwrites what a client puts there.
 */
function head(request) {
  const { headers } = request;
  let text = `${cut(request.method, MAX_METHOD)}\n${cut(request.url, MAX_URL)}`;
  for (const [name, longest] of HEADERS) {
    const value = headers.get(name);
    text += value === null ? "\n" : `\n=${cut(value, longest)}`;
  }
  return text;
}

/** `text`, which stays longer than `longest` bytes if it is: no character is less than a byte. */
function cut(text, longest) {
  return text.length > longest ? text.slice(0, longest + 1) : text;
}

/**
 * Of a body that is too long, so much is read and thrown away. Left unread, or cancelled, it makes the runtime end the
 * connection while the body still comes, and a proxy before it (`wrangler dev` has one) tells its client 500 then.
 */
const DISCARDED = 1 << 20;

/** A body of whatever length; undefined when it is longer than it may be: no more than that of it is kept. */
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
 * `text`, if the bytes that it was read from say just that. To have a body as text costs half of what its bytes do, but the
 * runtime replaces what is not UTF-8, and drops a byte order mark: neither may go unseen.
 */
function whole(text, bytes) {
  const isAll = text.length === bytes || new TextEncoder().encode(text).length === bytes;
  return isAll && !text.includes("\uFFFD") ? text : MALFORMED;
}

/**
 * What was thrown inside, a panic above all, has ended the instance of wasm. worker-build's shim makes another one when
 * this is set and its class is constructed. Requests that wait for a promise meanwhile died with the old instance, and
 * are answered as this one is.
 */
function revive(env, context) {
  globalThis.__worker_init_state.criticalError = true;
  try {
    new Worker(context, env);
  } catch (error) {
    // The next request fails inside, too, and tries again.
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
