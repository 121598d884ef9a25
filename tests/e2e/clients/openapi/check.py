"""Validates the OpenAPI document, and compares its examples and the expected responses of the vectors with it."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

document = yaml.safe_load(Path(sys.argv[1]).read_text())
vectors = sorted(Path(sys.argv[2]).glob("*.json"))
registry = Registry().with_resource("urn:document", Resource.from_contents(document, DRAFT202012))
faults = []


def resolved(node):
    """The node, or the one that it refers to."""
    while isinstance(node, dict) and "$ref" in node:
        names = node["$ref"].removeprefix("#/").split("/")
        node = document
        for name in names:
            node = node[name]
    return node


def compare(value, schema, where):
    """A schema is part of the document, so its references are from there."""
    text = json.dumps(schema).replace('"#/', '"urn:document#/')
    for error in Draft202012Validator(json.loads(text), registry=registry).iter_errors(value):
        faults.append(f"{where}: {error.message}")


def compare_examples(node, where):
    """Media types and parameters have the members `schema` and `example` or `examples`."""
    if isinstance(node, list):
        for i, child in enumerate(node):
            compare_examples(child, f"{where}[{i}]")
    if not isinstance(node, dict):
        return
    if "schema" in node:
        examples = [example["value"] for example in node.get("examples", {}).values()]
        for example in examples + ([node["example"]] if "example" in node else []):
            compare(example, node["schema"], where)
    for name, child in node.items():
        compare_examples(child, f"{where}/{name}")


def compare_vector(vector, where):
    """Whether the vector is about a path of the document."""
    request, response = vector["request"], vector["response"]
    issuer = vector.get("config", {}).get("ISSUER", "")
    path = request.get("path", "/token").partition("?")[0]
    path = path.removeprefix(urlsplit(issuer).path.rstrip("/"))
    item, status = document["paths"].get(path), str(response["status"])
    # At another path than the issuer's, there is nothing.
    if item is None or status == "404":
        return False
    method = request.get("method", "POST").lower()
    operation = item.get("get" if method == "head" else method)
    if operation is None:
        operation = {"responses": {"405": document["components"]["responses"]["MethodNotAllowed"]}}
    if status not in operation["responses"]:
        faults.append(f"{where}: {method} {path} does not have the status {status}")
        return True
    documented = resolved(operation["responses"][status])
    headers = {name.lower(): value for name, value in response.get("headers", {}).items() if value is not None}
    content = documented.get("content", {})
    body = response.get("body", response.get("text"))
    if isinstance(body, str) and body.startswith("{"):
        body = json.loads(body)
    usual = "application/json" if isinstance(body, dict) else "text/plain"
    media_type = headers.pop("content-type", usual).partition(";")[0]
    known = {name.lower(): resolved(header) for name, header in documented.get("headers", {}).items()}
    for name, value in headers.items():
        if name not in known:
            faults.append(f"{where}: {status} does not have the header {name}")
        else:
            schema = known[name]["schema"]
            is_number = all(isinstance(one, int) for one in schema.get("enum", [schema.get("const")]))
            compare(int(value) if is_number else value, schema, f"{where}: {name}")
    if body in (None, ""):
        return True
    if media_type not in content:
        faults.append(f"{where}: {status} does not have the type {media_type}")
        return True
    # A vector describes tokens and signatures elsewhere.
    if isinstance(body, dict) and path == "/token" and status == "200":
        body = {"access_token": "a.b.c", **body, **({"id_token": "a.b.c"} if "id_token" in response else {})}
    compare(body, content[media_type]["schema"], where)
    return True


faults += [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
compare_examples(document, "")
compared = sum(compare_vector(json.loads(file.read_text()), file.stem) for file in vectors)
if faults:
    sys.exit("\n".join(faults))
print(f"compared {compared} vectors")
