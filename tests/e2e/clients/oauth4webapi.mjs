// oauth4webapi: both forms of discovery, both forms of the grant, and its own checks of the answers.
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";

const [issuer, algorithm] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true };
const secret = "ZXhhbXBsZS1hcHAtc2VjcmV0";
const client = { client_id: "example-app", id_token_signed_response_alg: algorithm };
for (const discovery of ["oidc", "oauth2"]) {
  const url = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: discovery, ...insecure }));
  assert.ok(as.grant_types_supported.includes("client_credentials"));
  for (const authentication of [oauth.ClientSecretBasic(secret), oauth.ClientSecretPost(secret)]) {
    const parameters = new URLSearchParams({ scope: "openid profile" });
    const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, insecure);
    const result = await oauth.processClientCredentialsResponse(as, client, response);
    assert.equal(result.token_type, "bearer");
    assert.equal(result.scope, "openid profile");
    assert.equal(result.expires_in, 600);
    assert.ok(result.id_token);
    await oauth.validateApplicationLevelSignature(as, response, insecure);
    const claims = oauth.getValidatedIdTokenClaims(result);
    assert.equal(claims.name, "Example App");
  }
  const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretBasic("wrong"), {}, insecure);
  await assert.rejects(oauth.processClientCredentialsResponse(as, client, response), (error) => {
    assert.equal(error.status, 401);
    const [challenge] = error.cause;
    assert.equal(challenge.scheme, "basic");
    assert.equal(challenge.parameters.realm, "edgemint");
    return true;
  });
}

// Introspection as JSON (RFC 7662) and as a JWT (RFC 9701), and revocation (RFC 7009) of the token.
const url = new URL(issuer);
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2", ...insecure }));
assert.ok(as.introspection_signing_alg_values_supported.includes(algorithm));
const authentication = oauth.ClientSecretBasic(secret);
const granted = await oauth.processClientCredentialsResponse(
  as,
  client,
  await oauth.clientCredentialsGrantRequest(as, client, authentication, new URLSearchParams({ scope: "profile" }), insecure),
);
const introspect = async (client, requestJwtResponse) => {
  const response = await oauth.introspectionRequest(as, client, authentication, granted.access_token, { requestJwtResponse, ...insecure });
  const about = await oauth.processIntrospectionResponse(as, client, response);
  if (requestJwtResponse) await oauth.validateApplicationLevelSignature(as, response, insecure);
  return about;
};
const about = await introspect(client, false);
assert.equal(about.active, true);
assert.equal(about.client_id, "example-app");
assert.equal(about.ext.preferred_username, "Example App");
assert.deepEqual(await introspect({ ...client, introspection_signed_response_alg: algorithm }, true), about);
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, granted.access_token, insecure));
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, authentication, "unknown", insecure));

// RFC 9068: the checks of an API on a token for it, and on one for another API.
const api = "https://rfc9068.example/";
const apiClient = { client_id: "api-client", id_token_signed_response_alg: algorithm };
const forApi = await oauth.processClientCredentialsResponse(
  as,
  apiClient,
  await oauth.clientCredentialsGrantRequest(
    as,
    apiClient,
    oauth.ClientSecretBasic("ems_TCRrf9UBwEacUY93qOzeccW4AIzPeW-li7zdr1QdGHMeUOIRG"),
    new URLSearchParams({ resource: api, scope: "openid read" }),
    insecure,
  ),
);
const call = (token) => new Request(api, { headers: { authorization: `Bearer ${token}` } });
const validated = await oauth.validateJwtAccessToken(as, call(forApi.access_token), api, insecure);
assert.equal(validated.client_id, "api-client");
assert.equal(validated.scope, "openid read");
for (const [token, audience] of [
  [forApi.access_token, "https://a.example/"],
  [forApi.id_token, api],
  [granted.access_token, "example-app"],
]) {
  await assert.rejects(oauth.validateJwtAccessToken(as, call(token), audience, insecure));
}
console.log("verified");
