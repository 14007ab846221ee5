"""People, tokens and sessions: added, found, withdrawn, and on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hilum.errors import RequestError
from hilum.store import Store

LATER = datetime.now(UTC) + timedelta(days=1)


def test_a_person_is_added_changed_and_withdrawn(store: Store) -> None:
    added = store.accounts.put_user("ada", "hash", ["read", "predict"])
    assert store.accounts.user("ada") == added
    assert added.scopes == ("read", "predict")
    assert "hash" not in repr(added).replace("password_hash", "")
    with pytest.raises(RequestError, match="there is a 'ada' already"):
        store.accounts.put_user("ada", "other", [])
    store.accounts.put_session("d" * 64, "ada", LATER)
    changed = store.accounts.put_user("ada", "other", ["read"], replace=True)
    assert (changed.password_hash, changed.created) == ("other", added.created)
    assert store.accounts.session("d" * 64) is None
    store.accounts.withdraw_user("ada")
    found = store.accounts.user("ada")
    assert found is not None
    assert found.withdrawn is not None
    assert store.accounts.users() == (found,)
    with pytest.raises(RequestError, match="there is no 'bob'"):
        store.accounts.withdraw_user("bob")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_names_that_nobody_can_have_are_refused(store: Store, name: str) -> None:
    with pytest.raises(RequestError, match="1 to 200 printable characters"):
        store.accounts.put_user(name, "hash", [])


def test_a_token_goes_with_its_user(store: Store) -> None:
    with pytest.raises(RequestError, match="add them first"):
        store.accounts.put_token("t1", "ada", "hash", [])
    store.accounts.put_user("ada", "", ["read"])
    token = store.accounts.put_token("t1", "ada", "hash", ["read"], purpose="a script", expires=LATER)
    other = store.accounts.put_token("t2", "ada", "hash", ["read"])
    assert store.accounts.tokens() == (token, other)
    assert (token.purpose, token.expires, token.withdrawn, other.expires) == ("a script", LATER, None, None)
    store.accounts.withdraw_token("t1")
    assert [each.withdrawn is None for each in store.accounts.tokens()] == [False, True]
    store.accounts.withdraw_user("ada")
    assert [each.withdrawn is None for each in store.accounts.tokens()] == [False, False]
    assert store.accounts.token("t3") is None
    with pytest.raises(RequestError, match="there is no 't3'"):
        store.accounts.withdraw_token("t3")


def test_a_session_lasts_until_it_is_over(store: Store) -> None:
    ada = store.accounts.put_user("ada", "hash", ["read"])
    store.accounts.put_session("1" * 64, "ada", LATER)
    store.accounts.put_session("2" * 64, "ada", datetime.now(UTC) - timedelta(seconds=1))
    assert store.accounts.session("1" * 64) == ada
    assert store.accounts.session("2" * 64) is None
    store.accounts.end_session("1" * 64)
    store.accounts.end_session("1" * 64)
    assert store.accounts.session("1" * 64) is None
    assert [entry.action for entry in store.audit.entries()] == ["added user", "signed in", "signed in", "signed out"]
