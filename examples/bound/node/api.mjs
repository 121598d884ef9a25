// An API that accepts only tokens that are bound to their sender: to a key (DPoP, RFC 9449) or to a client certificate
// (RFC 8705). Needs the packages jose and oauth4webapi.
//
// ISSUER: the issuer. AUDIENCE: the ID of this API. URL: the address at which clients call it. PORT: where it listens.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";

const { ISSUER, AUDIENCE, URL: address, PORT = "0" } = process.env;
const ALGORITHMS = ["ES256", "PS256", "EdDSA", "Ed25519"];
const issuer = new URL(ISSUER);
// Do this once, when the API starts.
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: "oauth2" }));
const keys = createRemoteJWKSet(new URL(as.jwks_uri));

/** How long a proof counts as used, in milliseconds. oauth4webapi accepts it for 300 s before and after its `iat`. */
const REMEMBERED = 600_000;

/** The proofs that were used, the oldest first. Several instances of an API need one store for all. */
const used = new Map();

/** Whether a proof is new (RFC 9449 §11.1). */
function isFirstUse(proof, now) {
  for (const [known, time] of used) {
    if (time + REMEMBERED > now) break;
    used.delete(known);
  }
  const id = createHash("sha256").update(decodeJwt(proof).jti).digest("base64url");
  if (used.has(id)) return false;
  used.set(id, now);
  return true;
}

/** The claims of a token that is bound to a key, with the proof for this request. */
async function byProof(request) {
  const claims = await oauth.validateJwtAccessToken(as, request, AUDIENCE, { requireDPoP: true, signingAlgorithms: ALGORITHMS });
  if (!isFirstUse(request.headers.get("dpop"), Date.now())) throw new Error("the proof was used before");
  return claims;
}

/**
 * The claims of a token that is bound to the client's certificate. The proxy that terminates TLS passes the certificate
 * on (RFC 9440), and removes this header from requests of clients.
 */
async function byCertificate(token, certificate) {
  const rules = { issuer: ISSUER, audience: AUDIENCE, typ: "at+jwt", algorithms: ALGORITHMS, requiredClaims: ["exp", "iat"] };
  const { payload } = await jwtVerify(token, keys, rules);
  const base64 = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(certificate)?.[1];
  if (base64 === undefined) throw new Error("a certificate is missing");
  const thumbprint = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64url");
  if (payload.cnf?.["x5t#S256"] !== thumbprint) throw new Error("the token is not bound to this certificate");
  return payload;
}

const server = createServer(async ({ method, url, headers }, response) => {
  try {
    // `htu` names the address that the client called, which is not the one where this server listens.
    const request = new Request(address + url, { method, headers });
    const [scheme, token] = (headers.authorization ?? "").split(" ");
    const isBearer = scheme.toLowerCase() === "bearer" && headers.dpop === undefined;
    const claims = isBearer ? await byCertificate(token, headers["client-cert"]) : await byProof(request);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ client: claims.client_id, cnf: claims.cnf }));
  } catch (error) {
    console.error(`rejected: ${error.message}`);
    response.writeHead(401, { "www-authenticate": `DPoP error="invalid_token", algs="${ALGORITHMS.join(" ")}"` });
    response.end();
  }
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
