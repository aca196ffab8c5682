"""An AI agent signs in at /mcp by itself, in front of a person who reads what it asks for, works, and is cut off."""

import os
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from e2e_fixtures.agents import CALLBACK, Agent, Documents, WatchedAgent, authorization, documents
from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.guest_agents import CALLBACKS, PROGRAMS, running_agent
from e2e_fixtures.people import bearer
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.user_agent import Callback, UserAgent
from e2e_fixtures.waiting import wait_until

SCOPES = ("mcp:list", "mcp:search", "mcp:add", "mcp:complete", "mcp:plan")
SENTENCES = (
    "See your todos and lists",
    "Search your todos",
    "Add todos and lists",
    "Mark todos as done, and as open again",
    "Change when todos are due, how urgent they are, and in which list they are",
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    with documents(tmp_path_factory.mktemp("documents")) as server:
        yield server


@pytest.fixture(scope="module")
def stack(published: Documents, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A system that fetches documents from this computer, and trusts the authority of their server."""
    folder = tmp_path_factory.mktemp("stack") / "checkout"
    outbound = {"AUTH_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8,::1", "AUTH_OUTBOUND_CA_FILE": str(published.ca_file)}
    with running_stack(folder, "--no-limits", **outbound) as running:
        yield running


@pytest.fixture
def account(stack: Stack) -> Account:
    return Ours(stack).sign_up()


def test_an_agent_signs_in_by_itself_works_and_is_cut_off(stack: Stack, published: Documents, account: Account) -> None:
    """The address of /mcp is all that it knows (RFC 9728, RFC 8414, Client ID Metadata Documents)."""
    agent = Agent(stack, account, published.publish("Secretary"))
    added = agent.call("add_todo", title="Buy milk")
    assert [each["id"] for each in agent.call("list_todos")["items"]] == [added["id"]]
    (consent,) = agent.consents
    assert all(sentence in unescape(consent) for sentence in (*SENTENCES, "Todos for AI agents", "localhost"))
    (asked,) = (parse_qs(urlsplit(url).query) for url in agent.asked)
    assert (asked["resource"], asked["client_id"]) == ([f"{stack.url}/mcp"], [agent.client_id])
    assert agent.memory.kept is not None
    token = bearer(agent.memory.kept.access_token)
    assert stack.client(headers=token).get("/api/v1/todos").status_code == 401
    withdrawn = stack.checkout.run("auth", "consents", "withdraw", account.email, agent.client_id, "--yes")
    assert withdrawn.returncode == 0, withdrawn.stderr
    wait_until(lambda: stack.client(headers=token).post("/mcp", json={}).status_code == 401)
    agent.call("list_todos")
    assert len(agent.consents) == 2, "it has to ask the person again"


def test_a_person_reads_on_a_phone_what_an_agent_asks_for_and_cuts_it_off_there(
    stack: Stack, published: Documents, account: Account, chromium: Browser
) -> None:
    """The whole way in a browser, by roles and visible names. The API refuses the agent soon after."""
    agent = WatchedAgent(stack, account, published.publish("Secretary"))
    with somebodys_browser(chromium, viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()

        def agree(url: str) -> str:
            page.route(f"{CALLBACK}**", lambda route: route.fulfill())
            page.goto(url)
            page.get_by_label("Email address").fill(account.email)
            page.get_by_label("Password", exact=True).fill(account.password)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", name="Secretary asks for access")).to_be_visible()
            for sentence in SENTENCES:
                expect(page.get_by_role("listitem").filter(has_text=sentence)).to_be_visible()
            page.get_by_role("button", name="Allow").click()
            page.wait_for_url(f"{CALLBACK}**")
            return page.url

        added = agent.call_in_front_of(agree, "add_todo", title="Buy milk")
        assert [each["id"] for each in agent.call("list_todos")["items"]] == [added["id"]]
        page.goto(f"{stack.url}/account")
        page.get_by_role("button", name="Remove the access of Secretary", exact=True).click()
        expect(page.get_by_role("status")).to_be_visible()
        expect(page.get_by_text("You have not allowed any application to act for you.")).to_be_visible()
    assert agent.memory.kept is not None
    token = bearer(agent.memory.kept.access_token)
    wait_until(lambda: stack.client(headers=token).post("/mcp", json={}).status_code == 401)


def test_an_agent_with_fewer_scopes_asks_for_the_missing_one_later(
    stack: Stack, published: Documents, account: Account
) -> None:
    """Step-up: 403 names what was granted and what is missing (RFC 6750 §3.1), and the SDK asks the person for both."""
    agent = Agent(stack, account, published.publish("Reader"))
    agent.sign_in("mcp:list")
    assert agent.call("list_todos")["items"] == []
    assert agent.call("add_todo", title="Buy milk")["title"] == "Buy milk"
    first, second = (unescape(each) for each in agent.consents)
    assert [each for each in SENTENCES if each in first] == [SENTENCES[0]]
    assert SENTENCES[2] in second
    assert len(agent.call("list_todos")["items"]) == 1


TRIED = sorted(PROGRAMS) if os.environ.get("GUESTS") == "all" else ["fastmcp"]


@pytest.mark.parametrize("name", TRIED)
def test_a_guest_signs_in_by_itself_works_and_is_cut_off(
    stack: Stack, published: Documents, account: Account, name: str, tmp_path: Path
) -> None:
    """Other people's clients, unmodified. After the removal at /account the agent has to ask its person again."""
    client_id = published.publish(name, redirect_uris=CALLBACKS)
    with running_agent(name, stack, account, client_id, tmp_path / "agent") as agent:
        added = agent.call("add_todo", title="Buy milk")
        assert [each["id"] for each in agent.call("list_todos")["items"]] == [added["id"]]
        (consent,) = agent.consents
        assert all(sentence in unescape(consent) for sentence in SENTENCES)
        agent.cut_off(client_id)
        wait_until(lambda: agent.call("list_todos") is not None and len(agent.consents) == 2)


EVERYTHING = f"openid profile email offline_access todos:read todos:write {' '.join(SCOPES)}"


def test_an_agent_that_asks_for_everything_gets_what_is_open_to_strangers(
    stack: Stack, published: Documents, account: Account
) -> None:
    """RFC 6749 §3.3: the rest is left out, and the answer says so. The person is asked for nothing else."""
    agent = Agent(stack, account, published.publish("Greedy"))
    agent.sign_in(f"{EVERYTHING} roles groups")
    assert agent.memory.kept is not None
    assert sorted((agent.memory.kept.scope or "").split()) == sorted(SCOPES)
    assert "Add, change and delete your todos" not in unescape(agent.consents[0])
    token = bearer(agent.memory.kept.access_token)
    assert stack.client(headers=token).get("/api/v1/todos").status_code == 401
    assert stack.client(headers=token).get("/oauth/userinfo").status_code == 401


@pytest.mark.parametrize("scope", ["todos:read", "mcp:remove"])
def test_an_agent_that_asks_for_what_no_stranger_gets_is_refused(
    stack: Stack, published: Documents, account: Account, scope: str
) -> None:
    """`invalid_scope` (RFC 6749 §4.1.2.1), as a page: nobody is sent to a stranger before agreeing to it."""
    url = authorization(stack, published.publish("Forward"), scope)
    shown = UserAgent(Ours(stack)).sign_in(url, account)
    assert "invalid_scope" in repr(shown)
    assert not isinstance(shown, Callback)
