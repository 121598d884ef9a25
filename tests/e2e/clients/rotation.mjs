// jose: gets tokens without a pause, and verifies each with several caches of the published keys. The caches were
// filled at different times, and each is kept for the longest time that the issuer allows. Also verifies earlier tokens
// until they expire. Runs until standard input ends, and prints its counts after each round as a line of JSON.
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";

const [issuer, id, secret, scale] = process.argv.slice(2);
const CACHES = 3;

const published = await fetch(`${issuer}/keys`);
const maxAge = Number(/max-age=(\d+)/.exec(published.headers.get("cache-control"))[1]);
// The test scales down all real times: this one, and the time at which the new key begins to sign.
const cacheMaxAge = (maxAge * 1000) / Number(scale);
// The cache never fetches because a key is missing, because verifiers need not do that.
const caches = Array.from({ length: CACHES }, (_, i) => ({
  from: Date.now() + (i * cacheMaxAge) / CACHES,
  keys: createRemoteJWKSet(new URL(`${issuer}/keys`), { cacheMaxAge, cooldownDuration: Infinity }),
}));

const report = { max_age: maxAge, issued: 0, verified: 0, by_key: {}, refused: [], failures: [] };
let held = [];
let running = true;
process.stdin.resume().on("end", () => (running = false));

async function verify(token, when) {
  for (const [i, cache] of caches.entries()) {
    if (Date.now() < cache.from) continue;
    try {
      await jwtVerify(token, cache.keys, { issuer, algorithms: ["ES256"] });
      report.verified += 1;
    } catch (error) {
      report.failures.push({ cache: i, when, kid: decodeProtectedHeader(token).kid, code: error.code ?? `${error}` });
    }
  }
}

while (running) {
  const now = Date.now() / 1000;
  held = held.filter((one) => one.expires > now + 1);
  if (held.length > 0) await verify(held[Math.floor(Math.random() * held.length)].token, "later");
  try {
    const response = await fetch(`${issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: secret }),
    });
    const answer = await response.json();
    if (response.status !== 200) throw new Error(`${response.status} ${answer.error}`);
    const token = answer.access_token;
    const { kid } = decodeProtectedHeader(token);
    report.issued += 1;
    report.by_key[kid] = (report.by_key[kid] ?? 0) + 1;
    held.push({ token, expires: now + answer.expires_in });
    await verify(token, "at once");
  } catch (error) {
    report.refused.push(error.cause?.code ?? error.message);
  }
  console.log(JSON.stringify(report));
  await new Promise((resolve) => setTimeout(resolve, 20));
}
process.exit(0);
