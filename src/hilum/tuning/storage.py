"""The database of a study, and the check that a study is continued with what it was started with."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import optuna
from msgspec.structs import replace
from optuna.storages import BaseStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from hilum.errors import HilumError, RequestError
from hilum.files import require_regular
from hilum.recipe import Recipe, Tune, differences, first_few, resolved_recipe
from hilum.records import Manifest

STARTED_WITH = "begun_with"  # the study's attribute, by its name in databases of 0.1.0
_ATTEMPTS = 3
_ATTEMPTS_AT_TABLES = 20  # two workers that make a new database's tables at once get into each other's way
_PACKAGES = {"psycopg": '"psycopg[binary]"', "MySQLdb": "mysqlclient"}  # modules that pip knows by another name
_WAIT_SECONDS = 60.0  # for another worker that is writing to the same SQLite file


def open_study(url: str, recipe: Recipe, films: Manifest, *, minimize: bool) -> tuple[optuna.Study, BaseStorage]:
    """Open the study that has the recipe's name, or create it.

    Args:
        url: the database's URL, as SQLAlchemy takes it.
        recipe: the recipe with its `[tune]`.
        films: the films that every trial is trained and validated on.
        minimize: whether a smaller figure is better.

    Returns:
        The study, and the storage that it is in.

    Raises:
        RequestError: the database cannot be opened; the study was started with another recipe, search space or
            other films.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = _connect(url)
    study = optuna.create_study(
        storage=storage,
        study_name=recipe.name,
        direction="minimize" if minimize else "maximize",
        load_if_exists=True,
    )
    _check_started_with(study, url, recipe, films)
    return study, storage


@contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Turn a failure of the database while a study runs into a refusal of one line.

    Raises:
        HilumError: the database does not answer.
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        raise HilumError(
            f"{without_password(url)}: the study's database no longer answers ({_reason(error.__cause__)}); "
            "run the same command again when it does, to continue the study"
        ) from None


def without_password(url: str) -> str:
    """A database as it may be shown: its file, or its URL without the password."""
    try:
        parts = make_url(url)
    except SQLAlchemyError:
        return url
    if parts.get_backend_name() == "sqlite" and parts.database:
        return parts.database
    return parts.render_as_string(hide_password=True)


def _connect(url: str) -> optuna.storages.RDBStorage:
    for attempt in range(1, _ATTEMPTS_AT_TABLES + 1):
        try:
            sqlite = make_url(url).get_backend_name() == "sqlite"
            # A connection that lay idle through a long epoch may have been closed: it is tried before it is used.
            options: dict[str, Any] = {"pool_pre_ping": True}
            if sqlite:
                if (database := Path(make_url(url).database or "")).exists():
                    require_regular(database)
                options["connect_args"] = {"timeout": _WAIT_SECONDS}
            return optuna.storages.RDBStorage(url, engine_kwargs=options)
        except ImportError as error:
            module = getattr(error.__cause__, "name", None) or "this database's driver"
            package = _PACKAGES.get(module, module)
            raise RequestError(f"--storage {without_password(url)}: needs a driver: pip install {package}") from None
        except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
            if attempt >= (_ATTEMPTS_AT_TABLES if "already exists" in str(error) else _ATTEMPTS):
                raise RequestError(
                    f"--storage {without_password(url)}: cannot be opened ({_reason(error)}); give a database's URL, "
                    "such as sqlite:///study.db or postgresql://user:password@host/name"
                ) from None
            time.sleep(min(0.3 * attempt, 1.0))
    raise AssertionError


def _reason(error: BaseException | None) -> str:
    """The first line that is not empty, without SQLAlchemy's appendix."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _check_started_with(study: optuna.Study, url: str, recipe: Recipe, films: Manifest) -> None:
    # The number of trials may change, so that a study can be extended.
    recipe = replace(recipe, tune=replace(recipe.tune, trials=Tune().trials))
    now = {"recipe": msgspec.to_builtins(recipe), "films": _fingerprint(films), "counts": _counts(films)}
    fix = f"restore it, or start another study with another --out (in a shared database: --set name={recipe.name}-2)"
    where = f"{without_password(url)}, study '{recipe.name}'"
    # In this order: another worker notes what the study is started with before it adds a trial.
    has_trials = bool(study.get_trials(deepcopy=False))
    was = study.user_attrs.get(STARTED_WITH)
    if was is None:
        if has_trials:
            raise RequestError(f"{where}: was not started by hilum tune; {fix}")
        study.set_user_attr(STARTED_WITH, json.loads(json.dumps(now)))
        return
    old = msgspec.to_builtins(resolved_recipe(was["recipe"], where))  # with the defaults of keys that are new
    if changed := differences(old, now["recipe"]):
        raise RequestError(
            f"{where}: its recipe has changed since the study was started: {first_few(changed)}; {fix}"
        )
    if was["films"] != now["films"]:
        changed = differences(was["counts"], now["counts"]) or ["the same number, but different films"]
        raise RequestError(
            f"{where}: its films have changed since the study was started: {first_few(changed)}; {fix}"
        )


def _fingerprint(films: Manifest) -> str:
    """A hash of films, labels, patients and splits that depends neither on their order nor on their paths."""
    lines = sorted(json.dumps([film.sha256, film.label, film.subtype, film.patient, film.split]) for film in films)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _counts(films: Manifest) -> dict[str, int]:
    return dict(sorted(Counter(f"{film.split} {film.label}" for film in films).items()))
