// A peer on Node: oidc-provider with its in-memory adapter, which issues JWT access tokens for one resource.
// Arguments: port, client ID, secret, private JWK.
import Provider from "oidc-provider";

const [port, client_id, client_secret, jwk] = process.argv.slice(2);
const key = JSON.parse(jwk);
const resource = "https://api.example.com";
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id,
      client_secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [{ ...key, use: "sig", alg: "ES256" }] },
  scopes: ["openid", "profile"],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: "profile",
        audience: resource,
        accessTokenFormat: "jwt",
        accessTokenTTL: 600,
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
provider.listen(Number(port), "127.0.0.1");
