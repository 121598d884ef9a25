// jose: verifies both tokens against the published keys, with a fixed algorithm.
import assert from "node:assert/strict";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [issuer, algorithm] = process.argv.slice(2);
const response = await fetch(`${issuer}/token`, {
  method: "POST",
  headers: { authorization: `Basic ${btoa("example-app:ZXhhbXBsZS1hcHAtc2VjcmV0")}` },
  body: new URLSearchParams({ grant_type: "client_credentials", scope: "openid profile groups", nonce: "n1" }),
});
assert.equal(response.status, 200, await response.clone().text());
const answer = await response.json();
const keys = createRemoteJWKSet(new URL(`${issuer}/keys`));
for (const token of [answer.access_token, answer.id_token]) {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer,
    audience: "example-app",
    subject: "CgtleGFtcGxlLWFwcA",
    algorithms: [algorithm],
    typ: "JWT",
    requiredClaims: ["exp", "iat", "jti", "at_hash", "nonce"],
  });
  assert.equal(protectedHeader.alg, algorithm);
  assert.equal(payload.exp - payload.iat, answer.expires_in);
  assert.equal(payload.nonce, "n1");
  assert.deepEqual(payload.groups, ["admins", "developers"]);
}
const [head, body, signature] = answer.access_token.split(".");
const forged = `${head}.${body}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
await assert.rejects(jwtVerify(forged, keys, { issuer }), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
console.log("verified");
