"""Programs that call the applications of atjwt's README (test_adapters.py), run where the frameworks are installed."""

# Calls the README's application in each way, and prints status and challenge. `call` is the framework's own client.
CALLS = """
import json
from datetime import timedelta
from atjwt.testing import Issuer
from client import call, protection

with Issuer() as issuer, issuer.standing_in_for(protection.verifier):
    good = issuer.token("bob", scope="invoices:read")
    seen = {
        "issuer": issuer.url,
        "good": call(f"Bearer {good}"),
        "no scope": call(f"Bearer {issuer.token('bob')}"),
        "no token": call(None),
        "forged": call(f"Bearer {good[:-8]}AAAAAAAA"),
        "two tokens": call(f"Bearer {good}, Bearer {good}"),
        "query": call(f"Bearer {good}", "/invoices?access_token=a"),
        "metadata": call(None, "/.well-known/oauth-protected-resource"),
        "roles": [call(f"Bearer {issuer.token('bob', roles=roles)}", "/roles") for roles in ([], ["accountant"])],
        "ages": [call(f"Bearer {issuer.token('bob', signed_in=timedelta(seconds=s))}", "/recent") for s in (900, 9)],
    }
    key = issuer.client_key()
    bound = issuer.token("bob", scope="invoices:read", cnf=key.cnf)
    proof = key.proof(bound, "GET", "https://api.example.com/invoices")
    other = key.proof(bound, "GET", "https://api.example.com/roles")
    seen["proofs"] = [call(f"DPoP {bound}", proof=each) for each in (proof, proof, other, None)]
    issuer.revoke(good)
    seen["revoked"] = call(f"Bearer {good}")
    issuer.down()
    issuer.travel(timedelta(hours=25))  # keys are trusted for 24 hours
    seen["outage"] = call(f"Bearer {issuer.token('bob', scope='invoices:read')}")
print(json.dumps(seen))
"""
FLASK = """
from flask import g
from application import app, protection

@app.get("/roles")
@protection.requires(role="accountant")
def roles():
    return g.token.sub

@app.get("/recent")
@protection.requires(max_age=300)
def recent():
    return g.token.sub

def call(authorization, path="/invoices", proof=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    headers |= {} if proof is None else {"DPoP": proof}
    answer = app.test_client().get(path, headers=headers)
    return answer.status_code, answer.headers.get("WWW-Authenticate"), answer.headers.get("Retry-After"), answer.text
"""

DJANGO = """
import django
from django.conf import settings
import lines
names = {name: getattr(lines, name) for name in dir(lines) if name.isupper()}
settings.configure(ROOT_URLCONF="client", ALLOWED_HOSTS=["*"], **names)
django.setup()

import application
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from atjwt.django import requires, verifier_thread

protection = verifier_thread()

@requires(role="accountant")
def roles(request):
    return HttpResponse(request.token.sub)

@requires(max_age=300)
async def recent(request):
    return HttpResponse(request.token.sub)

views = {"invoices": application.invoices, "roles": roles, "recent": recent}
urlpatterns = [path(name, view) for name, view in views.items()]

def call(authorization, path="/invoices", proof=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    headers |= {} if proof is None else {"DPoP": proof}
    answer = Client().get(path, headers=headers)
    values = answer.headers
    return answer.status_code, values.get("WWW-Authenticate"), values.get("Retry-After"), answer.content.decode()
"""
DRF = """
import django
from django.conf import settings
import lines
apps = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
names = {name: getattr(lines, name) for name in dir(lines) if name.isupper()}
settings.configure(ROOT_URLCONF="client", ALLOWED_HOSTS=["*"], INSTALLED_APPS=apps, **names)
django.setup()

import application
from django.test import Client
from django.urls import path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from atjwt.django import verifier_thread
from atjwt.drf import requires

protection = verifier_thread()

@api_view()
@permission_classes([requires(role="accountant") & IsAuthenticated])
def roles(request):
    return Response(request.user.pk)

@api_view()
@permission_classes([IsAuthenticated, requires(max_age=300)])
def recent(request):
    return Response(request.user.pk)

views = {"invoices": application.Invoices.as_view(), "roles": roles, "recent": recent}
urlpatterns = [path(name, view) for name, view in views.items()]

def call(authorization, path="/invoices", proof=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    headers |= {} if proof is None else {"DPoP": proof}
    answer = Client().get(path, headers=headers)
    values, text = answer.headers, answer.content.decode()
    return answer.status_code, values.get("WWW-Authenticate"), values.get("Retry-After"), text.strip('"')
"""
MCP = """
import asyncio, json
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from httpx2 import ASGITransport, AsyncClient
from atjwt.testing import Issuer
from application import server, verifier

def reached(headers):
    return AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1:8000", headers=headers)

async def call(token):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with reached(headers) as client:
        answer = await client.post("/mcp", json={})
        if answer.status_code != 400:  # the SDK refuses an empty message, once the token is accepted
            return answer.status_code, answer.headers["WWW-Authenticate"]
        transport = streamable_http_client("http://127.0.0.1:8000/mcp", http_client=client)
        async with Client(transport) as session:
            return (await session.call_tool("invoices", {})).content[0].text

async def main():
    async with app.router.lifespan_context(app), reached({}) as client:
        good = issuer.token("bob", scope="invoices:read")
        seen = {
            "metadata": (await client.get("/.well-known/oauth-protected-resource/mcp")).json(),
            "good": await call(good), "no token": await call(None), "no scope": await call(issuer.token("bob")),
            "id token": await call(issuer.token("bob", scope="invoices:read", headers={"typ": "JWT"})),
            "bound": await call(issuer.token("bob", scope="invoices:read", cnf=issuer.client_key().cnf)),
        }
        issuer.revoke(good)
        return {**seen, "revoked": await call(good), "started": verifier.is_ready}

app = server.streamable_http_app()
with Issuer() as issuer, issuer.standing_in_for(verifier):
    print(json.dumps(asyncio.run(main())))
"""
GRPC = """
import asyncio, json, sys
from concurrent.futures import ThreadPoolExecutor
import grpc
from atjwt.grpc import AsyncInterceptor, current_token
from atjwt.testing import Issuer
from application import needs, server, verifier

def listing(request, context):
    return current_token().sub.encode()

async def listing_later(request, context):
    return current_token().sub.encode()

async def numbers_later(requests, context):
    yield current_token().sub.encode()

def numbers(requests, context):
    yield current_token().sub.encode()

def serve(server, unary, stream):
    methods = {"List": grpc.unary_unary_rpc_method_handler(unary), "Delete": grpc.unary_unary_rpc_method_handler(unary)}
    billing = grpc.method_handlers_generic_handler("billing.Billing", methods)
    many = grpc.method_handlers_generic_handler("many.Many", {"All": grpc.stream_stream_rpc_method_handler(stream)})
    check = {"Check": grpc.unary_unary_rpc_method_handler(lambda *_: b"up")}
    health = grpc.method_handlers_generic_handler("grpc.health.v1.Health", check)
    server.add_generic_rpc_handlers((billing, many, health))
    return server.add_insecure_port("127.0.0.1:0")

def calls(issuer, port):
    good = issuer.token("bob", scope="invoices:read")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        def call(*authorization, method="/billing.Billing/List", proofs=()):
            metadata = [("authorization", each) for each in authorization] + [("dpop", each) for each in proofs]
            try:
                return channel.unary_unary(method)(b"", metadata=metadata, timeout=20).decode()
            except grpc.RpcError as error:
                return error.code().name, dict(error.trailing_metadata())

        def stream(*metadata):
            try:  # the client sends nothing: a refusal does not wait for a message
                return [each.decode() for each in channel.stream_stream("/many.Many/All")(iter(()), metadata=metadata)]
            except grpc.RpcError as error:
                return error.code().name

        seen = {
            "good": call(f"Bearer {good}"), "no token": call(), "two": call(f"Bearer {good}", f"Bearer {good}"),
            "no scope": call(f"Bearer {issuer.token('bob')}"), "health": call(method="/grpc.health.v1.Health/Check"),
            "not named": call(f"Bearer {good}", method="/billing.Billing/Delete"),
            "stream": [stream(), stream(("authorization", f"Bearer {good}"))],
        }
        key = issuer.client_key()
        bound = issuer.token("bob", scope="invoices:read", cnf=key.cnf)
        proof, unused = (key.proof(bound, "POST", "https://api.example.com/billing.Billing/List") for _ in range(2))
        other = key.proof(bound, "POST", "https://api.example.com/billing.Billing/Delete")
        proofs = ([proof], [proof], [other], [], [unused, unused])
        seen["proofs"] = [call(f"DPoP {bound}", proofs=each) for each in proofs]
        seen["bound"] = call(f"Bearer {bound}", proofs=[unused])
        issuer.revoke(good)
        seen["revoked"] = call(f"Bearer {good}")
        issuer.down()
        issuer.travel(timedelta(hours=25))
        seen["outage"] = call(f"Bearer {issuer.token('bob', scope='invoices:read')}")
    return seen

async def serve_async(issuer):
    async_server = grpc.aio.server(interceptors=[AsyncInterceptor(verifier.verifier, needs)])
    port = serve(async_server, listing_later, numbers_later)
    await async_server.start()
    seen = await asyncio.to_thread(calls, issuer, port)
    await async_server.stop(None)
    return seen

from datetime import timedelta
needs["/many.Many/"] = needs["/billing.Billing/List"]
with Issuer() as issuer, issuer.standing_in_for(verifier.verifier):
    port = serve(server, listing, numbers)
    server.start()
    threads = calls(issuer, port)
    server.stop(None).wait()
with Issuer() as issuer, issuer.standing_in_for(verifier.verifier):
    print(json.dumps([threads, asyncio.run(serve_async(issuer))]))
verifier.close()
"""
STARTS = """
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
issuer = {"ATJWT_ISSUER": "http://id.example.com", "ATJWT_AUDIENCE": "https://api.example.com"}
settings.configure(MIDDLEWARE=["atjwt.django.Metadata"], **issuer)
try:
    WSGIHandler()
except ValueError as error:
    print(error)
"""
