"""Authlib and PyJWT: the grant, RFC 9068 validation, introspection and revocation. With a file of keys also the grant with
assertions."""

import json
import sys

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc6750.errors import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oidc.discovery import OpenIDProviderMetadata

import private_key_jwt

issuer, client_id, secret, resource, algorithm, *keys_file = sys.argv[1:]
metadata = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=30).json()
assert metadata["issuer"] == issuer


def session(method):
    return OAuth2Session(client_id, secret, token_endpoint_auth_method=method)


def refused(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")


def document(name):
    """The document as a deployment serves it, because Authlib accepts only https."""
    text = requests.get(f"{issuer}/.well-known/{name}", timeout=30).text
    return json.loads(text.replace(issuer, "https://tokens.example.com"))


# Authlib's validators accept both documents.
AuthorizationServerMetadata(document("oauth-authorization-server")).validate()
openid = OpenIDProviderMetadata(document("openid-configuration"))
try:
    openid.validate()
except ValueError as error:
    # OpenID Connect Discovery section 3 requires RS256 in the list, and an issuer lists it only if it has such a key.
    assert "RS256" in str(error) and algorithm != "RS256", error
    openid["id_token_signing_alg_values_supported"].append("RS256")
    openid.validate()
refused(ValueError, lambda: OpenIDProviderMetadata({**openid, "response_types_supported": "id_token"}).validate())


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        return requests.get(metadata["jwks_uri"], timeout=30).json()


for method in ["client_secret_basic", "client_secret_post"]:
    client = session(method)
    answer = client.fetch_token(
        metadata["token_endpoint"], grant_type="client_credentials", resource=resource, scope="read openid"
    )
    assert answer["token_type"] == "Bearer" and answer["scope"] == "read openid", answer

token, id_token = answer["access_token"], answer["id_token"]

# Authlib as a resource server (RFC 9068 section 4).
validator = Validator(issuer=issuer, resource_server=resource)
claims = validator.authenticate_token(token)
validator.validate_token(claims, ["read"], None)
assert claims["client_id"] == claims["sub"] == client_id
refused(InsufficientScopeError, lambda: validator.validate_token(claims, ["write"], None))
elsewhere = Validator(issuer=issuer, resource_server="https://elsewhere.example/")
refused(InvalidTokenError, lambda: elsewhere.validate_token(elsewhere.authenticate_token(token), [], None))
refused(InvalidTokenError, lambda: validator.validate_token(validator.authenticate_token(id_token), [], None))

# PyJWT, with the lines of docs/guides/gateways/libraries.md.
keys = jwt.PyJWKClient(metadata["jwks_uri"])
key = keys.get_signing_key_from_jwt(token).key
decoded = jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=resource)
assert decoded["scope"] == "read openid"
refused(jwt.InvalidAudienceError, lambda: jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience="x"))
refused(jwt.InvalidAlgorithmError, lambda: jwt.decode(token, key, algorithms=["HS256"], audience=resource))

# Introspection (RFC 7662) and revocation (RFC 7009).
about = client.introspect_token(metadata["introspection_endpoint"], token=token).json()
assert about["active"] is True and about["client_id"] == client_id and about["scope"] == "read openid", about
assert client.revoke_token(metadata["revocation_endpoint"], token=token).status_code == 200
about = client.introspect_token(metadata["introspection_endpoint"], token=token).json()
assert about == {"active": False}, about

if keys_file:
    private_key_jwt.check(metadata, algorithm, *keys_file)
print("verified")
