"""What was answered to whom, what readers say of it, and who did what: in SQLite, or in PostgreSQL.

    store = open_store("hilum.db")
    stored = store.predictions.put(NewPrediction(...))      # twice the same request: the same row
    store.predictions.search(Search(user="ada", order="work-list"))
    store.verdicts.add(stored.id, "ada", "accept")
    store.audit.entries()
    store.retention.expire_films()

Every call is a transaction: what it has given back is on the disk. Failures are `StoreError`s, of one line.
"""

from hilum.store.accounts import AccessToken, Account, Accounts
from hilum.store.audit import AuditLog, Head
from hilum.store.backup import Copied, backup, restore
from hilum.store.database import Database
from hilum.store.feedback import Exported, export_feedback
from hilum.store.node_records import (
    FILM_STATES,
    UNFINISHED,
    WORKFLOW_DIGITS,
    Backlog,
    FilmReason,
    FilmState,
    Heartbeat,
    NewNodeFilm,
    NodeDestination,
    NodeFilm,
    NodeSending,
    ReceivedFilm,
    SendingState,
)
from hilum.store.observations import observations
from hilum.store.predictions import StoredPredictions
from hilum.store.records import (
    DECISIONS,
    AuditEntry,
    Decision,
    Lane,
    NewPrediction,
    Order,
    Page,
    PredictionKey,
    Search,
    StoredPrediction,
    Verdict,
)
from hilum.store.retention import Erased, Retention
from hilum.store.store import Store, open_store
from hilum.store.verdicts import Verdicts
from hilum.store.verify import Verified, verify
from hilum.store.worklist import priority

__all__ = [
    "DECISIONS",
    "FILM_STATES",
    "UNFINISHED",
    "WORKFLOW_DIGITS",
    "AccessToken",
    "Account",
    "Accounts",
    "AuditEntry",
    "AuditLog",
    "Backlog",
    "Copied",
    "Database",
    "Decision",
    "Erased",
    "Exported",
    "FilmReason",
    "FilmState",
    "Head",
    "Heartbeat",
    "Lane",
    "NewNodeFilm",
    "NewPrediction",
    "NodeDestination",
    "NodeFilm",
    "NodeSending",
    "Order",
    "Page",
    "PredictionKey",
    "ReceivedFilm",
    "Retention",
    "Search",
    "SendingState",
    "Store",
    "StoredPrediction",
    "StoredPredictions",
    "Verdict",
    "Verdicts",
    "Verified",
    "backup",
    "export_feedback",
    "observations",
    "open_store",
    "priority",
    "restore",
    "verify",
]
