// jose: gets tokens without a pause, and verifies each by several caches of the published keys, which were filled at
// different times and are kept for as long as the issuer allows; also tokens that it got earlier, until they expire.
// Until standard input ends. It prints what happened so far, each time around, as a line of JSON.
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";

const [issuer, id, secret, scale] = process.argv.slice(2);
const CACHES = 3;

const published = await fetch(`${issuer}/keys`);
const maxAge = Number(/max-age=(\d+)/.exec(published.headers.get("cache-control"))[1]);
// All times of the test are a fraction of the real ones: of this one, and of when the new key begins to sign.
const cacheMaxAge = (maxAge * 1000) / Number(scale);
// It never fetches because a key is missing: a verifier need not.
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
