// The limit: the least cost of a token for any issuer in this runtime. It reads the parts of a request that an issuer
// needs, signs as many bytes as a token has, writes a log line, and answers with the headers that RFC 6749 §5.1
// requires. It does not parse, look up, check or encode anything, and every answer is the same.
const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const input = new Uint8Array(300);
const body = JSON.stringify({ not_a_token: "x".repeat(400), token_type: "bearer", expires_in: 600, scope: "profile" });
const line = JSON.stringify({ time: 1700000000, event: "token.issued", about: "x".repeat(250) });
const init = { headers: new Headers({ "content-type": "application/json", "cache-control": "no-store", pragma: "no-cache" }) };
let key;

export default {
  async fetch(request, env) {
    request.headers.get("authorization");
    await request.text();
    if (!key) {
      const { kid, ...jwk } = JSON.parse(env.SIGNING_KEY_A);
      key = await crypto.subtle.importKey("jwk", jwk, ES256, false, ["sign"]);
    }
    await crypto.subtle.sign(ES256, key, input);
    console.log(line);
    return new Response(body, init);
  },
};
