"""The web application's files, read once and served from memory.

A request's path never reaches the file system, and no request waits for compression: the build has made the gzip and
brotli forms of each file. File names in `assets/` contain a hash of their content, so browsers may cache them for ever.
The page that names them is revalidated every time, and so is the service worker.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from ..http.parts import Given, given

PAGES = ("/", "/sign-in", "/sign-up", "/settings", "/invitation")  # as in web/src/lib/return-to.ts
WORKER = "/service-worker.js"  # at the root, because its scope is all pages
_SUFFIXES = MappingProxyType({"br": ".br", "gzip": ".gz"})  # best first
_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATED = "no-cache"

# Trusted Types with one policy, whose only value is the worker's address: the DOM accepts no text as script.
_PAGE_POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types service-worker"
)
_WORKER_POLICY = "default-src 'none'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
_PAGE_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": _PAGE_POLICY,
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",  # a page that opened this window has no access to it
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
)


@dataclass(frozen=True, slots=True)
class File:
    """One file of the build, in all its forms."""

    media_type: str
    etag: str
    forms: Mapping[str, bytes]  # by content coding; "identity" is uncompressed

    @classmethod
    def read(cls, path: Path) -> "File":
        content = path.read_bytes()
        forms = {coding: other.read_bytes() for coding, other in _compressed(path) if other.is_file()}
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return cls(media_type, f'"{hashlib.sha256(content).hexdigest()[:16]}"', {**forms, "identity": content})


Files = Mapping[str, File]


@dataclass(frozen=True)
class WebParts(Given):
    web_files: Files


def _compressed(path: Path) -> list[tuple[str, Path]]:
    return [(coding, path.with_name(path.name + suffix)) for coding, suffix in _SUFFIXES.items()]


def read_files(folder: Path | None) -> Files:
    """The files of the folder, by path. Without a folder there are none."""
    if folder is None:
        return {}
    originals = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in _SUFFIXES.values())
    return {f"/{path.relative_to(folder).as_posix()}": File.read(path) for path in originals}


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    for path in PAGES:
        routes.add_api_route(path, page, methods=["GET"])
    routes.add_api_route("/assets/{name}", asset, methods=["GET"])
    routes.add_api_route("/favicon.svg", asset, methods=["GET"])
    routes.add_api_route(WORKER, worker, methods=["GET"])
    return routes


async def page(request: Request) -> Response:
    """The page. All paths of pages get the same file; its script shows the right view."""
    return _answer(request, "/index.html", {**_PAGE_HEADERS, "Cache-Control": _REVALIDATED})


async def worker(request: Request) -> Response:
    """The service worker, which has a Content-Security-Policy of its own (CSP 3 §4.2.2)."""
    return _answer(request, WORKER, {"Content-Security-Policy": _WORKER_POLICY, "Cache-Control": _REVALIDATED})


async def asset(request: Request) -> Response:
    path: str = request.scope["path"]
    return _answer(request, path, {"Cache-Control": _IMMUTABLE if path.startswith("/assets/") else _REVALIDATED})


def _answer(request: Request, path: str, headers: Mapping[str, str]) -> Response:
    file = given(request, WebParts).web_files.get(path)
    if file is None:
        raise HTTPException(404)
    coding = _choose(file, request.headers.get("Accept-Encoding", ""))
    every = {
        **headers,
        "ETag": file.etag if coding == "identity" else f'{file.etag[:-1]}-{coding}"',
        "Vary": "Accept-Encoding",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.headers.get("If-None-Match") == every["ETag"]:
        return Response(status_code=304, headers=every)
    if coding != "identity":
        every["Content-Encoding"] = coding
    return Response(file.forms[coding], headers=every, media_type=file.media_type)


def _choose(file: File, accepted: str) -> str:
    """The best content coding that the client accepts (RFC 9110 §12.5.3). `q=0` means not acceptable."""
    offers = dict(_parse_offer(offer) for offer in accepted.lower().split(","))
    return next((coding for coding in _SUFFIXES if offers.get(coding) and coding in file.forms), "identity")


def _parse_offer(offer: str) -> tuple[str, bool]:
    coding, _, parameter = offer.partition(";")
    return coding.strip(), parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
