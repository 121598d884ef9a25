// MCP's TypeScript SDK: a server that names edgemint in its metadata (RFC 9728) and verifies the tokens, and a client
// that discovers edgemint through that server.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { ClientCredentialsProvider, PrivateKeyJwtProvider } from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { OAuthMetadataSchema, OpenIdProviderDiscoveryMetadataSchema } from "@modelcontextprotocol/sdk/shared/auth.js";
import { createRemoteJWKSet, exportPKCS8, importJWK, jwtVerify } from "jose";

const [issuer, id, secret, resource, keysFile] = process.argv.slice(2);
const { port, pathname } = new URL(resource);
const metadataPath = `/.well-known/oauth-protected-resource${pathname}`;

// The SDK's schemas accept both documents.
for (const [path, schema] of [
  ["oauth-authorization-server", OAuthMetadataSchema],
  ["openid-configuration", OpenIdProviderDiscoveryMetadataSchema],
]) {
  const metadata = schema.parse(await (await fetch(`${issuer}/.well-known/${path}`)).json());
  assert.equal(metadata.authorization_endpoint, `${issuer}/auth`);
}

// The server.
const keys = createRemoteJWKSet(new URL(`${issuer}/keys`));
const verifier = {
  async verifyAccessToken(token) {
    const options = { issuer, audience: resource, typ: "at+jwt", algorithms: ["ES256"] };
    const { payload } = await jwtVerify(token, keys, options).catch((error) => {
      throw new InvalidTokenError(error.message);
    });
    const scopes = payload.scope.split(" ");
    return { token, clientId: payload.client_id, scopes, expiresAt: payload.exp, resource: new URL(payload.aud) };
  },
};
const asked = new Set();
const app = createMcpExpressApp();
app.use((request, _, next) => {
  asked.add(`${request.method} ${request.path}`);
  next();
});
app.get(metadataPath, (_, response) => {
  response.json({ resource, authorization_servers: [issuer], scopes_supported: ["tools"] });
});
const resourceMetadataUrl = new URL(metadataPath, resource).href;
const bearer = requireBearerAuth({ verifier, requiredScopes: ["tools"], resourceMetadataUrl, expectedResource: new URL(resource) });
app.post(pathname, bearer, async (request, response) => {
  const server = new McpServer({ name: "test", version: "1" });
  server.registerTool("whoami", {}, ({ authInfo }) => ({ content: [{ type: "text", text: authInfo.clientId }] }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.get(pathname, bearer, (_, response) => response.status(405).end());
const listener = app.listen(Number(port), "127.0.0.1");
await new Promise((resolve, reject) => listener.once("listening", resolve).once("error", reject));

// The client.
async function whoami(authProvider) {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider }));
  const { content } = await client.callTool({ name: "whoami" });
  await client.close();
  return content[0].text;
}
const withSecret = (clientSecret) => new ClientCredentialsProvider({ clientId: id, clientSecret, expectedIssuer: issuer });
assert.equal(await whoami(withSecret(secret)), id);
await assert.rejects(whoami(withSecret("wrong")), /Invalid client credentials/);

// With assertions that the SDK signs (SEP-1046). It imports an Ed25519 key only from a JWK.
const own = JSON.parse(readFileSync(keysFile, "utf8"));
const withKey = (privateKey, algorithm) =>
  new PrivateKeyJwtProvider({ clientId: id, privateKey, algorithm, expectedIssuer: issuer });
const pem = await exportPKCS8(await importJWK(own["signer-ES256"], "ES256", { extractable: true }));
for (const [privateKey, algorithm] of [
  [pem, "ES256"],
  [own["signer-RSA"], "PS256"],
  [own["signer-EdDSA"], "EdDSA"],
]) {
  assert.equal(await whoami(withKey(privateKey, algorithm)), id, algorithm);
}
await assert.rejects(whoami(withKey(own["other-ES256"], "ES256")), /Invalid client credentials/);
// Neither the secret nor a request for the issuer's metadata reached the server itself.
for (const one of asked) assert.ok([`GET ${metadataPath}`, `GET ${pathname}`, `POST ${pathname}`].includes(one), one);
listener.close();
console.log("verified");
