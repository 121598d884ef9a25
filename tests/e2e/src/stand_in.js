// A stand-in for Workers KV and for the rate limits, which fails on command. workerd calls a KV namespace over HTTP, so
// any Worker can implement one.
import { WorkerEntrypoint } from "cloudflare:workers";

const records = new Map();
let fault = "none";
let asked = 0;

async function fail() {
  asked++;
  if (fault === "throw") throw new Error("provoked");
  // Not a promise that never settles: workerd would detect it and fail at once.
  if (fault === "hang") await new Promise((resolve) => setTimeout(resolve, 600_000));
}

/** KV, as workerd speaks to it. */
export const kv = {
  async fetch(request) {
    await fail();
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method === "PUT") {
      records.set(key, await request.text());
      return new Response();
    }
    return records.has(key) ? new Response(records.get(key)) : new Response(null, { status: 404 });
  },
};

/** A rate limit: it has room for everything until it fails. */
export class Limit extends WorkerEntrypoint {
  async limit() {
    await fail();
    return { success: true };
  }
}

/** What the tests command: POST /fault/<fault>, PUT /<key>, GET /asked. */
export default {
  async fetch(request) {
    const path = decodeURIComponent(new URL(request.url).pathname);
    if (path.startsWith("/fault/")) fault = path.slice("/fault/".length);
    else if (request.method === "PUT") records.set(path.slice(1), await request.text());
    return new Response(String(asked));
  },
};
