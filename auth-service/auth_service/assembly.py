"""The parts of one process: made from the settings at its start, and given to endpoints and grants by http/parts.py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

from .accounts.breached_passwords import BreachedPasswords
from .accounts.passwords import UNLIMITED_QUEUE, Cost, PasswordHasher
from .accounts.sign_ins import StandIns
from .accounts.upstreams.dialogue import Upstreams, open_upstreams
from .clients.assertions import AssertionVerifier
from .clients.authentication import ClientAuthenticator
from .clients.cache import ClientCache
from .clients.fetched_documents import FetchedDocuments
from .clients.fetched_keys import FetchedKeys
from .clients.origins import ClientOrigins
from .clients.own_registrations import Registration
from .clients.used_assertions import UsedAssertions
from .endpoints.token.grants import GRANT_TYPES
from .grants.user_codes import UserCodes
from .http.branding import Branding, open_branding
from .http.browsers import Browsers
from .http.parts import Supply
from .http.session_cookies import SessionCookies
from .keys.ring import KeyRing, open_rings
from .limits.attempts import AttemptLimiter
from .limits.clients import ClientLimits, open_client_limits
from .limits.documents import limit_documents
from .limits.mail_budgets import MailBudgets
from .limits.networks import PUSHES, NetworkLimits, limit_networks
from .limits.registrations import RegistrationLimits, limit_registrations
from .mail.outbox import Outbox
from .migrations import HEAD
from .network.outbound import Outbound
from .network.trusted_origins import TrustedOrigins
from .resources.cache import ResourceCache
from .sessions.lifetimes import Lifetimes
from .settings.branding import find_logo, find_palettes
from .settings.settings import Settings
from .signing_in.factor_checks import FactorChecks, open_factor_checks
from .signing_in.passkey_checks import PasskeyChecks, open_passkey_checks
from .status_lists import lists
from .status_lists.published import PublishedStatusLists
from .store.database import Database, open_database
from .store.instants import Clock
from .telemetry.counts import RequestCounts
from .tokens.access_tokens import AccessTokenReader
from .tokens.code_values import CodeValues
from .tokens.dpop_proofs import DPoPProofs, open_dpop_proofs
from .tokens.id_token_hints import HintVerifier
from .tokens.issuer import TokenIssuer
from .tokens.refresh_tokens import RefreshLifetimes, RefreshTokens, open_refresh_tokens
from .tokens.session_tokens import SessionTokens
from .tokens.token_status import TokenStatus


@dataclass(frozen=True, kw_only=True)
class Parts(Supply):
    """The parts of one process. They are never replaced while it runs."""

    issuer: str
    grant_types: tuple[str, ...]
    database: Database
    clock: Clock
    counts: RequestCounts
    resources: ResourceCache
    keys: KeyRing
    status_list_keys: KeyRing
    status_lists: PublishedStatusLists
    token_status: TokenStatus
    tokens: TokenIssuer
    clients: ClientAuthenticator
    cached_clients: ClientCache
    client_limits: ClientLimits
    client_documents: FetchedDocuments
    client_origins: ClientOrigins
    registration: Registration
    registration_limits: RegistrationLimits
    session_tokens: SessionTokens
    passwords: PasswordHasher
    breached_passwords: BreachedPasswords
    stand_ins: StandIns
    attempts: AttemptLimiter
    outbox: Outbox
    mail_budgets: MailBudgets
    requires_verified_email: bool
    factor_checks: FactorChecks
    passkey_checks: PasskeyChecks
    upstreams: Upstreams
    recovery_delay: timedelta | None
    people_choose_usernames: bool
    session_cookies: SessionCookies
    browsers: Browsers
    branding: Branding
    user_codes: UserCodes
    push_limits: NetworkLimits
    hints: HintVerifier
    trusted_origins: TrustedOrigins
    session_lifetimes: Lifetimes
    session_fresh_max_age: timedelta
    authorization_code_ttl: timedelta
    code_values: CodeValues
    refresh_tokens: RefreshTokens
    access_tokens: AccessTokenReader
    dpop_proofs: DPoPProofs


@asynccontextmanager
async def assembled(settings: Settings, clock: Clock, counts: RequestCounts) -> AsyncIterator[Parts]:
    """The parts; the database is closed at the end. Raises SchemaMismatch, UnreadableKey: nothing is changed."""
    database = open_database(settings.database_url.get_secret_value())
    try:
        await database.require_revision(HEAD)
        secrets, ttl = settings.versioned("key_encryption_keys"), settings.longest_token_ttl
        keys, status_list_keys = await open_rings(database, secrets, longest_token_ttl=ttl, now=clock())
        await lists.create_first(database, now=clock())
        parts = _assemble(settings, database, clock, counts, keys, status_list_keys)
        try:
            await parts.status_lists.refresh(now=clock())
            yield parts
        finally:
            parts.passwords.close()
    finally:
        await database.close()


def _assemble(
    settings: Settings,
    database: Database,
    clock: Clock,
    counts: RequestCounts,
    keys: KeyRing,
    status_list_keys: KeyRing,
) -> Parts:
    issuer, product = settings.issuer, settings.product_name
    secrets, sealing = settings.versioned("secret"), settings.versioned("key_encryption_keys")
    has_limits, for_all = settings.limits == "on", settings.require_second_factor
    quota = settings.client_rate_limit if has_limits else None
    client_limits = open_client_limits(quota, settings.redis_url, settings.redis_ca_file, settings.redis_timeout)
    queue_limit = settings.hashing_queue_limit if has_limits else UNLIMITED_QUEUE
    cost = Cost(settings.hashing_memory, settings.hashing_passes)
    outbound = Outbound([*map(ip_network, settings.outbound_allowed_networks)], settings.outbound_ca_file)
    ttl, longest = settings.access_token_ttl, settings.longest_access_token_ttl
    status_lists = PublishedStatusLists(issuer, database, status_list_keys, access_token_ttl=ttl, longest_ttl=longest)
    cached_clients, resources, used = ClientCache(database), ResourceCache(issuer, database), UsedAssertions(database)
    tokens = TokenIssuer(issuer, ttl, settings.id_token_ttl, keys)
    sessions = Lifetimes(settings.session_ttl, settings.session_update_age, settings.session_absolute_max_age)
    lifetimes = RefreshLifetimes(settings.refresh_token_idle_ttl, settings.refresh_token_absolute_max_age)
    return Parts(
        issuer=settings.issuer,
        grant_types=GRANT_TYPES,
        database=database,
        clock=clock,
        counts=counts,
        resources=resources,
        keys=keys,
        status_list_keys=status_list_keys,
        status_lists=status_lists,
        token_status=TokenStatus(database, status_lists),
        tokens=tokens,
        clients=ClientAuthenticator(issuer, cached_clients, AssertionVerifier(used, FetchedKeys(outbound))),
        cached_clients=cached_clients,
        client_limits=client_limits,
        client_documents=FetchedDocuments(outbound, limit_documents(client_limits)),
        client_origins=ClientOrigins(database),
        registration=Registration(settings.registration),
        registration_limits=limit_registrations(client_limits),
        session_tokens=SessionTokens(tokens, database, counts, cached_clients, resources),
        passwords=PasswordHasher(threads=settings.hashing_threads, queue_limit=queue_limit, cost=cost),
        breached_passwords=BreachedPasswords(settings.pwned_passwords_url, outbound, clock, counts.pwned_lookups),
        stand_ins=StandIns(secrets),
        attempts=AttemptLimiter(database, secrets, is_on=has_limits),
        outbox=Outbox(is_on=settings.mail_target is not None),
        mail_budgets=MailBudgets(secrets, is_on=has_limits),
        requires_verified_email=settings.require_verified_email,
        factor_checks=open_factor_checks(issuer, product, secrets, sealing, limits=has_limits, required_of_all=for_all),
        passkey_checks=open_passkey_checks(issuer, product, settings.passkey_rp_id, settings.passkey_origins, secrets),
        upstreams=open_upstreams(issuer, database, outbound, settings.upstream_networks, sealing, client_limits),
        recovery_delay=settings.recovery_delay,
        people_choose_usernames=settings.usernames == "person",
        session_cookies=SessionCookies(secrets, settings.issuer),
        browsers=Browsers(settings.issuer, secrets),
        branding=open_branding(issuer, product, find_palettes(settings), find_logo(settings)),
        user_codes=UserCodes.open(secrets, client_limits, is_on=has_limits),
        push_limits=limit_networks(client_limits, "par", PUSHES),
        hints=HintVerifier(database, settings.issuer),
        trusted_origins=TrustedOrigins(settings.issuer, settings.trusted_origins, settings.origin_resources),
        session_lifetimes=sessions,
        session_fresh_max_age=settings.session_fresh_max_age,
        authorization_code_ttl=settings.authorization_code_ttl,
        code_values=CodeValues(secrets),
        refresh_tokens=open_refresh_tokens(database, lifetimes, secrets),
        access_tokens=AccessTokenReader(settings.issuer, keys, database),
        dpop_proofs=open_dpop_proofs(settings.issuer, used, secrets),
    )
