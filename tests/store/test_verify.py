"""Whatever is changed behind Hilum's back is found: a row, an entry of the log, the log's end."""

from __future__ import annotations

import pytest

from hilum.store import Head, Search, Store, verify
from hilum.store.audit import digest_of
from hilum.store.columns import moment_text
from tests.store.conftest import MakePrediction


@pytest.fixture
def used(store: Store, prediction: MakePrediction) -> Store:
    """A store with three predictions, a film, a verdict that stands and one that was taken back."""
    for number in range(3):
        content = b"%d" % number
        stored = store.predictions.put(prediction(content=content, film=content))
    store.verdicts.add(stored.id, "ada", "reject")
    store.verdicts.add(stored.id, "ada", "modify", label="NORMAL")
    return store


def tamper(store: Store, statement: str) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql(statement)


def test_what_only_hilum_wrote_is_sound(used: Store) -> None:
    verified = verify(used.database)
    assert verified.problems == ()
    assert (verified.entries, verified.predictions, verified.verdicts, verified.films) == (6, 3, 2, 3)
    assert verified.head == used.audit.head()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE predictions SET answer = 'NORMAL' WHERE film_sha256 LIKE '5%%'", "was changed"),
        ("UPDATE predictions SET probs = '[0.5,0.6' WHERE film_sha256 LIKE '5%%'", "was changed"),
        ("UPDATE predictions SET created = 'long ago' WHERE film_sha256 LIKE '5%%'", "was changed"),
        ("UPDATE predictions SET threshold = NULL WHERE film_sha256 LIKE '5%%'", "was changed"),
        ("DELETE FROM predictions WHERE film_sha256 LIKE '5%%'", "is missing, and was not erased by Hilum"),
        ("UPDATE verdicts SET label = 'PNEUMONIA' WHERE decision = 'modify'", "was changed"),
        ("UPDATE verdicts SET withdrawn = NULL", "is taken back in the audit log"),
        ("UPDATE verdicts SET withdrawn = created", "stands by the audit log"),
        ("DELETE FROM verdicts WHERE decision = 'modify'", "is missing, and was not erased by Hilum"),
        ("UPDATE films SET sha256 = '00' WHERE sha256 LIKE '5%%'", "its bytes were changed"),
        ("UPDATE audit_log SET actor = 'bob' WHERE number = 2", "entry 2 was changed"),
        ("UPDATE audit_log SET at = 'x' WHERE number = 2", "entry 2 was changed"),
        ("DELETE FROM audit_log WHERE number = 2", "entry 2 is missing"),
        ("DELETE FROM audit_log WHERE number IN (2, 3)", "entry 2 to 3 is missing"),
        ("DELETE FROM audit_log WHERE number > 4", "is not in the audit log"),
    ],
)
def test_a_change_is_found(used: Store, statement: str, problem: str) -> None:
    tamper(used, statement)
    verified = verify(used.database)
    assert not verified.is_sound
    assert any(problem in line for line in verified.problems), verified.problems


def test_an_entry_that_was_changed_with_its_hash_breaks_the_chain(used: Store) -> None:

    entry = used.audit.entries()[1]
    forged = digest_of(2, moment_text(entry.at), "bob", entry.action, entry.subject, entry.detail, entry.previous)
    tamper(used, f"UPDATE audit_log SET actor = 'bob', digest = '{forged}' WHERE number = 2")
    assert verify(used.database).problems == (
        "audit log: entry 3 does not follow from the one before; one of them was changed",
    )


def test_an_end_that_was_cut_off_is_found_by_the_head_that_was_noted(used: Store) -> None:
    noted = used.audit.head()
    used.audit.log("ada", "signed in")
    assert verify(used.database, noted).is_sound
    tamper(used, "DELETE FROM audit_log WHERE number = 7")
    assert verify(used.database, noted).is_sound
    later = Head(7, "f" * 64)
    assert verify(used.database).is_sound
    assert "it has no entry 7 with the hash that was noted" in verify(used.database, later).problems[0]


def test_an_erased_prediction_that_is_put_back_is_found(used: Store) -> None:
    stored = used.predictions.search(Search()).rows[0]
    columns = "id, key, created, user_name, film_sha256, model, seal, operating_point, prevalence, threshold, classes"
    columns += ", probs, prediction, answer, why, plausible, flags, remarks, error, height, width, age, sex, view"
    columns += ", patient, study, film_bytes, probability, work_order, salt"
    tamper(used, f"CREATE TABLE aside AS SELECT {columns} FROM predictions WHERE id = '{stored.id}'")
    used.retention.erase_before(stored.created.max.replace(tzinfo=stored.created.tzinfo))
    assert verify(used.database).problems == ()
    tamper(used, f"INSERT INTO predictions ({columns}) SELECT {columns} FROM aside")
    assert verify(used.database).problems == (f"prediction {stored.id}: was erased, and is there again",)


def test_many_problems_are_counted(store: Store, prediction: MakePrediction) -> None:
    store.predictions.put_many([prediction(content=b"%d" % number) for number in range(30)])
    tamper(store, "UPDATE predictions SET why = ''")
    verified = verify(store.database)
    assert (len(verified.problems), verified.more_problems) == (20, 10)


def test_the_log_has_what_was_done(used: Store) -> None:
    log = used.audit
    assert [entry.action for entry in log.entries()] == ["predicted"] * 3 + ["reject", "withdrew", "modify"]
    assert [entry.number for entry in log.entries(after=4, limit=1)] == [5]
    subject = log.entries()[-1].subject
    assert {entry.number for entry in log.entries(subject=subject)} == {3, 4, 5, 6}
