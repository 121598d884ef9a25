// The rules of gateways, implemented with jose: exactly what each gateway checks before it lets a token through.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createLocalJWKSet, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, importSPKI, jwtVerify } from "jose";

const [issuer, algorithm, kongFile, shieldFile] = process.argv.slice(2);
const resource = "https://a.example/";
const response = await fetch(`${issuer}/token`, {
  method: "POST",
  headers: { authorization: `Basic ${btoa("api-client:ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG")}` },
  body: new URLSearchParams({ grant_type: "client_credentials", resource, scope: "read" }),
});
assert.equal(response.status, 200, await response.clone().text());
const token = (await response.json()).access_token;
const [head, body, signature] = token.split(".");
const forged = `${head}.${body}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
const later = new Date((decodeJwt(token).exp + 1) * 1000);

// AWS API Gateway, JWT authorizer of an HTTP API: only RSA; kid, iss, exp, nbf, iat; aud, or else client_id; one of the
// scopes.
async function aws(token, { audience = resource, scopes = ["read", "other"], currentDate } = {}) {
  const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const keys = createRemoteJWKSet(new URL(discovery.jwks_uri));
  const options = { issuer, algorithms: ["RS256"], requiredClaims: ["exp", "iat"], currentDate };
  const { payload } = await jwtVerify(token, keys, options);
  const audiences = payload.aud === undefined ? [payload.client_id] : [payload.aud].flat();
  assert.ok(audiences.includes(audience), "audience");
  assert.ok(payload.scope.split(" ").some((scope) => scopes.includes(scope)), "scope");
}

if (algorithm === "RS256") {
  await aws(token);
  await assert.rejects(aws(forged));
  await assert.rejects(aws(token, { currentDate: later }));
  await assert.rejects(aws(token, { audience: "https://b.example/" }), /audience/);
  await assert.rejects(aws(token, { scopes: ["write"] }), /scope/);
} else {
  await assert.rejects(aws(token), { code: "ERR_JOSE_ALG_NOT_ALLOWED" });
}

// Kong's jwt plugin with key_claim_name: kid, from the claims or else from the header; the credential's algorithm; exp.
const kong = JSON.parse(readFileSync(kongFile, "utf8"));
assert.equal(kong._format_version, "3.0");
async function throughKong(token, currentDate) {
  const kid = decodeJwt(token).kid ?? decodeProtectedHeader(token).kid;
  const found = kong.consumers.flatMap((consumer) => consumer.jwt_secrets).filter(({ key }) => key === kid);
  assert.equal(found.length, 1, "one credential for a key");
  const [credential] = found;
  assert.equal(decodeProtectedHeader(token).alg, credential.algorithm);
  const key = await importSPKI(credential.rsa_public_key, credential.algorithm);
  await jwtVerify(token, key, { algorithms: [credential.algorithm], requiredClaims: ["exp"], currentDate });
}
await throughKong(token);
await assert.rejects(throughKong(forged));
await assert.rejects(throughKong(token, later));

// Cloudflare API Shield: exactly the members that its API defines for a key; the signature, exp and nbf.
if (shieldFile) {
  const configuration = JSON.parse(readFileSync(shieldFile, "utf8"));
  const { title, token_type, token_sources, credentials, ...rest } = configuration;
  assert.deepEqual([title, token_type, rest], ["edgemint", "JWT", { description: "" }]);
  assert.deepEqual(token_sources, ['http.request.headers["authorization"][0]']);
  const members = { ES256: ["alg", "crv", "kid", "kty", "x", "y"], RS256: ["alg", "e", "kid", "kty", "n"] };
  for (const key of credentials.keys) assert.deepEqual(Object.keys(key).sort(), members[key.alg]);
  const shield = (token, currentDate) =>
    jwtVerify(token, createLocalJWKSet(credentials), { requiredClaims: ["exp"], currentDate });
  await shield(token);
  await assert.rejects(shield(forged));
  await assert.rejects(shield(token, later));
}
console.log("verified");
