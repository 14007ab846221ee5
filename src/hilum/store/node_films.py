"""The films that nodes were sent: each one's row, from when it was received until its files are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, or_, select

from hilum.store.columns import clean
from hilum.store.new_predictions import insert_predictions
from hilum.store.node_queries import NodeFilmQueries, film_of
from hilum.store.node_records import UNFINISHED, FilmState, NewNodeFilm, NodeFilm, ReceivedFilm
from hilum.store.records import NewPrediction
from hilum.store.tables import node_films, node_sendings, predictions

# A workflow's id, in the transaction of its film's row, and whether the film was enqueued before.
Enqueue = Callable[[Connection, str, bool], None]
_GIVEN_UP = ("left alone", "failed")  # states of films that are answered when they are sent once more and now can be
_AT = node_films.c
_OTHER_PIXELS = "a film with the same SOP Instance UID and other pixels was received before"


class NodeFilms(NodeFilmQueries):
    """The films of all nodes on a store."""

    def receive(self, new: NewNodeFilm, enqueue: Enqueue) -> ReceivedFilm:
        """Note a film and enqueue it, both or neither; one that was sent before is not noted again.

        The same film is one with the same SOP Instance UID and the same pixels, for the same detector or not answered
        yet. One that was left alone or has failed, and is sent once more where it is answered now, begins anew. One
        with the same UID and other pixels is noted as quarantined, and not enqueued.

        Args:
            new: the film.
            enqueue: is called in the transaction with the workflow's id, for a film that is `received`.

        Raises:
            StoreError: the database does not answer or is full; nothing was noted and nothing enqueued.
        """
        now = datetime.now(UTC)
        same = _AT.workflow_id == new.workflow_id
        if new.instance:
            same = or_(same, _AT.instance == new.instance)
        with self._database.write(first=True) as connection:
            there = [
                film_of(row) for row in connection.execute(select(node_films).where(same).order_by(_AT.received))
            ]
            for each in there:
                is_same = each.pixels == new.pixels and (each.seal == new.seal or each.answered is None)
                if each.workflow_id == new.workflow_id or (is_same and each.instance == new.instance):
                    if each.state not in _GIVEN_UP or new.state != "received":
                        return ReceivedFilm(each, is_new=False)
                    begun = {"state": "received", "why": clean(new.why), "file": clean(new.file)}
                    begun |= {"report": "", "capture": "", "undrawn": ""}
                    mine = node_films.update().where(_AT.workflow_id == each.workflow_id)
                    connection.execute(mine.values(**begun, received=now, changed=now, answered=None, place=0))
                    enqueue(connection, each.workflow_id, True)
                    return ReceivedFilm(_one(connection, each.workflow_id), is_new=True, replaced=each.file)
            others = any(each.pixels != new.pixels for each in there)
            state: FilmState = "quarantined" if others and new.state == "received" else new.state
            connection.execute(
                node_films.insert().values(
                    **{name: clean(getattr(new, name)) for name in _GIVEN},
                    state=state,
                    why=_OTHER_PIXELS if state == "quarantined" else clean(new.why),
                    received=now,
                    changed=now,
                    place=0,
                    prediction_id="",
                    shown="",
                    earlier=[],
                    report="",
                    capture="",
                )
            )
            if state == "received":
                enqueue(connection, new.workflow_id, False)
            return ReceivedFilm(_one(connection, new.workflow_id), is_new=True)

    def answer(
        self,
        workflow_id: str,
        new: NewPrediction | None,
        *,
        seal: str,
        operating_point: str,
        shown: str = "",
        why: str = "",
        report: str,
        capture: str,
        shadow: bool = False,
    ) -> NodeFilm:
        """Store a film's answer once: what is there already is given back as it is.

        It outlives a power cut once `NodeSendings.add` has noted the report; before that nobody has it.

        In the same transaction it is given its place in the order of the answers, and the films of its study that
        have one are noted as earlier. So they are the same ones whenever the report is made again.

        Args:
            workflow_id: of the film.
            new: the prediction; None for a film that none was made of.
            seal: of the bundle that has answered.
            operating_point: likewise.
            shown: where on the film the answer was looked for, as JSON.
            why: no prediction was made.
            report: the SOP Instance UID of the report; empty where none is to be made.
            capture: likewise of the picture.
            shadow: whether the report is not sent.

        Raises:
            StoreError: the database does not answer; nothing was stored.
        """
        with self._database.write(synced=False) as connection:
            film = _one(connection, workflow_id)
            if film.answered is not None or film.state not in UNFINISHED:
                return film
            prediction, created = "", datetime.now(UTC)
            if new is not None:
                (key,) = insert_predictions(connection, [new])
                columns = select(predictions.c.id, predictions.c.created).where(predictions.c.key == key)
                prediction, created = connection.execute(columns).one()
            last = connection.execute(select(func.max(_AT.place))).scalar() or 0
            earlier: Sequence[str] = []
            if film.study:
                of_study = [_AT.study == film.study, _AT.place > 0, _AT.report != ""]
                if not shadow:  # the reports of the shadow mode are nowhere
                    of_study.append(_AT.state != "shadow")
                earlier = connection.scalars(select(_AT.workflow_id).where(*of_study).order_by(_AT.place)).all()
            connection.execute(
                node_films.update()
                .where(_AT.workflow_id == workflow_id)
                .values(
                    seal=clean(seal),
                    operating_point=clean(operating_point),
                    state="answered" if report else "left alone",
                    why=clean(why),
                    changed=datetime.now(UTC),
                    answered=created,
                    place=last + 1,
                    prediction_id=prediction,
                    shown=shown,
                    earlier=list(earlier),
                    report=report,
                    capture=capture,
                )
            )
            return _one(connection, workflow_id)

    def change(self, workflow_id: str, state: FilmState, why: str = "") -> None:
        """Note that a film is further, whose report is still to be made; of any other one nothing changes.

        So a node that hung and comes back late does not undo what another one has done meanwhile.
        """
        values = {"state": state, "why": clean(why), "changed": datetime.now(UTC)}
        waits = (_AT.workflow_id == workflow_id, _AT.state.in_(("received", "answered")))
        with self._database.write() as connection:
            connection.execute(node_films.update().where(*waits).values(values))

    def not_drawn(self, workflow_id: str, why: str) -> None:
        """Note why a film's capture could not be drawn; `NodeSendings.add` takes it away when it is."""
        with self._database.write() as connection:
            connection.execute(node_films.update().where(_AT.workflow_id == workflow_id).values(undrawn=clean(why)))

    def move_file(self, workflow_id: str, file: str) -> None:
        """Note where a film's file is now; empty where it is gone."""
        with self._database.write(synced=False) as connection:
            connection.execute(node_films.update().where(_AT.workflow_id == workflow_id).values(file=clean(file)))

    def forget(self, workflow_id: str) -> None:
        """Remove the row of a film that was erased, once its files are gone."""
        with self._database.write() as connection:
            connection.execute(delete(node_sendings).where(node_sendings.c.workflow_id == workflow_id))
            connection.execute(delete(node_films).where(_AT.workflow_id == workflow_id, _AT.state == "erased"))


_GIVEN = (
    "workflow_id", "instance", "study", "pixels", "seal", "operating_point", "node", "source", "file",
)  # fmt: skip


def _one(connection: Connection, workflow_id: str) -> NodeFilm:
    return film_of(connection.execute(select(node_films).where(_AT.workflow_id == workflow_id)).one())
