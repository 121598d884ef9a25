// openid-client: discovery and the grant with a certified relying party.
import assert from "node:assert/strict";
import * as client from "openid-client";

const [issuer, algorithm] = process.argv.slice(2);
const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };
const metadata = { id_token_signed_response_alg: algorithm };
const percent = client.ClientSecretBasic("50%off");
const config = await client.discovery(new URL(issuer), "percent", metadata, percent, options);
const tokens = await client.clientCredentialsGrant(config, { scope: "openid email" });
assert.equal(tokens.token_type, "bearer");
assert.equal(tokens.expires_in, 600);
assert.equal(tokens.claims().email_verified, false);
await assert.rejects(client.clientCredentialsGrant(config, { scope: "offline_access" }), { error: "invalid_scope" });
console.log("verified");
