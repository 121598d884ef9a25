"""requests-oauth2client: tokens that are bound to a key, by proofs that it signs (RFC 9449). Prints a line of JSON for each
token."""

import json
import sys

import requests
from requests_oauth2client import BearerToken, OAuth2Client
from requests_oauth2client.exceptions import EndpointError

issuer, client_id, secret, resource, api, algorithms = sys.argv[1:7]


def client(**options):
    return OAuth2Client.from_discovery_endpoint(
        issuer=issuer, client_id=client_id, client_secret=secret, **options
    )


for alg in algorithms.replace("Ed25519", "EdDSA").split():
    # The library makes the second attempt with a nonce itself.
    token = client(dpop_bound_access_tokens=True, dpop_alg=alg).client_credentials(scope="read", resource=resource)
    assert token.token_type == "DPoP", token
    print(json.dumps({"library": f"requests-oauth2client with {alg}", "token": token.access_token, "jkt": token.dpop_key.dpop_jkt}))
    answer = requests.get(api, auth=token, timeout=30)
    assert answer.status_code == 200, answer.text
    assert requests.get(api, auth=BearerToken(token.access_token), timeout=30).status_code == 401

try:
    client().client_credentials(scope="read", resource=resource)
except EndpointError as error:
    assert error.error == "invalid_dpop_proof", error
else:
    raise AssertionError("a bearer token was issued")
