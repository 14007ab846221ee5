"""Passwords, tokens of programs and session cookies: what is made for people, and what of it is kept (argon2)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hilum.errors import RequestError
from hilum.store import AccessToken, Account, Store

SCOPES = ("predict", "read", "verdict", "metrics")
ALL = "all"  # sees what others have sent in; never given unless asked for
SESSION = timedelta(hours=12)
SHORTEST_PASSWORD = 12  # characters (NIST SP 800-63B asks for 8 at least, and for no kinds of letters)
_PREFIX = "hilum"  # of a token, so that it is recognised where it should not be
_hasher = PasswordHasher()
# Checked where there is no such person, so that the time tells nothing: no password has it, and making it takes none.
_SOME_HASH = (
    f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    f"${'A' * -(-_hasher.salt_len * 8 // 6)}${'A' * -(-_hasher.hash_len * 8 // 6)}"
)


def hash_password(password: str) -> str:
    """What is kept of a password.

    Raises:
        RequestError: it is too short.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise RequestError(f"password: it has to have at least {SHORTEST_PASSWORD} characters")
    return _hasher.hash(password)


def require_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """The same scopes, if there are such.

    Raises:
        RequestError: there is no such scope.
    """
    if unknown := sorted(set(scopes) - {*SCOPES, ALL}):
        raise RequestError(f"scope: there is no '{unknown[0]}'; name some of {', '.join((*SCOPES, ALL))}")
    return scopes


def make_token(
    store: Store, user: str, scopes: tuple[str, ...], purpose: str = "", days: float | None = None
) -> tuple[AccessToken, str]:
    """Make a token for a program; what is returned second is shown once and kept nowhere.

    Args:
        store: keeps its hash.
        user: whom the program acts for.
        scopes: some of `SCOPES`.
        purpose: what it is for, in words.
        days: that it is valid; None for ever.

    Raises:
        RequestError: there is no such user or scope.
        StoreError: the store does not answer.
    """
    require_scopes(scopes)
    id_, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    kept = store.accounts.put_token(id_, user, _hasher.hash(secret), scopes, purpose=purpose, expires=expires)
    return kept, f"{_PREFIX}_{id_}_{secret}"


def user_of_password(store: Store, name: str, password: str) -> Account | None:
    """Who signs in with a name and a password; None where they are not right, or the person was withdrawn."""
    account = store.accounts.user(name) if len(name) <= 200 and len(password) <= 1000 else None
    known = account is not None and account.withdrawn is None and bool(account.password_hash)
    right = _verify(account.password_hash if account is not None and known else _SOME_HASH, password)
    return account if known and right else None


def token_of(store: Store, text: str) -> AccessToken | None:
    """The token that a request brings; None where it is unknown, over or withdrawn."""
    prefix, _, rest = text.partition("_")
    id_, _, secret = rest.partition("_")
    token = store.accounts.token(id_) if prefix == _PREFIX and len(id_) == 16 and len(secret) <= 100 else None
    if token is None:
        _verify(_SOME_HASH, "")
        return None
    return token if _verify(token.secret_hash, secret) and _stands(token) else None


def standing_token(store: Store, id_: str) -> AccessToken | None:
    """A token whose secret is known to be right; None where it is over or withdrawn by now."""
    token = store.accounts.token(id_)
    return token if token is not None and _stands(token) else None


def begin_session(store: Store, user: str) -> str:
    """Begin a session; gives its cookie, of which the store keeps a hash.

    Raises:
        StoreError: the store does not answer.
    """
    cookie = secrets.token_urlsafe(32)
    store.accounts.put_session(digest_of(cookie), user, datetime.now(UTC) + SESSION)
    return cookie


def digest_of(cookie: str) -> str:
    """What the store keeps of a cookie; it is drawn at random, so that a plain hash does."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()


def _stands(token: AccessToken) -> bool:
    return token.withdrawn is None and (token.expires is None or token.expires > datetime.now(UTC))


def _verify(kept: str, secret: str) -> bool:
    try:
        return _hasher.verify(kept, secret)
    except (VerificationError, InvalidHashError):
        return False
