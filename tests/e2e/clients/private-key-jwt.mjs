// oauth4webapi and openid-client: the grant, introspection and revocation with assertions that they sign (RFC 7523).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRemoteJWKSet, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

const [issuer, algorithm, keysFile] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true };
const keys = JSON.parse(readFileSync(keysFile, "utf8"));
const imported = (name, parameters) => crypto.subtle.importKey("jwk", keys[name], parameters, false, ["sign"]);
const es256 = await imported("signer-ES256", { name: "ECDSA", namedCurve: "P-256" });
const url = new URL(issuer);
const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oauth2", ...insecure }));
for (const endpoint of ["token", "introspection", "revocation"]) {
  assert.ok(as[`${endpoint}_endpoint_auth_methods_supported`].includes("private_key_jwt"), endpoint);
  assert.ok(as[`${endpoint}_endpoint_auth_signing_alg_values_supported`].includes("ES256"), endpoint);
}

async function granted(id, authentication) {
  const client = { client_id: id, id_token_signed_response_alg: algorithm };
  const parameters = new URLSearchParams({ scope: "openid" });
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, insecure);
  const result = await oauth.processClientCredentialsResponse(as, client, response);
  await oauth.validateApplicationLevelSignature(as, response, insecure);
  assert.deepEqual(oauth.getValidatedIdTokenClaims(result).aud, id);
  return result.access_token;
}

const published = createRemoteJWKSet(new URL(as.jwks_uri));
for (const [kid, name, alg, parameters] of [
  ["es256", "signer-ES256", "ES256", { name: "ECDSA", namedCurve: "P-256" }],
  ["ps256", "signer-RSA", "PS256", { name: "RSA-PSS", hash: "SHA-256" }],
  // oauth4webapi writes the name of RFC 9864. The record has the older one.
  ["eddsa", "signer-EdDSA", "Ed25519", { name: "Ed25519" }],
]) {
  const key = await imported(name, parameters);
  let header;
  const authentication = oauth.PrivateKeyJwt({ key, kid }, { [oauth.modifyAssertion]: (signed) => (header = { ...signed }) });
  const token = await granted("signer", authentication);
  assert.deepEqual(header, { alg, kid });
  const { payload } = await jwtVerify(token, published, { issuer, audience: "signer", algorithms: [algorithm] });
  assert.equal(payload.at_hash !== undefined, true);
  // Without a key ID.
  await granted("signer", oauth.PrivateKeyJwt(key));

  // openid-client, with the lines of docs/guides/private-key-jwt.md.
  const options = { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] };
  const metadata = { id_token_signed_response_alg: algorithm };
  const config = await openid.discovery(url, "signer", metadata, openid.PrivateKeyJwt({ key, kid }), options);
  const tokens = await openid.clientCredentialsGrant(config, { scope: "openid" });
  assert.equal(tokens.claims().aud, "signer");
  const about = await openid.tokenIntrospection(config, tokens.access_token);
  assert.equal(about.active, true);
  await openid.tokenRevocation(config, tokens.access_token);
}

async function refused(id, key, modify) {
  const authentication = oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: modify });
  await assert.rejects(granted(id, authentication), (error) => {
    assert.equal(error.status, 401);
    assert.equal(error.error ?? error.cause[0].parameters.error, "invalid_client");
    return true;
  });
}
const key = { key: es256, kid: "es256" };
await refused("signer", key, (_, claims) => (claims.aud = [issuer]));
await refused("signer", key, (_, claims) => (claims.aud = as.token_endpoint));
await refused("signer", key, (_, claims) => (claims.exp = claims.iat + 301));
await refused("signer", key, (header) => (header.typ = "at+jwt"));
await refused("signer", { ...key, kid: "eddsa" });
await refused("signer", await imported("other-ES256", { name: "ECDSA", namedCurve: "P-256" }));
await refused("other-signer", key);
// A client that keeps its assertion.
const again = oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: (_, claims) => (claims.jti = "kept") });
await granted("signer", again);
await refused("signer", key, (_, claims) => (claims.jti = "kept"));
// The type of draft-ietf-oauth-rfc7523bis.
const typed = oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: (header) => (header.typ = "client-authentication+jwt") });
await granted("signer", typed);
console.log("verified");
