"""Predictions are stored once, found again as they were, and paged through in the orders of the work-list."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from hilum.errors import RequestError
from hilum.store import Order, Search, Store, StoredPrediction, open_store, verify
from tests.store.conftest import MakePrediction, NewStore

HOUR = timedelta(hours=1)


def test_a_prediction_comes_back_as_it_was(store: Store, prediction: MakePrediction) -> None:
    new = prediction(prob=0.1 + 0.2, patient=store.pseudonym("patient", "P1"), study=store.pseudonym("study", "1.2"))
    stored = store.predictions.put(new)
    assert store.predictions.get(stored.id) == stored == store.predictions.find(new.key)
    assert stored.row.probs == new.row.probs
    film = replace(new.row.film, path="", patient=new.patient, sha256=new.key.film_sha256)
    assert stored.row == replace(new.row, film=film)
    assert (stored.key, stored.classes, stored.threshold, stored.model) == (
        new.key,
        new.classes,
        new.threshold,
        "shipped",
    )
    assert (stored.patient, stored.study) == (new.patient, new.study)
    assert abs(stored.created - datetime.now(UTC)) < HOUR
    assert not stored.has_film


def test_nothing_that_a_client_named_is_stored(store: Store, prediction: MakePrediction) -> None:
    stored = store.predictions.put(prediction())
    assert "secret" not in repr((stored, store.audit.entries()))


def test_the_same_request_has_one_row(store: Store, prediction: MakePrediction) -> None:
    first = store.predictions.put(prediction())
    assert store.predictions.put(prediction(prob=0.2)) == first
    assert store.predictions.search(Search()).total == 1


def test_an_answer_that_circumstances_made_is_kept_and_found_by_no_request(
    store: Store, prediction: MakePrediction
) -> None:
    passing = replace(prediction(), retry=True)
    first, second = store.predictions.put_many([passing, passing])
    assert first.id != second.id
    assert store.predictions.find(passing.key) is None
    stored = store.predictions.put(prediction(prob=0.2))
    assert stored.row.probs[-1] == pytest.approx(0.2)
    assert store.predictions.find(passing.key) == stored
    assert store.predictions.put(replace(prediction(), retry=True)).id != stored.id  # and takes no other's place
    assert store.predictions.find(passing.key) == stored
    assert store.predictions.get(first.id) == first
    assert store.predictions.search(Search()).total == 4
    assert verify(store.database).problems == ()


@pytest.mark.parametrize(
    "change", [{"user": "bob"}, {"seal": "other"}, {"operating_point": "x"}, {"prevalence": 0.1}]
)
def test_whatever_differs_makes_another_request(
    store: Store, prediction: MakePrediction, change: dict[str, object]
) -> None:
    new = prediction()
    other = replace(new, key=replace(new.key, **change))  # type: ignore[arg-type]
    assert store.predictions.put(new).id != store.predictions.put(other).id


def test_many_threads_that_ask_the_same_get_one_row(store: Store, prediction: MakePrediction) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(store.predictions.put(prediction()).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_two_processes_writers_keep_one_chain(new_store: NewStore, prediction: MakePrediction) -> None:
    url = new_store()
    with open_store(url) as one, open_store(url) as two:

        def put(store: Store, start: int) -> None:
            for number in range(start, start + 5):
                store.predictions.put(prediction(content=b"%d" % number))

        threads = [threading.Thread(target=put, args=args) for args in ((one, 0), (two, 3))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [entry.number for entry in one.audit.entries()] == list(range(1, 9))
        assert one.predictions.search(Search()).total == 8


def test_a_user_sees_only_their_own(store: Store, prediction: MakePrediction) -> None:
    stored = store.predictions.put(prediction(user="ada"))
    assert store.predictions.get(stored.id, user="ada") == stored
    assert store.predictions.get(stored.id, user="bob") is None
    assert store.predictions.search(Search(user="bob")).rows == ()


def test_a_film_is_kept_for_its_time(store: Store, prediction: MakePrediction) -> None:
    until = datetime.now(UTC) + HOUR
    stored = store.predictions.put(prediction(content=b"bytes", film=b"bytes", keep_until=until))
    assert (stored.has_film, stored.film_until) == (True, until)
    assert store.predictions.film(stored.id) == b"bytes"
    assert store.retention.expire_films(until - HOUR / 2) == 0
    assert store.retention.expire_films(until) == 1
    assert store.predictions.film(stored.id) is None
    left = store.predictions.get(stored.id)
    assert left == replace(stored, has_film=False, film_until=None)


def test_a_film_that_is_sent_again_stays_for_the_longer_time(store: Store, prediction: MakePrediction) -> None:
    soon = datetime.now(UTC) + HOUR
    for until in (soon, None, soon):
        stored = store.predictions.put(prediction(content=b"bytes", film=b"bytes", keep_until=until))
    assert stored.has_film
    assert store.retention.expire_films(soon + HOUR) == 0


def test_bytes_that_are_not_the_films_are_refused(store: Store, prediction: MakePrediction) -> None:
    with pytest.raises(RequestError, match="not those that its hash names"):
        store.predictions.put(prediction(content=b"film", film=b"other"))
    assert store.predictions.search(Search()).total == 0


def test_what_comes_together_is_stored_as_if_one_by_one(store: Store, prediction: MakePrediction) -> None:
    soon, later = datetime.now(UTC) + HOUR, datetime.now(UTC) + 2 * HOUR
    there = store.predictions.put(prediction(content=b"1", film=b"1", keep_until=later))
    batch = [
        prediction(content=b"1", film=b"1", keep_until=soon),  # stays for the longer time
        prediction(content=b"2", film=b"2", keep_until=soon),
        prediction(content=b"2", film=b"2", keep_until=later, prob=0.2),  # the same request again
        prediction(content=b"2", film=b"2", user="bob", keep_until=soon),  # somebody else's
        prediction(content=b"3"),
    ]
    put = store.predictions.put_many(batch)
    assert put[0] == there
    assert put[1] == put[2] == store.predictions.find(batch[1].key)
    assert [row.film_until for row in put] == [later, later, later, soon, None]
    assert put[1].row.probs == batch[1].row.probs
    assert store.predictions.find_many([each.key for each in batch]) == put
    missing = replace(batch[0].key, user="eve")
    assert store.predictions.find_many([missing, batch[0].key]) == (None, there)
    predicted = [entry.subject for entry in store.audit.entries() if entry.action == "predicted"]
    assert predicted == [there.id, put[1].id, put[3].id, put[4].id]
    assert verify(store.database).is_sound


def test_storing_takes_no_longer_where_many_films_are_kept(store: Store, prediction: MakePrediction) -> None:
    if not store.database.is_sqlite:
        pytest.skip("SQLite says how it looks rows up")
    seen: list[str] = []
    event.listen(store.database._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    store.predictions.put_many([prediction(content=b"%d" % n, film=b"%d" % n) for n in range(3)])
    looked = [text for text in seen if text.startswith("SELECT")]
    assert looked
    with sqlite3.connect(str(store.database.file)) as connection:
        for text in looked:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", ["x"] * text.count("?")).fetchall()
            assert not [line for *_, line in plan if line.startswith("SCAN") and "CONSTANT" not in line], text


@pytest.mark.parametrize("order", ["newest", "oldest", "work-list", "probability"])
def test_pages_hold_every_prediction_once(store: Store, prediction: MakePrediction, order: Order) -> None:
    probs = [0.2, 0.9, 0.9, 0.7, 0.4, 0.1, 0.9]
    put = store.predictions.put_many([prediction(content=b"%d" % n, prob=prob) for n, prob in enumerate(probs)])
    seen: list[StoredPrediction] = []
    search = Search(order=order, limit=3)
    while True:
        page = store.predictions.search(search)
        seen += page.rows
        assert page.total == len(probs)
        if not page.next_page:
            break
        search = replace(search, after=page.next_page)
    assert sorted(row.id for row in seen) == sorted(row.id for row in put)
    if order == "probability":
        assert [row.row.probs[-1] for row in seen] == sorted(probs, reverse=True)
    elif order == "work-list":  # what is not certain comes before what is
        assert [row.row.probs[-1] for row in seen] == [0.7, 0.9, 0.9, 0.9, 0.4, 0.2, 0.1]
    else:
        times = [row.created for row in seen]
        assert times == sorted(times, reverse=order == "newest")


def test_searches_narrow_down(store: Store, prediction: MakePrediction) -> None:
    patient = store.pseudonym("patient", "P1")
    sick = store.predictions.put(prediction(content=b"1", patient=patient))
    odd = store.predictions.put(prediction(content=b"2", answer="not judged", model="other"))

    def ids(search: Search) -> list[str]:
        return [row.id for row in store.predictions.search(search).rows]

    assert (
        ids(Search(lane="not judged")) == ids(Search(answer="not judged")) == ids(Search(model="other")) == [odd.id]
    )
    assert ids(Search(lane="answered")) == ids(Search(patient=patient)) == [sick.id]
    assert ids(Search(film_sha256=hashlib.sha256(b"1").hexdigest())) == [sick.id]
    assert ids(Search(since=sick.created, until=odd.created)) == [sick.id]
    assert ids(Search(has_verdict=True)) == []
    store.verdicts.add(sick.id, "ada", "accept")
    assert ids(Search(has_verdict=True)) == [sick.id]
    assert ids(Search(has_verdict=False)) == [odd.id]
    assert odd.not_judged == "looks like noise"
    assert sick.not_judged == ""


@pytest.mark.parametrize("after", ["x", "WzFd", "é", "W10", "A" * 5000])
def test_a_page_that_nobody_gave_is_refused(store: Store, after: str) -> None:
    with pytest.raises(RequestError, match="no page of this search"):
        store.predictions.search(Search(after=after))


@pytest.mark.parametrize("text", ["'; DROP TABLE predictions; --", "a\0b", "\udcff", "<b>", "漢字"])
def test_text_of_any_kind_is_kept_and_found(store: Store, prediction: MakePrediction, text: str) -> None:
    new = prediction(model=text)
    store.predictions.put(replace(new, key=replace(new.key, user=text)))
    assert store.predictions.search(Search(user=text, model=text)).total == 1
    assert store.predictions.get(text) is None
