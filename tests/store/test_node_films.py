"""A film that a node was sent has one row, whatever is sent twice; what became of it follows from its sendings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from hilum.errors import StoreError
from hilum.store import NewNodeFilm, Search, Store, backup, open_store, restore, verify
from hilum.store.database import Database
from tests.store.conftest import MakePrediction, NewStore


def new_film(number: int = 1, **others: str) -> NewNodeFilm:
    values = {
        "workflow_id": f"{number:064x}",
        "instance": f"instance {number}",
        "study": "study",
        "pixels": f"pixels {number}",
        "seal": "seal",
        "operating_point": "youden",
        "node": "node",
        "source": "CR1",
        "file": f"films/{number}.dcm",
    }
    return NewNodeFilm(**{**values, **others})  # type: ignore[arg-type]


class Enqueued(list[str]):
    def __call__(self, connection: Connection, workflow_id: str, again: bool) -> None:
        self.append(workflow_id)


def answer(store: Store, film: NewNodeFilm, prediction: MakePrediction) -> None:
    made = prediction(content=film.pixels.encode(), user="pacs")
    store.node_films.answer(
        film.workflow_id, made, seal="seal", operating_point="youden", report=f"r{film.file}", capture="c"
    )


def test_a_film_is_noted_and_enqueued_once(store: Store) -> None:
    enqueued = Enqueued()
    first = store.node_films.receive(new_film(), enqueued)
    again = store.node_films.receive(new_film(file="films/other.dcm"), enqueued)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.film == first.film == store.node_films.get(new_film().workflow_id)
    assert enqueued == [new_film().workflow_id]


def test_a_film_that_cannot_be_enqueued_is_not_noted(store: Store) -> None:
    def fail(connection: Connection, workflow_id: str, again: bool) -> None:
        raise StoreError("full")

    with pytest.raises(StoreError, match="full"):
        store.node_films.receive(new_film(), fail)
    assert store.node_films.counts() == {}


def test_the_same_uid_with_other_pixels_is_quarantined_and_named(store: Store) -> None:
    enqueued = Enqueued()
    store.node_films.receive(new_film(1), enqueued)
    other = store.node_films.receive(new_film(2, instance="instance 1"), enqueued)
    assert other.film.state == "quarantined"
    assert other.film.why == "a film with the same SOP Instance UID and other pixels was received before"
    assert enqueued == [new_film(1).workflow_id]
    assert store.node_films.receive(new_film(1), enqueued).film.state == "received"
    assert store.node_films.counts() == {"received": 1, "quarantined": 1}


def test_films_that_name_no_uid_are_told_apart_by_their_pixels(store: Store) -> None:
    enqueued = Enqueued()
    for number in (1, 2):
        assert store.node_films.receive(new_film(number, instance=""), enqueued).film.state == "received"
    assert len(enqueued) == 2


def test_a_film_is_answered_by_another_detector_once_more_but_does_not_wait_twice(
    store: Store, prediction: MakePrediction
) -> None:
    enqueued, other = Enqueued(), replace(new_film(2, pixels="pixels 1", instance="instance 1"), seal="other seal")
    store.node_films.receive(new_film(1), enqueued)
    waiting = store.node_films.receive(other, enqueued)
    assert not waiting.is_new
    answer(store, new_film(1), prediction)
    assert store.node_films.receive(other, enqueued).is_new
    assert len(enqueued) == 2


def test_an_answer_is_stored_once_and_dates_the_results(store: Store, prediction: MakePrediction) -> None:
    film = new_film()
    store.node_films.receive(film, Enqueued())
    answer(store, film, prediction)
    first = store.node_films.get(film.workflow_id)
    answer(store, film, prediction)
    assert store.node_films.get(film.workflow_id) == first
    assert first is not None
    (stored,) = store.predictions.search(Search()).rows
    assert (first.prediction, first.answered, first.state) == (stored.id, stored.created, "answered")
    assert verify(store.database).is_sound


def test_a_later_film_of_a_study_names_those_that_were_answered_before(
    store: Store, prediction: MakePrediction
) -> None:
    films = [new_film(1), new_film(2, study="other"), new_film(3), new_film(4)]
    for film in films:
        store.node_films.receive(film, Enqueued())
    for number in (2, 0, 1, 3):
        answer(store, films[number], prediction)
    rows = {film.workflow_id: store.node_films.get(film.workflow_id) for film in films}
    earlier = [row.earlier for film in films if (row := rows[film.workflow_id])]
    third, first, fourth = (films[number].workflow_id for number in (2, 0, 3))
    assert earlier == [(third,), (), (), (third, first)]
    assert [each.workflow_id for each in store.node_films.get_many([first, third, fourth])] == [third, first, fourth]


def test_a_film_whose_report_every_destination_has_is_sent(store: Store, prediction: MakePrediction) -> None:
    id_ = new_film().workflow_id
    store.node_films.receive(new_film(), Enqueued())
    answer(store, new_film(), prediction)

    def state() -> str:
        film = store.node_films.get(id_)
        assert film is not None
        return film.state

    store.node_sendings.add(id_, "report", ["pacs", "archive"])
    store.node_sendings.add(id_, "capture", ["pacs"])
    store.node_sendings.accepted(id_, "report", "pacs")
    assert state() == "reported"
    for for_good, expected in ((False, "reported"), (True, "refused")):
        store.node_sendings.refused(id_, "report", "archive", "0xA900", for_good=for_good)
        assert state() == expected
    sending = store.node_sendings.get(id_, "report", "archive")
    assert sending is not None
    assert (sending.state, sending.why, sending.tries) == ("refused", "0xA900", 2)
    again: list[str] = []
    store.node_sendings.again(lambda _, found: again.extend(each.destination for each in found))
    assert again == ["archive"]
    assert state() == "reported"
    store.node_sendings.add(id_, "report", ["pacs", "archive"])  # a step that is done again
    store.node_sendings.accepted(id_, "report", "archive")
    assert state() == "sent"
    assert {(each.kind, each.destination): each.state for each in store.node_sendings.of(id_)} == {
        ("report", "pacs"): "sent",
        ("report", "archive"): "sent",
        ("capture", "pacs"): "waiting",
    }


def test_a_destination_is_down_since_it_was_first_not_reached(store: Store) -> None:
    store.node_sendings.unreachable("pacs", "no answer")
    (first,) = store.node_sendings.destinations()
    store.node_sendings.unreachable("pacs", "still none")
    (again,) = store.node_sendings.destinations()
    assert again.down_since == first.down_since is not None
    assert again.down_why == "still none"
    store.node_sendings.accepted("0" * 64, "report", "pacs")
    (reached,) = store.node_sendings.destinations()
    assert (reached.down_since, reached.down_why) == (None, "")
    assert reached.last_accepted is not None


def test_cursors_and_heartbeats_are_kept(store: Store) -> None:
    assert store.node_state.cursor("orthanc") == ""
    for value in ("12", "13"):
        store.node_state.move_cursor("orthanc", value)
    assert store.node_state.cursor("orthanc") == "13"
    assert [store.node_state.beat("one", is_start=True), store.node_state.beat("one")] == [1, 2]
    assert [(each.node, each.beats) for each in store.node_state.heartbeats()] == [("one", 2)]
    for alarm in ("500 films wait", ""):
        store.node_state.beat("one", alarm=alarm)
        assert [each.alarm for each in store.node_state.heartbeats()] == [alarm]


def test_reasons_are_counted_the_most_frequent_first(store: Store) -> None:
    whys = ["it is no chest film", "a lateral view", "it is no chest film"]
    for number, why in enumerate(whys):
        store.node_films.receive(replace(new_film(number), state="left alone", why=why), Enqueued())
    store.node_films.receive(new_film(9), Enqueued())
    counted = [(each.state, each.why, each.films) for each in store.node_films.reasons()]
    assert counted == [("left alone", "it is no chest film", 2), ("left alone", "a lateral view", 1)]
    assert len(store.node_films.reasons(limit=1)) == 1


def test_a_backup_holds_films_and_sendings(
    store: Store, new_store: NewStore, tmp_path: Path, prediction: MakePrediction
) -> None:
    store.node_films.receive(new_film(), Enqueued())
    answer(store, new_film(), prediction)
    store.node_sendings.add(new_film().workflow_id, "report", ["pacs"])
    store.node_state.move_cursor("orthanc", "12")
    backup(store.database, tmp_path / "backup.db")
    database = Database(new_store())
    restore(database, tmp_path / "backup.db")
    database.close()
    with open_store(database_url := _url(database)) as again:
        assert database_url
        id_ = new_film().workflow_id
        assert again.node_films.get(id_) == store.node_films.get(id_)
        assert again.node_sendings.of(id_) == store.node_sendings.of(id_)
        assert again.node_state.cursor("orthanc") == "12"


def _url(database: Database) -> str:
    return database._url.render_as_string(hide_password=False)


def test_what_is_erased_leaves_only_where_the_files_are(store: Store, prediction: MakePrediction) -> None:
    for number in (1, 2):
        store.node_films.receive(new_film(number, study=f"study {number}"), Enqueued())
    answer(store, new_film(1, study="study 1"), prediction)
    store.retention.erase_study("study 1")
    store.retention.erase_study("study 2")  # of which nothing was answered
    for number in (1, 2):
        film = store.node_films.get(new_film(number).workflow_id)
        assert film is not None
        assert (film.state, film.file) == ("erased", f"films/{number}.dcm")
        assert film.instance == film.study == film.pixels == film.prediction == ""


def test_a_node_that_comes_back_late_undoes_nothing(store: Store, prediction: MakePrediction) -> None:
    id_ = new_film().workflow_id
    store.node_films.receive(new_film(), Enqueued())
    answer(store, new_film(), prediction)
    store.node_sendings.add(id_, "report", ["pacs"])
    store.node_sendings.accepted(id_, "report", "pacs")
    sent = store.node_films.get(id_)
    store.node_films.change(id_, "failed", "late")
    store.node_sendings.refused(id_, "report", "pacs", "late", for_good=True)
    store.node_sendings.add(id_, "report", ["pacs"])
    assert store.node_films.get(id_) == sent
    (sending,) = store.node_sendings.of(id_)
    assert (sending.state, sending.why) == ("sent", "")


def test_a_store_of_the_version_before_keeps_its_films(new_store: NewStore) -> None:
    """As it was before a column said why a capture could not be drawn."""
    url = new_store()
    with open_store(url) as store:
        before = store.node_films.receive(new_film(), Enqueued()).film
        with store.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE node_films DROP COLUMN undrawn")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    with open_store(url) as store:
        assert store.node_films.get(before.workflow_id) == before
        store.node_films.not_drawn(before.workflow_id, "the disk is full")
        assert store.node_films.undrawn() == {"the disk is full": 1}
