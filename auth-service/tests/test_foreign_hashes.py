"""Hashes of other systems: each form that is known, the bounds of its cost, and texts that are none.

Each hash in foreign_hashes.json was made by the system or library that it is named for, at a low cost.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from auth_service.accounts.foreign_hashes import UnusableHash, parse

PASSWORD = "correct horse \u2460"  # NFKC turns the last character into 1: so does Better Auth, and no other
HASHES: Mapping[str, str] = json.loads(Path(__file__).with_name("foreign_hashes.json").read_text(encoding="utf-8"))
LONG = "x" * 72  # all that bcrypt reads


@pytest.mark.parametrize("form", HASHES)
def test_a_hash_is_of_its_password_alone(form: str) -> None:
    check = parse(HASHES[form])
    assert check(PASSWORD)
    assert not any(map(check, ("correct horse 2", PASSWORD + " ", "", "\0")))
    assert check("correct horse 1") is (form == "Better Auth")


def test_bcrypt_reads_72_octets_and_django_hashes_longer_passwords_first() -> None:
    """bcrypt's own limit: a longer password that was accepted elsewhere must be accepted here."""
    check = parse("$2b$04$oIlnqh9xhCnJH0jonExAl.axHnZ5QHAkI.gfAhPUzcGjSM46a8e4C")
    assert check(LONG)
    assert check(LONG + "y")
    assert not check(LONG[:-1])


B, D = HASHES["bcrypt"], HASHES["Django, PBKDF2"]
COSTLY = {
    "bcrypt": B.replace("$04$", "$15$"),
    "bcrypt, 31": B.replace("$04$", "$31$"),
    "bcrypt, nothing": B.replace("$04$", "$03$"),
    "PBKDF2": D.replace("$1000$", "$2000001$"),
    "PBKDF2, nine digits": D.replace("$1000$", "$999999999$"),
    "PBKDF2, ten digits": D.replace("$1000$", "$9999999999$"),
    "PBKDF2, nothing": D.replace("$1000$", "$1$"),
    "PBKDF2, four blocks": f"pbkdf2:sha1:600000$salt${'ab' * 64}",
    "scrypt, memory": HASHES["Django, scrypt"].replace("$1024$", "$262144$"),
    "scrypt, work": HASHES["Django, scrypt"].replace("$8$1$", "$8$129$"),
    "scrypt, no power of two": HASHES["Django, scrypt"].replace("$1024$", "$1025$"),
    "scrypt, nothing": HASHES["Django, scrypt"].replace("$1024$", "$2$"),
    "scrypt, more than r allows": HASHES["Django, scrypt"].replace("$1024$", "$65536$").replace("$8$1$", "$1$1$"),
    "scrypt, no r": HASHES["Django, scrypt"].replace("$8$1$", "$0$1$"),
    "Argon2, memory": HASHES["Argon2id"].replace("m=1024", "m=131073"),
    "Argon2, work": HASHES["Argon2id"].replace("m=1024,t=1", "m=131072,t=5"),
    "Argon2, lanes": HASHES["Argon2id"].replace("p=1", "p=17"),
    "Argon2, no pass": HASHES["Argon2id"].replace("t=1", "t=0"),
    "Argon2, nothing": HASHES["Argon2id"].replace("m=1024", "m=8"),
}


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_an_absurd_cost_is_refused_and_nothing_is_computed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> NoReturn:
        raise AssertionError("computed")

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", fail)
    monkeypatch.setattr(hashlib, "scrypt", fail)
    with pytest.raises(UnusableHash) as refused:
        parse(text)
    assert not set(text.split("$")[-1:]) & set(str(refused.value).split()), "a part of the hash is quoted"


NONE = {
    "nothing": "",
    "a password": "correct horse",
    "MD5": "5f4dcc3b5aa765d61d8327deb882cf99",
    "crypt": "$6$rounds=5000$saltsalt$" + "a" * 86,
    "too long": "$2b$04$" + "a" * 300,
    "cut off": B[:-1],
    "a line break": f"{B}\n",
    "other digits": B.replace("04", "\u0660\u0664"),
    "no base64": D[:-2] + "!=",
    "base64 that is cut off": "pbkdf2_sha256$1000$salt$" + "A" * 25,
    "a short key": "pbkdf2_sha256$1000$salt$QUJD",
    "an unknown digest": D.replace("sha256", "md5"),
    "Argon2 of another version": HASHES["Argon2id"].replace("v=19", "v=99"),
}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(UnusableHash):
        parse(text)


def test_a_salt_that_is_none_is_nobodys_password() -> None:
    """bcrypt's last character of a salt has spare bits, which its library refuses."""
    assert not parse("$2b$04$" + "." * 21 + "z" + "." * 31)(PASSWORD)
