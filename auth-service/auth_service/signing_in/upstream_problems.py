"""What can go wrong at an upstream provider: in words for people, and as codes of the Better Auth protocol.

The callback sends the person to the page that they came from, with a word in its address. So no text of the provider,
or of an attacker's link, is ever shown.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ..accounts.upstreams.discovery import ProviderUnavailable
from ..limits.attempts import TooManyAttempts
from ..mail.languages.sentences import Sentence
from ..oauth.upstream_answers import BadAnswer
from .password_sign_in import AccountSuspended, EmailNotVerified
from .signed_in_factor import NotSignedIn
from .upstream_accounts import AddressMissing, AddressTaken, NoSignUp
from .upstream_answer import Declined, NotAskedAgain
from .upstream_changes import LinkedElsewhere, TooManyLinked
from .upstream_sign_in import AnotherPerson

PROBLEM, PROVIDER = "problem", "provider"  # query parameters of the pages
SIGN_IN_FIRST = "sign-in-first"
SOMEWHERE = Sentence("the other site")


class Problem(NamedTuple):
    word: str  # in the page's address
    code: str  # of the protocol
    sentence: str


LATE = Problem("late", "state_mismatch", "That took too long, or was answered before. Please try again.")
OF: Mapping[type[Exception], Problem] = {
    Declined: Problem(
        "declined", "access_denied", "You did not continue with {provider}. Try again, or choose another way."
    ),
    ProviderUnavailable: Problem(
        "unavailable",
        "temporarily_unavailable",
        "{provider} cannot be used at the moment. Please try again in a moment, or choose another way.",
    ),
    BadAnswer: Problem(
        "invalid",
        "invalid_code",
        "The answer of {provider} could not be accepted. Please try again. If that does not help, choose another way, "
        "and tell the operator of this site.",
    ),
    NotAskedAgain: Problem(
        "not-asked",
        "login_required",
        "{provider} did not ask you to sign in again, so this does not show that it is you. Please choose another way.",
    ),
    AddressMissing: Problem(
        "no-address",
        "email_not_found",
        "{provider} did not tell your email address, which an account here needs. Allow it to, or create an account "
        "with a password, and connect {provider} there under Other sign-ins.",
    ),
    AddressTaken: Problem(
        SIGN_IN_FIRST,
        "account_not_linked",
        "There is an account with the email address that {provider} told. Sign in to it first. Then connect "
        "{provider} under Other sign-ins.",
    ),
    NoSignUp: Problem(
        "no-account",
        "signup_disabled",
        "No account here is connected to you at {provider}. Sign in another way, and connect it under Other sign-ins.",
    ),
    AnotherPerson: Problem(
        "another", "email_does_not_match", "This account is not connected to the person that you are at {provider}."
    ),
    AccountSuspended: Problem("suspended", "account_suspended", "This account is suspended."),
    EmailNotVerified: Problem(
        "unverified",
        "email_not_verified",
        "Please confirm your email address first. A mail with a link is on its way to it.",
    ),
    TooManyAttempts: Problem(
        "too-many", "too_many_requests", "That was tried too often. Please wait a while, and try again."
    ),
    LinkedElsewhere: Problem(
        "elsewhere",
        "account_already_linked_to_different_user",
        "Another account here is connected to you at {provider}. Disconnect it there first.",
    ),
    TooManyLinked: Problem(
        "full", "unable_to_link_account", "Your account has as many other sign-ins as it may have. Disconnect one."
    ),
    NotSignedIn: Problem(
        "signed-out", "unable_to_link_account", "You were signed out meanwhile, so nothing was connected."
    ),
}
_SENTENCES = {problem.word: problem.sentence for problem in (LATE, *OF.values())}


def sentence_of(word: str, provider: str | None) -> Sentence | None:
    """The sentence about a problem. None: there is no such problem."""
    sentence = _SENTENCES.get(word)
    return None if sentence is None else Sentence(sentence, provider=provider or SOMEWHERE)
