"""At the start: what is to be done by the rows and is in no queue, as after a backup was restored, is enqueued."""

from __future__ import annotations

from hilum.pacs.durable import Durable
from hilum.pacs.enqueuing import Enqueuing, capture_id, sending_id
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
    waiting = store.node_sendings.waiting()
    unfinished, undrawn = store.node_films.unfinished(), store.node_films.without_capture()
    if not (waiting or unfinished or undrawn):
        return 0
    active = durable.active()
    films = [each for each in unfinished if each not in active]
    captures = [each for each in undrawn if capture_id(each) not in active]
    results = [each for each in waiting if sending_id(each.workflow_id, each.kind, each.destination) not in active]
    if films or captures or results:
        with store.database.write() as connection:
            for workflow_id in films:
                enqueuing.film(connection, workflow_id, again=True)
            for workflow_id in captures:
                enqueuing.capture(connection, workflow_id, again=True)
            for each in results:
                enqueuing.again(connection, each)
    return len(films) + len(captures) + len(results)
