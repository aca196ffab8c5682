"""Back-channel logout: a client is told of the end of each browser session in which a person used it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest

from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.network import outbound
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.errors import InvalidClientMetadata
from auth_service.oauth.logout_token import EVENT, TTL

from .code_flow import Frontend, Person, register_frontend, sign_in, sign_up
from .conftest import ISSUER, PASSWORD, Service
from .oauth_client import claims_of
from .registry import RESOURCES
from .test_account_events import Receiver, receiving, send, undelivered
from .test_expiry import run_expiry

OFFLINE = "openid offline_access"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        one.status = 200
        yield one


def told_to(service: Service, receiver: Receiver, **changes: Any) -> Frontend:
    return register_frontend(service, backchannel_logout_uri=receiver.url, **changes)


def sign_out(service: Service, person: Person) -> None:
    assert person.browser.post("/sign-out", json={}).status_code == 200


def expire(service: Service, person: Person) -> None:
    service.clock.advance(days=8)
    run_expiry(service)


def change_password(service: Service, person: Person) -> None:
    other = sign_in(service)
    body = {"currentPassword": PASSWORD, "newPassword": "another-horse-22", "revokeOtherSessions": True}
    assert other.browser.post("/change-password", json=body).status_code == 200


def delete(service: Service, person: Person) -> None:
    assert person.browser.post("/delete-user", json={"password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("end", [sign_out, expire, change_password, delete])
def test_whatever_ends_a_session_is_told(
    service: Service, receiver: Receiver, end: Callable[[Service, Person], None]
) -> None:
    person, frontend = sign_up(service), told_to(service, receiver)
    id_token = claims_of(frontend.tokens(person)["id_token"])
    send(service)
    assert receiver.received == []
    end(service, person)
    send(service)
    [told] = receiver.received
    assert (told["sub"], told["sid"], told["aud"]) == (id_token["sub"], id_token["sid"], frontend.client_id)
    send(service)
    assert len(receiver.received) == 1, "what was acknowledged must not be sent again"


def test_a_logout_token_is_what_the_specification_says(sqlite_service: Service, receiver: Receiver) -> None:
    """§2.4, §2.5."""
    person, frontend = sign_up(sqlite_service), told_to(sqlite_service, receiver)
    frontend.tokens(person)
    sign_out(sqlite_service, person)
    send(sqlite_service)
    keys = jwt.PyJWKSet.from_dict(sqlite_service.client().get("/jwks").json())
    header = jwt.get_unverified_header(receiver.tokens[0])
    assert header.items() >= {"typ": "logout+jwt", "alg": "RS256"}.items()
    claims = jwt.decode(
        receiver.tokens[0],
        keys[header["kid"]],
        algorithms=["RS256"],
        audience=frontend.client_id,
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},  # the service's clock is moved by the tests
    )
    assert claims.keys() == {"iss", "aud", "iat", "exp", "jti", "sub", "sid", "events"}
    assert claims["events"] == {EVENT: {}}
    assert claims["exp"] - claims["iat"] == TTL.total_seconds()
    assert receiver.received[0]["media_type"] == "application/x-www-form-urlencoded"


def test_an_offline_refresh_token_outlives_the_sign_out_that_is_told(service: Service, receiver: Receiver) -> None:
    """§2.7."""
    person, frontend = sign_up(service), told_to(service, receiver)
    offline, online = frontend.tokens(person, OFFLINE)["refresh_token"], frontend.tokens(person)["refresh_token"]
    sign_out(service, person)
    send(service)
    assert len(receiver.received) == 1
    assert [frontend.refresh(token).status_code for token in (offline, online)] == [200, 400]


def test_only_clients_of_this_session_are_told(service: Service, receiver: Receiver) -> None:
    person, used, never_used = sign_up(service), told_to(service, receiver), told_to(service, receiver)
    elsewhere = sign_in(service)
    used.tokens(person)
    used.tokens(elsewhere)
    register_frontend(service).tokens(person)
    sign_out(service, person)
    send(service)
    assert [each["aud"] for each in receiver.received] == [used.client_id]
    assert never_used.client_id != used.client_id
    sign_out(service, elsewhere)
    send(service)
    assert len({each["sid"] for each in receiver.received}) == 2


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_logout_that_is_not_acknowledged_is_tried_again_with_a_fresh_token(
    sqlite_service: Service, receiver: Receiver, status: int
) -> None:
    receiver.status = status
    person, frontend = sign_up(sqlite_service), told_to(sqlite_service, receiver)
    frontend.tokens(person)
    sign_out(sqlite_service, person)
    for wait in (0, 2, 3):
        sqlite_service.clock.advance(seconds=wait)
        send(sqlite_service)
    assert len({each["jti"] for each in receiver.received}) == 3
    assert len({each["iat"] for each in receiver.received}) == 3
    assert f"a {status}" in undelivered(sqlite_service)[0]["last_error"]
    receiver.status = 204
    sqlite_service.clock.advance(seconds=5)
    send(sqlite_service)
    assert undelivered(sqlite_service) == []


def test_a_receiver_that_stalls_and_then_fails_for_a_day_is_told_when_it_is_back(
    sqlite_service: Service, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one attempt an hour, each with a token that is new: the first one would have been too old long ago."""
    person, frontend = sign_up(sqlite_service), told_to(sqlite_service, receiver)
    frontend.tokens(person)
    sign_out(sqlite_service, person)
    receiver.may_answer.clear()
    with monkeypatch.context() as impatient:
        impatient.setattr(outbound, "TOTAL_TIMEOUT", timedelta(milliseconds=300))
        send(sqlite_service)
    assert undelivered(sqlite_service)[0]["last_error"].startswith("TimeoutError")
    receiver.may_answer.set()
    receiver.status = 500
    before = len(receiver.received)
    for _ in range(24):
        sqlite_service.clock.advance(hours=1)
        send(sqlite_service)
        send(sqlite_service)
    tried = receiver.received[before:]
    assert len(tried) == len({each["jti"] for each in tried}) == 24
    assert [each["exp"] - each["iat"] for each in tried] == [TTL.total_seconds()] * 24
    receiver.status = 200
    sqlite_service.clock.advance(hours=1)
    send(sqlite_service)
    assert undelivered(sqlite_service) == []


def test_an_unreachable_client_gets_one_attempt_per_pause_and_everything_when_it_is_back(
    service: Service, receiver: Receiver
) -> None:
    person, frontend = sign_up(service), told_to(service, receiver)
    people = [person, *(sign_in(service) for _ in range(5))]
    for each in people:
        frontend.tokens(each)
        sign_out(service, each)
    send(service, networks="10.0.0.0/8")  # the receiver's address may not be reached
    tried = [each["attempts"] for each in undelivered(service)]
    assert sorted(tried) == [0, 0, 1, 1, 1, 1], "at most four at once"
    send(service)
    assert receiver.received == [], "nothing is due during the pause"
    service.clock.advance(seconds=2)
    send(service)
    send(service)
    assert (len(receiver.received), undelivered(service)) == (6, [])


def test_a_client_that_is_slow_to_fail_leaves_room_for_others(service: Service, receiver: Receiver) -> None:
    person, other = sign_up(service), told_to(service, receiver)
    with receiving() as broken:
        broken.status = 500
        refusing = told_to(service, broken)
        people = [person, *(sign_in(service) for _ in range(9))]
        for each in people:
            refusing.tokens(each)
        other.tokens(people[-1])
        for each in people:
            sign_out(service, each)
        send(service)
    assert len(receiver.received) == 1


def test_without_its_uri_a_waiting_logout_is_dropped(sqlite_service: Service, receiver: Receiver) -> None:
    receiver.status = 500
    person, frontend = sign_up(sqlite_service), told_to(sqlite_service, receiver)
    frontend.tokens(person)
    sign_out(sqlite_service, person)
    send(sqlite_service)
    sqlite_service.execute("UPDATE clients SET registered = replace(registered, 'backchannel_logout_uri', 'was')")
    sqlite_service.clock.advance(seconds=5)
    send(sqlite_service)
    assert (len(receiver.received), undelivered(sqlite_service)) == (1, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"backchannel_logout_uri": "ftp://client.example.com/logout"},
        {"backchannel_logout_uri": "https://client.example.com/logout#part"},
        {"backchannel_logout_uri": "https://user@client.example.com/logout"},
        {"backchannel_logout_uri": 1},
        {"backchannel_logout_session_required": "yes"},
    ],
)
def test_bad_members_are_refused_by_name(wrong: dict[str, Any]) -> None:
    members = {"client_name": "Board", "redirect_uris": ["https://client.example.com/callback"], **wrong}
    with pytest.raises(InvalidClientMetadata, match=next(iter(wrong))):
        parse(members, resources=RESOURCES, supported_grant_types=GRANT_TYPES)
