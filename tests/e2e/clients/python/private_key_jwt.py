"""Authlib: the grant, introspection and revocation with assertions that it signs (RFC 7523)."""

import json
from pathlib import Path

import jwt
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from joserfc.jwk import ECKey, OKPKey, RSAKey


def check(metadata, algorithm, keys_file):
    issuer, token_endpoint = metadata["issuer"], metadata["token_endpoint"]
    keys = json.loads(Path(keys_file).read_text())
    es256 = ECKey.import_key(keys["signer-ES256"])
    rsa = RSAKey.import_key(keys["signer-RSA"])

    class ClientAssertion(PrivateKeyJWT):
        """As in docs/guides/private-key-jwt.md."""

        def sign(self, auth, token_endpoint):
            header = dict(self.headers or {})
            return private_key_jwt_sign(
                auth.client_secret, auth.client_id, issuer, alg=self.alg, header=header, expires_in=60
            )

    def session(client_id, key, method):
        # Authlib would otherwise send the key as the secret of HTTP Basic when it revokes a token.
        own = "private_key_jwt"
        client = OAuth2Session(client_id, key, token_endpoint_auth_method=own, revocation_endpoint_auth_method=own)
        client.register_client_auth_method(method)
        return client

    def granted(client):
        return client.fetch_token(token_endpoint, grant_type="client_credentials")["access_token"]

    def refused(client):
        try:
            granted(client)
        except OAuthError as error:
            assert error.error == "invalid_client", error
            return
        raise AssertionError("the assertion was not refused")

    published = jwt.PyJWKClient(metadata["jwks_uri"])
    for kid, key, alg in [
        ("es256", es256, "ES256"),
        ("ps256", rsa, "PS256"),
        ("eddsa", OKPKey.import_key(keys["signer-EdDSA"]), "EdDSA"),
        ("eddsa", OKPKey.import_key(keys["signer-EdDSA"]), "Ed25519"),
    ]:
        granted(session("signer", key, ClientAssertion(alg=alg)))
        client = session("signer", key, ClientAssertion(alg=alg, headers={"kid": kid}))
        token = granted(client)
        by = published.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, by, algorithms=[algorithm], issuer=issuer, audience=issuer)
        assert claims["client_id"] == "signer", claims
        about = client.introspect_token(metadata["introspection_endpoint"], token=token).json()
        assert about["active"] is True, about
        assert client.revoke_token(metadata["revocation_endpoint"], token=token).status_code == 200
        about = client.introspect_token(metadata["introspection_endpoint"], token=token).json()
        assert about == {"active": False}, about

    # The defaults: RS256, the URL of the request as the audience, one hour. A record can allow them.
    lenient = session("lenient-signer", rsa, PrivateKeyJWT())
    granted(lenient)
    granted(lenient)
    refused(session("signer", es256, PrivateKeyJWT(alg="ES256")))
    # The first argument is the audience, but the lifetime stays.
    refused(session("signer", es256, PrivateKeyJWT(issuer, alg="ES256")))
    granted(session("lenient-signer", rsa, PrivateKeyJWT(issuer)))
    # The audience of introspection is by default the URL of introspection.
    about = lenient.introspect_token(metadata["introspection_endpoint"], token="x")
    assert about.status_code == 401, about.text

    # Authlib keeps the first `jti` in the claims that it gets.
    kept = session("lenient-signer", rsa, PrivateKeyJWT(issuer, claims={}))
    granted(kept)
    refused(kept)
