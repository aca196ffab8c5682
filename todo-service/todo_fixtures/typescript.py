"""Make TypeScript types of the todo API from its OpenAPI document. The web application's `lib/api.ts` uses them.

    python -m todo_fixtures.typescript > web/src/lib/todo-api.ts

It supports only the parts of JSON Schema that the API uses. A test compares the committed file with the output.
"""

import sys
from collections.abc import Mapping
from typing import Any

from todo_service.app import create_app
from todo_service.settings.settings import Settings
from todo_service.todos.routes import OWN

HEAD = """// Made from the todo API's OpenAPI document by todo_fixtures/typescript.py; a test compares it.
"""
_TYPES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def document() -> dict[str, Any]:
    settings = Settings(issuer="http://localhost:8080")  # the database is not opened
    described: dict[str, Any] = create_app(settings).openapi()
    return described


def render(described: Mapping[str, Any]) -> str:
    schemas = described["components"]["schemas"]
    interfaces = [f"\nexport interface {name} {_members(schemas[name])}\n" for name in sorted(schemas)]
    return HEAD + "".join(interfaces) + "\nexport interface Operations {\n" + "".join(_operations(described)) + "}\n"


def _operations(described: Mapping[str, Any]) -> list[str]:
    """The routes without a user in the path: `"GET /api/v1/todos": { query: ...; body: ...; answer: ... }`."""
    return [
        f'  "{method.upper()} {path}": {_operation(operation)};\n'
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if path.startswith(f"{OWN}/") and "{user_id}" not in path
    ]


def _operation(operation: Mapping[str, Any]) -> str:
    query = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    members = "; ".join(_parameter(each) for each in query)
    body = _content(operation.get("requestBody", {}))
    done = next(answer for status, answer in operation["responses"].items() if str(status).startswith("2"))
    return f"{{ query: {{ {members} }}; body: {body}; answer: {_content(done)} }}"


def _parameter(parameter: Mapping[str, Any]) -> str:
    optional = "" if parameter.get("required") else "?"
    return f"{parameter['name']}{optional}: {_without_null(_type(parameter['schema']))}"


def _without_null(text: str) -> str:
    """The type without `null`: a query leaves the parameter out instead."""
    return text.removesuffix(" | null")


def _content(holder: Mapping[str, Any]) -> str:
    contents = holder.get("content", {}).values()
    return next((_type(content["schema"]) for content in contents), "undefined")


def _members(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    lines = [
        f"  {name}{'' if name in required else '?'}: {_type(each)};\n" for name, each in schema["properties"].items()
    ]
    return "{\n" + "".join(lines) + "}"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name: str = schema["$ref"].rpartition("/")[2]
        return name
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " | ".join(f'"{each}"' for each in schema["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(_type(each) for each in schema[choice])
    if schema.get("type") == "array":
        return f"Array<{_type(schema['items'])}>"
    return _TYPES[schema["type"]]


if __name__ == "__main__":
    sys.stdout.write(render(document()))
