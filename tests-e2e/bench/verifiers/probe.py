"""One verifier under the bench's probe: reads commands as JSON lines from stdin, writes answers to stdout.

    python probe.py NAME ISSUER AUDIENCE

It runs in the bench's own environment (requirements.txt). Each verifier is set up as its documentation shows it.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

_time, _monotonic, _offset = time.time, time.monotonic, [0.0]
# Before the libraries are imported, since some keep the function. Tokens are valid at both times.
time.time = lambda: _time() + _offset[0]
time.monotonic = lambda: _monotonic() + _offset[0]

Verify = Callable[[str], Awaitable[object]]


async def atjwt(issuer: str, audience: str, stack: AsyncExitStack) -> Verify:
    from atjwt import Verifier

    verifier = await stack.enter_async_context(Verifier(issuer=issuer, audience=audience))
    while not verifier.is_ready:  # noqa: ASYNC110 - nothing tells when it is
        await asyncio.sleep(0.01)
    return verifier.verify_or_wait


async def pyjwt(issuer: str, audience: str, stack: AsyncExitStack) -> Verify:
    """PyJWT's recipe for the key set of a provider: `PyJWKClient`, then `decode`."""
    import jwt

    client = jwt.PyJWKClient(f"{issuer}/jwks.json")

    async def verify(token: str) -> object:
        key = client.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuer)

    return verify


async def authlib(issuer: str, audience: str, stack: AsyncExitStack) -> Verify:
    """Authlib's `JWTBearerTokenValidator` (RFC 9068). Its `get_jwks` is the user's: here the set is fetched hourly."""
    import httpx
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
    from joserfc.jwk import KeySet

    held: list[Any] = [0.0, None]

    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
        def get_jwks(self) -> Any:
            if held[1] is None or time.time() - held[0] > 3600:
                held[:] = [time.time(), KeySet.import_key_set(httpx.get(f"{issuer}/jwks.json").json())]
            return held[1]

    validator = Validator(issuer=issuer, resource_server=audience)

    async def verify(token: str) -> object:
        claims = validator.authenticate_token(token)
        if claims is None:
            raise ValueError("refused")
        validator.validate_token(claims, [], None)
        return claims

    return verify


async def rfc9068(issuer: str, audience: str, stack: AsyncExitStack) -> Verify:
    """The factory of its README."""
    import jwt
    from rfc9068 import RFC9068AccessTokenValidator, parser, payload, signature

    validate = RFC9068AccessTokenValidator(
        parser.AccessTokenParser(
            parser.Padder(), parser.HeaderParser(), parser.PayloadParser(), parser.SignatureParser()
        ),
        signature.PyJwtSignatureValidator(
            signature.PyJwtJWKResolver(jwt.PyJWKClient(f"{issuer}/jwks.json")), jwt.PyJWS()
        ),
        payload.IssuerValidator(),
        payload.AudienceValidator(),
        payload.ExpirationValidator(),
        ["RS256"],
        issuer,
        audience,
    )

    async def verify(token: str) -> object:
        return validate(token)

    return verify


async def oidc_jwt_verifier(issuer: str, audience: str, stack: AsyncExitStack) -> Verify:
    from oidc_jwt_verifier import AuthConfig
    from oidc_jwt_verifier.async_verifier import AsyncJWTVerifier

    config = AuthConfig(issuer=issuer, audience=audience, jwks_url=f"{issuer}/jwks.json", allowed_algs=("RS256",))
    verifier = await stack.enter_async_context(AsyncJWTVerifier(config))
    return verifier.verify_access_token


async def jwks_client(issuer: str, audience: str, stack: AsyncExitStack) -> Verify:
    from jwks_client import JWKSClient, JWTVerifier

    jwks = JWKSClient(f"{issuer}/jwks.json")
    return JWTVerifier(jwks, algorithms=["RS256"], audience=audience, issuer=issuer).verify


async def fastmcp(issuer: str, audience: str, stack: AsyncExitStack) -> Verify:
    from fastmcp.server.auth.providers.jwt import JWTVerifier

    verifier = JWTVerifier(jwks_uri=f"{issuer}/jwks.json", issuer=issuer, audience=audience)

    async def verify(token: str) -> object:
        found = await verifier.verify_token(token)
        if found is None:
            raise ValueError("refused")
        return found

    return verify


async def probed(verify: Verify, token: str) -> dict[str, Any]:
    """The verdict, how long it took, and the longest time in which the event loop ran nothing else (milliseconds)."""
    gaps = [0.0]

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    gaps.clear()
    begun, why = time.perf_counter(), ""
    try:
        await verify(token)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    took = time.perf_counter() - begun
    await asyncio.sleep(0.005)
    ticker.cancel()
    return {"accepted": not why, "why": why, "ms": took * 1000, "blocked": max(gaps, default=0.0) * 1000}


async def microseconds(verify: Verify, tokens: list[str]) -> float:
    """Processor time for a token, so that other load on the machine does not count."""
    begun = time.process_time()
    for token in tokens:
        await verify(token)
    return (time.process_time() - begun) / len(tokens) * 1e6


async def main(name: str, issuer: str, audience: str) -> None:
    async with AsyncExitStack() as stack:
        verify = await globals()[name](issuer, audience, stack)
        answer: Any = "ready"
        while True:
            print(json.dumps(answer), flush=True)
            line = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                return
            match json.loads(line):
                case {"verify": token}:
                    answer = await probed(verify, token)
                case {"time": tokens}:
                    answer = await microseconds(verify, tokens)
                case {"travel": seconds}:
                    _offset[0] += seconds
                    answer = None


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
