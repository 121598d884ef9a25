// What the runtime calls: the Worker, and an answer for requests whose code died under them.
//
// A panic ends the instance of wasm, so nothing in Rust can answer any more, and the promise of the request never
// settles: left alone, the runtime says 500 in a text of its own. The runtime tells of the death as an "error" event;
// what is answered then is what every failure of ours looks like.
import Worker from "./index.js";

/** Of each request that has no answer yet, how to give it one. */
const unanswered = new Set();

/** More than any isolate has at once: who hangs up is never taken out otherwise. */
const MOST = 10_000;

addEventListener("error", (event) => {
  if (event.error instanceof WebAssembly.RuntimeError) {
    for (const fail of [...unanswered]) fail();
  }
});

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

export default class extends Worker {
  async fetch(request) {
    let fail;
    const failed = new Promise((resolve) => {
      fail = () => resolve(failure(request));
    });
    if (unanswered.size >= MOST) unanswered.clear();
    unanswered.add(fail);
    try {
      return await Promise.race([super.fetch(request), failed]);
    } catch (error) {
      console.error(String(error));
      return failure(request);
    } finally {
      unanswered.delete(fail);
    }
  }
}
