"""People, tokens of programs and sessions, as the store keeps them: hashes only.

What makes and checks a hash of a password or of a token (argon2) is above: the store is given hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, delete, select

from hilum.errors import RequestError
from hilum.store.audit import append
from hilum.store.columns import clean
from hilum.store.database import Database
from hilum.store.tables import sessions, tokens, users

_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Account:
    """A person.

    Attributes:
        name: what they sign in with.
        password_hash: of their password; empty where they sign in elsewhere (a reverse proxy).
        scopes: what they may do.
        created: when they were added, in UTC.
        withdrawn: since when they may do nothing; None while they may.
    """

    name: str
    password_hash: str = field(repr=False)
    scopes: tuple[str, ...]
    created: datetime
    withdrawn: datetime | None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A program's token.

    Attributes:
        id: its public part, by which it is found.
        user: whom the program acts for.
        purpose: what it is for, in words.
        secret_hash: of its secret part.
        scopes: what it may do.
        created: when it was made, in UTC.
        expires: when it ends; None never.
        withdrawn: since when it is refused; None while it is taken.
    """

    id: str
    user: str
    purpose: str
    secret_hash: str = field(repr=False)
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None
    withdrawn: datetime | None


class Accounts:
    """The people, tokens and sessions of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_user(
        self, name: str, password_hash: str, scopes: Sequence[str], *, actor: str = "hilum", replace: bool = False
    ) -> Account:
        """Add a person, or with `replace` give one another password and other scopes; who was withdrawn is back.

        Sessions of somebody whose password is replaced end.

        Raises:
            RequestError: the name is empty, too long or not printable, or taken and `replace` is not set.
            StoreError: the database does not answer.
        """
        if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
            raise RequestError(f"user: a name has 1 to {_MAX_NAME} printable characters")
        values = {"password_hash": password_hash, "scopes": list(scopes), "withdrawn": None}
        with self._database.write() as connection:
            there = connection.execute(select(users.c.name).where(users.c.name == name)).first()
            if there and not replace:
                raise RequestError(f"user: there is a '{name}' already; replace its password instead")
            if there:
                connection.execute(users.update().where(users.c.name == name).values(**values))
                connection.execute(delete(sessions).where(sessions.c.user_name == name))
            else:
                connection.execute(users.insert().values(name=name, created=datetime.now(UTC), **values))
            detail = {"scopes": list(scopes)}
            append(connection, actor, "changed user" if there else "added user", name, detail)
            row = connection.execute(select(users).where(users.c.name == name)).one()
        return _account(row._mapping)

    def user(self, name: str) -> Account | None:
        """A person, withdrawn or not; None where there is none of that name."""
        row = self._one(users, "name", name)
        return _account(row) if row else None

    def users(self) -> tuple[Account, ...]:
        """Everybody, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).all()
        return tuple(_account(row._mapping) for row in rows)

    def withdraw_user(self, name: str, *, actor: str = "hilum") -> None:
        """Refuse a person and their tokens from now on, and end their sessions.

        Raises:
            RequestError: there is nobody of that name.
            StoreError: the database does not answer.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            if not connection.execute(
                users.update().where(users.c.name == clean(name)).values(withdrawn=now)
            ).rowcount:
                raise RequestError(f"user: there is no '{name}'")
            mine = (tokens.c.user_name == name, tokens.c.withdrawn.is_(None))
            connection.execute(tokens.update().where(*mine).values(withdrawn=now))
            connection.execute(delete(sessions).where(sessions.c.user_name == name))
            append(connection, actor, "withdrew user", name)

    def put_token(
        self,
        id_: str,
        user: str,
        secret_hash: str,
        scopes: Sequence[str],
        *,
        purpose: str = "",
        expires: datetime | None = None,
        actor: str = "hilum",
    ) -> AccessToken:
        """Add a token.

        Raises:
            RequestError: there is nobody of that name, or they were withdrawn.
            StoreError: the database does not answer.
        """
        values = {
            "id": id_,
            "user_name": user,
            "purpose": clean(purpose),
            "secret_hash": secret_hash,
            "scopes": list(scopes),
            "created": datetime.now(UTC),
            "expires": expires,
        }
        with self._database.write() as connection:
            mine = (users.c.name == clean(user), users.c.withdrawn.is_(None))
            if connection.execute(select(users.c.name).where(*mine)).first() is None:
                raise RequestError(f"user: there is no '{user}'; add them first: hilum user add {user}")
            connection.execute(tokens.insert().values(**values))
            append(connection, actor, "added token", id_, {"user": user, "scopes": list(scopes)})
            row = connection.execute(select(tokens).where(tokens.c.id == id_)).one()
        return _token(row._mapping)

    def token(self, id_: str) -> AccessToken | None:
        """A token by its public part, withdrawn or not; None where there is none."""
        row = self._one(tokens, "id", id_)
        return _token(row) if row else None

    def tokens(self) -> tuple[AccessToken, ...]:
        """Every token, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.created, tokens.c.id)).all()
        return tuple(_token(row._mapping) for row in rows)

    def withdraw_token(self, id_: str, *, actor: str = "hilum") -> None:
        """Refuse a token from now on.

        Raises:
            RequestError: there is no such token.
            StoreError: the database does not answer.
        """
        with self._database.write() as connection:
            mine = tokens.c.id == clean(id_)
            if not connection.execute(tokens.update().where(mine).values(withdrawn=datetime.now(UTC))).rowcount:
                raise RequestError(f"token: there is no '{id_}'")
            append(connection, actor, "withdrew token", id_)

    def put_session(self, digest: str, user: str, expires: datetime) -> None:
        """Begin a session, and remove those that are over.

        Args:
            digest: the SHA-256 of its cookie, in hexadecimal.
            user: whose it is.
            expires: when it ends.

        Raises:
            StoreError: the database does not answer.
        """
        now = datetime.now(UTC)
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires <= now))
            connection.execute(sessions.insert().values(digest=digest, user_name=user, created=now, expires=expires))
            append(connection, user, "signed in")

    def session(self, digest: str) -> Account | None:
        """Whose a session is; None where there is no such session, it is over, or its user was withdrawn."""
        stands = (
            sessions.c.digest == clean(digest),
            sessions.c.expires > datetime.now(UTC),
            users.c.withdrawn.is_(None),
        )
        query = select(users).join(sessions, sessions.c.user_name == users.c.name).where(*stands)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return _account(row._mapping) if row else None

    def end_session(self, digest: str) -> None:
        """End a session; one that is over or unknown is no error."""
        with self._database.write() as connection:
            mine = sessions.c.digest == clean(digest)
            user = connection.execute(select(sessions.c.user_name).where(mine)).scalar()
            if user is not None:
                connection.execute(delete(sessions).where(mine))
                append(connection, user, "signed out")

    def _one(self, table: Table, column: str, value: str) -> Any:
        with self._database.read() as connection:
            row = connection.execute(select(table).where(table.c[column] == clean(value))).first()
        return row._mapping if row else None


def _account(at: Any) -> Account:
    return Account(at["name"], at["password_hash"], tuple(at["scopes"]), at["created"], at["withdrawn"])


def _token(at: Any) -> AccessToken:
    return AccessToken(
        id=at["id"],
        user=at["user_name"],
        purpose=at["purpose"],
        secret_hash=at["secret_hash"],
        scopes=tuple(at["scopes"]),
        created=at["created"],
        expires=at["expires"],
        withdrawn=at["withdrawn"],
    )
