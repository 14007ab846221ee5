"""At the start: what is to be done by the rows and is in no queue, as after a backup was restored, is enqueued."""

from __future__ import annotations

from hilum.pacs.durable import Durable
from hilum.pacs.workflows import Enqueuing, capture_id, sending_id
from hilum.store import Store


def enqueue_missing(store: Store, durable: Durable, enqueuing: Enqueuing) -> int:
    """Enqueue what the films' rows say is still to be done and no queue knows of; gives how much.

    A backup holds the rows, and not the queues: these are DBOS' tables. Workflows are put there in the transactions
    of the rows, so that without a backup nothing is ever missing.

    Args:
        store: with the rows.
        durable: which was started.
        enqueuing: puts workflows into queues.
    """
    films = durable.unknown(store.node_films.unfinished())
    captures = {capture_id(each): each for each in store.node_films.without_capture()}
    results = {
        sending_id(each.workflow_id, each.kind, each.destination): each for each in store.node_sendings.waiting()
    }
    lost_captures, lost_results = durable.unknown(captures), durable.unknown(results)
    if films or lost_captures or lost_results:
        with store.database.write() as connection:
            for workflow_id in films:
                enqueuing.film(connection, workflow_id)
            for id_ in lost_captures:
                enqueuing.capture(connection, captures[id_])
            for id_ in lost_results:
                each = results[id_]
                enqueuing.result(connection, each.workflow_id, each.kind, [each.destination])
    return len(films) + len(lost_captures) + len(lost_results)
