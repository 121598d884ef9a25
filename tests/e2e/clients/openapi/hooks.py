"""How schemathesis reads a body whose type it does not know."""

import schemathesis


@schemathesis.deserializer("application/token-introspection+jwt")
def text(context, response):
    return response.text
