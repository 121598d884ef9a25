// oauth4webapi and openid-client: tokens that are bound to a key, by proofs that they sign (RFC 9449), and to a certificate
// (RFC 8705). Prints a line of JSON for each token.
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const [issuer, id, secret, resource, api, algorithms] = process.argv.slice(2);
const url = new URL(issuer);
const insecure = { [oauth.allowInsecureRequests]: true };
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2" }));
assert.ok(as.dpop_signing_alg_values_supported.includes("ES256"));
const client = { client_id: id };
const parameters = { resource, scope: "read" };
const print = (library, token, jkt) => console.log(JSON.stringify({ library, token, jkt }));

async function granted(DPoP) {
  const authentication = oauth.ClientSecretBasic(secret);
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, new URLSearchParams(parameters), { DPoP });
  return oauth.processClientCredentialsResponse(as, client, response);
}

for (const alg of algorithms.split(" ")) {
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(alg));
  // The library keeps the nonce of an answer, and leaves the second attempt to the application.
  const result = await granted(DPoP).catch((error) => {
    assert.ok(oauth.isDPoPNonceError(error), error);
    return granted(DPoP);
  });
  assert.equal(result.token_type, "dpop");
  print(`oauth4webapi with ${alg}`, result.access_token, await DPoP.calculateThumbprint());
  const answer = await oauth.protectedResourceRequest(result.access_token, "GET", new URL(api), new Headers(), null, { DPoP, ...insecure });
  assert.equal(answer.status, 200);
}
await assert.rejects(granted(), { error: "invalid_dpop_proof", status: 400 });

// openid-client makes the second attempt itself.
const config = await openid.discovery(url, id, undefined, openid.ClientSecretBasic(secret));
const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair("ES256"));
const tokens = await openid.clientCredentialsGrant(config, parameters, { DPoP });
assert.equal(tokens.token_type, "dpop");
print("openid-client", tokens.access_token, await DPoP.calculateThumbprint());
openid.allowInsecureRequests(config);
const answer = await openid.fetchProtectedResource(config, tokens.access_token, new URL(api), "GET", null, undefined, { DPoP });
assert.equal(answer.status, 200);
await assert.rejects(openid.clientCredentialsGrant(config, parameters), { error: "invalid_dpop_proof" });
