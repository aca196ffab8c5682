"""The OpenAPI 3.1 document: FastAPI's own, corrected where this service behaves differently."""

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from .problems import ProblemDocument

_TEMPLATE = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, summary=app.summary
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # here these are problems with status 400
        schemas.pop(name, None)
    problem = ProblemDocument.model_json_schema(ref_template=_TEMPLATE)
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemDocument"] = problem
    for path in document["paths"].values():
        for operation in path.values():
            _remove_default_422(operation["responses"])
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                for content in holder.get("content", {}).values():
                    content["schema"] = _move(content["schema"], schemas)
    return document


def _remove_default_422(responses: dict[str, Any]) -> None:
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a body, in the form that `describe` expects."""
    return model.model_json_schema(ref_template=_TEMPLATE)


def _move(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Move a model's schema to the document's components, and return a reference to it."""
    if "$ref" in schema or "title" not in schema:
        return schema
    moved = dict(schema)
    schemas.update(moved.pop("$defs", {}))
    schemas[moved["title"]] = moved
    return {"$ref": _TEMPLATE.format(model=moved["title"])}
