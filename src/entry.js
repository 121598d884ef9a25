// What the runtime calls: hands a request to Rust, awaits what Rust asks for (see steps.rs), and answers in its place when
// its instance has died.
import Worker from "./index.js";

const { begin, resume_bytes, resume_text, resume_value, resume_failed } = Worker.prototype;

/** As MAX_BODY in the issuer. */
const MAX_BODY = 16 * 1024;

/** Stands for a body that is not UTF-8: it is refused in the same words, as a form that is not well-formed. */
const MALFORMED = "%";

let last = 0;

export default {
  async fetch(request, env, context) {
    let isInside = false;
    try {
      const id = (last = (last + 1) >>> 0);
      let body = "";
      if (request.method === "POST") {
        const announced = Number(request.headers.get("content-length") ?? NaN);
        body = announced <= MAX_BODY ? whole(await request.text(), announced) : await bodyWithin(request);
      }
      const text = body === undefined ? head(request) : `${head(request)}\n${body}`;
      isInside = true;
      let step = begin(id, env, Date.now(), text);
      isInside = false;
      while (!(step instanceof Response)) {
        if (!(step instanceof Promise)) throw new Error(step ?? "the instance died while this request waited");
        let value, why;
        try {
          value = await step;
        } catch (error) {
          why = String(error?.message ?? error);
        }
        isInside = true;
        step = why === undefined ? resume(id, value) : resume_failed(id, why);
        isInside = false;
      }
      return step;
    } catch (error) {
      console.error(String(error));
      if (isInside) revive(env, context);
      return failure(request);
    }
  },
};

/** Goes on with what a promise came to. Not in an async function: that would await the promise that comes next. */
function resume(id, value) {
  if (value instanceof ArrayBuffer) return resume_bytes(id, new Uint8Array(value));
  return typeof value === "string" ? resume_text(id, value) : resume_value(id, value);
}

/**
 * What the issuer needs of a request but its body, a line each; "=" marks a header that is there. No value can hold a
 * newline.
 * `cf-connecting-ip`, `cf-ipcountry` and `cf-ray` are Cloudflare's: it overwrites what a client puts there.
 */
function head(request) {
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
  new Worker(context, env);
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
