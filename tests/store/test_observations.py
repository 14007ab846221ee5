"""What a look over time is taken at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hilum.records import Reading
from hilum.store import Store, observations
from tests.store.conftest import MakePrediction


def test_answers_come_with_the_verdicts_that_stand(store: Store, prediction: MakePrediction) -> None:
    first = store.predictions.put(prediction(b"1", patient="p" * 64))
    second = store.predictions.put(prediction(b"2", prob=0.2, answer="not judged"))
    third = store.predictions.put(prediction(b"3", prob=0.2, answer="not sure"))
    store.verdicts.add(first.id, "ada", "reject")
    store.verdicts.add(first.id, "ada", "accept")
    store.verdicts.add(first.id, "bob", "modify", label="NORMAL", unaided=True)
    store.verdicts.add(third.id, "ada", "accept")
    withdrawn = store.verdicts.add(second.id, "ada", "reject")
    store.verdicts.withdraw(withdrawn.id, "ada")
    found = observations(store.database)
    assert [each.film for each in found] == [each.key.film_sha256 for each in (first, second, third)]
    assert found[0].readings == (Reading("PNEUMONIA", False), Reading("NORMAL", True))
    assert found[0].patient == "p" * 64
    assert (found[1].readings, found[1].reason) == ((), "looks like noise")
    assert (found[2].readings, found[2].reason) == ((Reading("", False),), "")  # accepted, and no class
    assert (found[0].probability, found[0].prediction) == (0.9, "PNEUMONIA")


def test_of_one_user_and_since_a_time(store: Store, prediction: MakePrediction) -> None:
    store.predictions.put(prediction(b"1"))
    store.predictions.put(prediction(b"1", user="bob"))
    assert len(observations(store.database, user="bob")) == 1
    assert len(observations(store.database, since=datetime.now(UTC) + timedelta(hours=1))) == 0
