// The floor of a hand-written issuer: the cost of a client_credentials grant in the fewest lines of JavaScript that
// issue a real token. It checks only the secret: no grammar, no limits, no scopes, no log, no reasons for errors. With
// the binding MEMORY, it keeps the records that it has read.
const text = new TextEncoder();
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const known = new Map();
let key, header;

export default {
  async fetch(request, env) {
    const [id, secret] = atob(request.headers.get("authorization").slice("Basic ".length)).split(":");
    const form = new URLSearchParams(await request.text());
    let record = known.get(id);
    if (!record) {
      record = await env.CLIENTS.get(`client:${id}`, "json");
      if (env.MEMORY) known.set(id, record);
    }
    const digest = base64url(await crypto.subtle.digest("SHA-256", text.encode(secret)));
    if (record.secrets[0].hash !== `$sha256$${digest}`) return new Response(null, { status: 401 });
    if (!key) {
      const { kid, ...jwk } = JSON.parse(env.SIGNING_KEY_A);
      header = base64url(text.encode(JSON.stringify({ alg: "ES256", kid, typ: "JWT" })));
      key = await crypto.subtle.importKey("jwk", jwk, ES256, false, ["sign"]);
    }
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: env.ISSUER, sub: id, aud: id, iat, exp: iat + 600, jti: crypto.randomUUID() };
    const input = `${header}.${base64url(text.encode(JSON.stringify(claims)))}`;
    const signature = base64url(await crypto.subtle.sign(ES256, key, text.encode(input)));
    const answer = { access_token: `${input}.${signature}`, token_type: "bearer", expires_in: 600, scope: form.get("scope") };
    return Response.json(answer, { headers: { "cache-control": "no-store", pragma: "no-cache" } });
  },
};
