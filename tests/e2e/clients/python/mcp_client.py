"""MCP's SDK for Python: a server that names edgemint in its metadata (RFC 9728) and verifies the tokens, and a client that
finds its way from there by itself."""

import asyncio
import json
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import jwt
import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mcp import Client
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.streamable_http import streamable_http_client
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthMetadata

issuer, client_id, secret, resource, keys_file = sys.argv[1:]
port, path = urlsplit(resource).port, urlsplit(resource).path
metadata_path = f"/.well-known/oauth-protected-resource{path}"
asked = set()


class Verifier:
    keys = jwt.PyJWKClient(f"{issuer}/keys")

    async def verify_token(self, token):
        try:
            key = self.keys.get_signing_key_from_jwt(token).key
            claims = jwt.decode(token, key, algorithms=["ES256"], issuer=issuer, audience=resource)
        except jwt.PyJWTError:
            return None
        assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
            resource=claims["aud"],
        )


class Storage:
    """Keeps a token for one connection."""

    tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return None

    async def set_client_info(self, client_info):
        pass


server = MCPServer(
    "test",
    token_verifier=Verifier(),
    auth=AuthSettings(
        issuer_url=issuer, resource_server_url=resource, required_scopes=["tools"], validate_token_resource=True
    ),
)


@server.tool()
def whoami() -> str:
    return get_access_token().client_id


app = server.streamable_http_app(streamable_http_path=path, json_response=True, stateless_http=True)


async def noted(scope, receive, send):
    if scope["type"] == "http":
        asked.add(f"{scope['method']} {scope['path']}")
    await app(scope, receive, send)


def with_secret(client_secret, method):
    return ClientCredentialsOAuthProvider(
        resource, Storage(), client_id, client_secret, token_endpoint_auth_method=method, issuer=issuer
    )


def with_key(name, algorithm):
    """As in docs/guides/private-key-jwt.md (SEP-1046)."""
    key = jwt.PyJWK(json.loads(Path(keys_file).read_text())[name], algorithm=algorithm).key
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    parameters = SignedJWTParameters(
        issuer=client_id, subject=client_id, signing_key=pem, signing_algorithm=algorithm
    )
    return PrivateKeyJWTOAuthProvider(
        server_url=resource,
        storage=Storage(),
        client_id=client_id,
        assertion_provider=parameters.create_assertion_provider(),
        issuer=issuer,
    )


async def ask(provider):
    async with (
        httpx2.AsyncClient(auth=provider, timeout=30) as http,
        Client(streamable_http_client(resource, http_client=http)) as client,
    ):
        return (await client.call_tool("whoami", {})).content[0].text


def causes(error):
    return [one for part in error.exceptions for one in causes(part)] if isinstance(error, BaseExceptionGroup) else [error]


async def main():
    for document in ["oauth-authorization-server", "openid-configuration"]:
        text = httpx2.get(f"{issuer}/.well-known/{document}").text
        assert str(OAuthMetadata.model_validate_json(text).authorization_endpoint) == f"{issuer}/auth"
    # The socket listens from here on, so that no client has to wait for the server to start.
    listener = socket.create_server(("127.0.0.1", port))
    running = uvicorn.Server(uvicorn.Config(noted, log_level="warning"))
    serving = asyncio.create_task(running.serve(sockets=[listener]))
    for provider in [
        with_secret(secret, "client_secret_basic"),
        with_secret(secret, "client_secret_post"),
        with_key("signer-ES256", "ES256"),
    ]:
        assert await ask(provider) == client_id
    try:
        await ask(with_secret("wrong", "client_secret_basic"))
    except Exception as error:
        assert any("Invalid client credentials" in str(cause) for cause in causes(error)), causes(error)
    else:
        raise AssertionError("a wrong secret was not refused")
    # Without a session, which takes longer than the rest. The server reads the body only after the token.
    for name, algorithm in [("signer-RSA", "PS256"), ("signer-EdDSA", "EdDSA")]:
        async with httpx2.AsyncClient(auth=with_key(name, algorithm), timeout=30) as http:
            assert (await http.post(resource, json={})).status_code == 400, algorithm
    # Neither the secret nor a request for the issuer's metadata reached the server itself.
    assert asked <= {f"GET {metadata_path}", f"GET {path}", f"POST {path}"}, asked
    running.should_exit = True
    await serving


asyncio.run(main())
print("verified")
