"""Where a study is kept, and that nobody goes on with it who began another."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import optuna
from msgspec.structs import replace
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from hilum.errors import HilumError, RequestError
from hilum.recipe import Recipe, Tune
from hilum.records import Manifest

BEGUN_WITH = "begun_with"  # the study's attribute
SHOWN = 3  # differences named one by one
_ATTEMPTS = 3  # two workers that make a new database's tables at once get into each other's way
_PACKAGES = {"psycopg": '"psycopg[binary]"', "MySQLdb": "mysqlclient"}  # modules that pip knows by another name
_WAIT_SECONDS = 60.0  # for another worker that is writing to the same SQLite file


def open_study(url: str, recipe: Recipe, films: Manifest, *, minimize: bool) -> optuna.Study:
    """Open the study of a recipe's name, or begin it.

    Args:
        url: the database's, as SQLAlchemy writes it.
        recipe: with its `[tune]`.
        films: those that every trial learns from and is validated on.
        minimize: whether less of the figure is better.

    Raises:
        RequestError: the database cannot be opened; the study was begun with another recipe, space or other films.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=_connect(url),
        study_name=recipe.name,
        direction="minimize" if minimize else "maximize",
        load_if_exists=True,
    )
    _check_begun_with(study, url, recipe, films)
    return study


@contextmanager
def translated_errors(url: str) -> Iterator[None]:
    """Say in one line that the database went away while a study ran.

    Raises:
        HilumError: it does not answer.
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        raise HilumError(
            f"{without_password(url)}: the study's database does not answer any more ({_reason(error.__cause__)}); "
            "the same command goes on with the study when it does"
        ) from None


def without_password(url: str) -> str:
    """A database as it may be shown: its file, or its URL."""
    try:
        parts = make_url(url)
    except SQLAlchemyError:
        return url
    if parts.get_backend_name() == "sqlite" and parts.database:
        return parts.database
    return parts.render_as_string(hide_password=True)


def _connect(url: str) -> optuna.storages.RDBStorage:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            sqlite = make_url(url).get_backend_name() == "sqlite"
            # A connection that lay idle through a long epoch may have been closed: it is tried before it is used.
            options: dict[str, Any] = {"pool_pre_ping": True}
            if sqlite:
                options["connect_args"] = {"timeout": _WAIT_SECONDS}
            return optuna.storages.RDBStorage(url, engine_kwargs=options)
        except ImportError as error:
            module = getattr(error.__cause__, "name", None) or "this database's driver"
            package = _PACKAGES.get(module, module)
            raise RequestError(f"--storage {without_password(url)}: needs a driver: pip install {package}") from None
        except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
            if attempt == _ATTEMPTS:
                raise RequestError(
                    f"--storage {without_password(url)}: cannot be opened ({_reason(error)}); give a database's URL, "
                    "such as sqlite:///study.db or postgresql://user:password@host/name"
                ) from None
            time.sleep(0.3 * attempt)
    raise AssertionError


def _reason(error: BaseException | None) -> str:
    """The first line that says something, without SQLAlchemy's appendix."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _check_begun_with(study: optuna.Study, url: str, recipe: Recipe, films: Manifest) -> None:
    # How many trials there are to be may change: a study goes on for longer.
    recipe = replace(recipe, tune=replace(recipe.tune, trials=Tune().trials))
    now = {"recipe": msgspec.to_builtins(recipe), "films": _fingerprint(films), "counts": _counts(films)}
    mend = (
        f"put it back, or begin another study with another --out (in a shared database: --set name={recipe.name}-2)"
    )
    where = f"{without_password(url)}, study '{recipe.name}'"
    was = study.user_attrs.get(BEGUN_WITH)
    if was is None:
        if study.get_trials(deepcopy=False):
            raise RequestError(f"{where}: was not begun by hilum tune; {mend}")
        study.set_user_attr(BEGUN_WITH, json.loads(json.dumps(now)))
        return
    old = msgspec.to_builtins(msgspec.convert(was["recipe"], Recipe))  # with the defaults of keys that are new
    if changed := list(_differences(old, now["recipe"], "")):
        raise RequestError(f"{where}: its recipe was changed since the study was begun: {_some(changed)}; {mend}")
    if was["films"] != now["films"]:
        changed = list(_differences(was["counts"], now["counts"], "")) or ["as many, but not the same"]
        raise RequestError(f"{where}: its films were changed since the study was begun: {_some(changed)}; {mend}")


def _fingerprint(films: Manifest) -> str:
    """The same for the same films with the same labels, patients and splits, in any order and wherever they lie."""
    lines = sorted(json.dumps([film.sha256, film.label, film.subtype, film.patient, film.split]) for film in films)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _counts(films: Manifest) -> dict[str, int]:
    return dict(sorted(Counter(f"{film.split} {film.label}" for film in films).items()))


def _differences(was: dict[str, Any], now: dict[str, Any], place: str) -> Iterator[str]:
    """`training.epochs 3 → 5` for each value that is another."""
    for key in dict.fromkeys([*was, *now]):
        old, new = was.get(key, "(nothing)"), now.get(key, "(nothing)")
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{place}{key}.")
        elif json.dumps(old) != json.dumps(new):
            yield f"{place}{key} {old} → {new}"


def _some(changes: list[str]) -> str:
    more = f", and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return ", ".join(changes[:SHOWN]) + more
