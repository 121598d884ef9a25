// The workload that decides which branches of the Worker are rare. Runs the counting version of the Worker (see
// hints.rs) in Node, and prints how often each branch was not taken and taken, as JSON.
//
// Every run takes the same branches, because the same sources must give the same Worker. So the time, the random bytes
// and the key are fixed. The key and the secret are in no deployment.
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The directory of entry.js and index.js, and the wasm file. */
const [, , directory, file] = process.argv;

const ISSUER = "https://tokens.example.com";
const API = "https://orders.example.com/";
const KEY = JSON.stringify({
  kty: "EC",
  crv: "P-256",
  x: "frHabVM2BbGFNnA3i5qEdvXa2eQiH2F_n-fc_P_54g8",
  y: "UCzU8KnKLh--IRV932TOtZWc1CB1IbK5NkRPoAz-m9w",
  d: "6W2QW99lRX0iGoa2o_f2WujoC2yZu8EtZ_wXB4H4IEg",
  alg: "ES256",
  kid: "Is3jZWqlFL-KZyjXKFBE4amnnwTzy3ou7F8BIRbJW2s",
});
const SECRET = "ems_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc3Ev4DH";
const client = {
  v: 2,
  id: "service",
  name: "A service",
  public: false,
  disabled: false,
  secrets: [{ id: "s1", created: 1, expires: null, hash: "$sha256$44dkp_NSqCC78L6WLTus4kl9_Bxm7YvHkTk75jFTqgE" }],
  groups: ["team-a", "team-b"],
  trusted_peers: [],
  token_lifetime: null,
  revision: 1,
  grants: { [API]: ["read", "write"] },
};
const scopes = ["read", "write"].map((name) => ({ name, description: "" }));
const api = { v: 1, id: API, name: "Orders", scopes, revision: 1 };

/** How often each part of the workload is served. A token of a client in memory is the most frequent request. */
const OFTEN = 1000;
const SOMETIMES = 100;

const basic = (secret) => ({ authorization: `Basic ${btoa(`service:${secret}`)}` });
const form = (more) => `grant_type=client_credentials${more}`;
const post = (path, headers, body) => ({
  method: "POST",
  path,
  headers: {
    accept: "*/*",
    "content-type": "application/x-www-form-urlencoded",
    "content-length": String(body.length),
    "cf-connecting-ip": "203.0.113.7",
    "cf-ipcountry": "DE",
    "cf-ray": "8f0c3b6d0a5d1b2c-FRA",
    ...headers,
  },
  body,
});
const get = (path) => ({ method: "GET", path, headers: { accept: "*/*" }, body: "" });

const token = post("/token", basic(SECRET), form("&scope=profile"));
const in_body = post("/token", {}, form(`&client_id=service&client_secret=${SECRET}`));
const id_token = post("/token", basic(SECRET), form("&scope=openid+profile+groups"));
const for_api = post("/token", basic(SECRET), form(`&resource=${encodeURIComponent(API)}&scope=read`));
const refused = post("/token", basic("wrong"), form(""));

/** Each isolate has its variables, and its requests with how often each is sent and the status that it gets. */
const isolates = [
  [
    { CLIENT_CACHE: "1h" },
    [
      [token, OFTEN, 200],
      [in_body, SOMETIMES, 200],
      [id_token, SOMETIMES, 200],
      [for_api, SOMETIMES, 200],
      [refused, SOMETIMES, 401],
      [get("/.well-known/openid-configuration"), SOMETIMES, 200],
      [get("/keys"), SOMETIMES, 200],
    ],
  ],
  [{ CLIENT_CACHE: "0", STALE_IF_ERROR: "0" }, [[token, SOMETIMES, 200]]],
  [{ CLIENT_CACHE: "1h", TOKEN_PROFILE: "rfc9068" }, [[for_api, SOMETIMES, 200]]],
];

const kv = { get: async (key) => JSON.stringify(key.startsWith("api:") ? api : client), put: async () => {} };

const wasm = pathToFileURL(file).href;
const hooks = `
  export const resolve = (name, context, next) =>
    name === "cloudflare:workers" || name.endsWith(".wasm") ? { url: "workload:" + name, shortCircuit: true } : next(name, context);
  const sources = {
    "workload:cloudflare:workers": "export class DurableObject {} export const waitUntil = () => {};",
    "workload:./index_bg.wasm":
      'import { readFileSync } from "node:fs"; export default new WebAssembly.Module(readFileSync(new URL(${JSON.stringify(wasm)})));',
  };
  export const load = (url, context, next) =>
    sources[url] ? { format: "module", source: sources[url], shortCircuit: true } : next(url, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const counts = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  imports["./index_bg.js"].hit = (condition, branch) => {
    const count = (counts[branch] ??= [0, 0]);
    count[condition === 0 ? 0 : 1] += 1;
    return condition;
  };
  return new Instance(module, imports);
};
let now = 1_800_000_000_000;
Date.now = () => now;
crypto.getRandomValues = (bytes) => bytes.fill(7);
const { log } = console;
console.log = console.error = () => {};

const { default: worker } = await import(pathToFileURL(join(directory, "entry.js")).href);
const { __wbg_reset_state } = await import(pathToFileURL(join(directory, "index.js")).href);
for (const [variables, requests] of isolates) {
  // Makes a new instance of wasm, which reads the variables again.
  __wbg_reset_state();
  const env = { ISSUER, GRANT_TYPES: "client_credentials", SIGNING_KEY_A: KEY, CLIENTS: kv, ...variables };
  for (const [{ method, path, headers, body }, times, expected] of requests) {
    for (let i = 0; i < times; i++) {
      const request = { method, url: `${ISSUER}${path}`, headers: new Headers(headers), text: async () => body, body: null };
      const answer = await worker.fetch(request, env, { waitUntil() {} });
      const text = await answer.text();
      if (answer.status !== expected) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      now += 1;
    }
  }
}
log(JSON.stringify(Array.from(counts, (count) => count ?? [0, 0])));
