"""A bundle and more films than one machine should read, over a Ray cluster; Parquet parts out.

    result = predict_on_cluster(Path("films.parquet"), Path("scores"), "runs/one/bundle")

The list is cut into parts, Ray Data hands them to workers, and each worker holds one `Detector` on one core. A worker
writes its part whole or not at all and under a name that depends on the films alone, so that a part that is predicted
twice, because a worker died between writing and reporting it, is the same part.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hilum import bundle
from hilum.errors import BundleError, HilumError, RequestError
from hilum.extras import require
from hilum.inference.detector import Detector
from hilum.inference.film_list import FilmList
from hilum.locks import sole_writer
from hilum.progress import track
from hilum.records import Manifest

require("ray", "--engine ray")
import ray.data  # noqa: E402

from hilum.inference import parts  # noqa: E402
from hilum.inference.cluster_connection import connect, quiet  # noqa: E402

LISTED_FAILURES = 40  # failures that are named
_MAX_ATTEMPTS = (
    4  # workers that may die over a part before it is left out: one film that ends its reader must not stop all
)


@dataclass(frozen=True, slots=True)
class ClusterResult:
    """What became of a list of films.

    Attributes:
        films: how many different films it names.
        before: how many of them an earlier run had predicted.
        failed: how many films in the folder could not be read.
        failures: the first `LISTED_FAILURES` of them, each with the reason.
        lost: parts without predictions, because worker after worker died over them.
        stopped: how many films in the folder the gate stopped.
        skipped: what of the rule of the answer the bundle cannot apply (`Detector.skipped`).
    """

    films: int
    before: int
    failed: int
    failures: tuple[parts.Failure, ...]
    lost: tuple[str, ...]
    stopped: int = 0
    skipped: tuple[str, ...] = ()


def predict_on_cluster(
    films: Manifest | Path,
    out: Path,
    folder: Path | str = "shipped",
    prevalence: float | None = None,
    address: str | None = None,
    trusted: Path | str | None = None,
    *,
    retry: bool = False,
) -> ClusterResult:
    """Predict films on every core of a cluster, and continue where an earlier call with the same folder stopped.

    Films, bundle and `out` lie on disks that all machines see under the same paths, and all have this Hilum. A caller
    that has connected to a cluster (`ray.init`) keeps it; another is connected here.

    Args:
        films: a manifest, or a table of films (`film_list.FilmList`).
        out: a folder of Parquet parts; made where it is missing. Sorted by name, the parts follow the list's order,
            and rows follow it within a part; films that the list named only later stand in parts between.
        folder: the bundle.
        prevalence: as for `Detector.predict`.
        trusted: as for `Detector`; the workers take the bundle with the seal that was checked here, and no other.
        address: a cluster's `HOST:PORT`; without it the one that `$RAY_ADDRESS` names, else this machine's cores.
        retry: predict films again that could not be read before; their rows are replaced.

    Raises:
        BundleError: the bundle is damaged, or a machine computes something else with it.
        RequestError: the list or the folder cannot be used, or no cluster answers.
        OSError: a part cannot be written.
    """
    opened = bundle.read(folder, trusted)
    detector = Detector(opened, threads=1)
    detector.predict(Manifest(()), prevalence)  # what it refuses, it refuses here
    work = parts.PartOrigin(opened.spec.seal, "" if prevalence is None else repr(prevalence))
    if out.exists() and not out.is_dir():
        raise RequestError(f"{out}: a file; --engine ray writes a folder of Parquet parts, so name another --out")
    with sole_writer(out, folder=True):
        listed = out.absolute() / "_films.arrow"
        already = parts.read_finished(out, work, LISTED_FAILURES)
        if retry and already.failed:
            parts.take_out_failures(out, FilmList(films))
            already = parts.read_finished(out, work, LISTED_FAILURES)
        plan = parts.plan_parts(FilmList(films), already.digests, listed)
        failed, failures, stopped = already.failed, list(already.failures), already.stopped
        lost: list[str] = []
        try:
            if plan.parts:
                with connect(address):
                    job = _Job(os.path.abspath(opened.folder), str(out.absolute()), str(listed), work, prevalence)
                    for row in track(_predict_parts(job, plan.parts), "predicting parts", len(plan.parts)):
                        if row["lost"]:
                            lost.append(row["part"])
                        failed += int(row["failed"])
                        stopped += int(row["stopped"])
                        failures += zip(row["paths"], row["errors"], strict=True)
        finally:
            listed.unlink(missing_ok=True)
    named = tuple(failures[:LISTED_FAILURES])
    return ClusterResult(plan.films, plan.done, failed, named, tuple(lost), stopped, detector.skipped)


@dataclass(frozen=True, slots=True)
class _Job:
    """What every worker has to know."""

    bundle: str
    out: str
    listed: str
    work: parts.PartOrigin
    prevalence: float | None


def _predict_parts(job: _Job, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Give the parts out, two to a worker at a time, and yield a row for each as it comes back."""
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1  # a part of large films, or a cluster that has to grow first
    cores = int(ray.cluster_resources().get("CPU", 0))
    if not cores:
        raise RequestError("the Ray cluster has no CPU to run a worker on; add machines to it")
    pool = ray.data.ActorPoolStrategy(
        min_size=1, max_size=len(names), initial_size=min(cores, len(names)), max_tasks_in_flight_per_actor=2
    )
    with ray.data.DataContext.current(context), quiet():
        items = [{"number": number, "part": name} for number, name in enumerate(names)]
        done = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            _Worker,
            batch_size=None,
            compute=pool,
            num_cpus=1,
            fn_constructor_args=(job,),
        )
        try:
            for row in done.iter_rows():
                if row["errno"]:
                    raise OSError(row["errno"], os.strerror(row["errno"]), row["where"])
                if row["refusal"]:
                    raise BundleError(f"{row['where']}: {row['refusal']}")
                yield row
        except ray.exceptions.RayError as error:
            message = str(error).strip().splitlines()[-1]
            raise HilumError(f"the Ray cluster gave up ({message}); run it again") from None


class _Worker:
    """One detector on one core."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._refusal = ""
        try:
            import cv2

            cv2.setNumThreads(1)
            self._detector = Detector(job.bundle, threads=1)
            if self._detector.spec.seal != job.work.seal:
                self._refusal = f"{job.bundle} is another bundle here; put it on a disk that all machines see"
        except HilumError as error:
            self._refusal = str(error)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[Any]]:
        answers = [
            self._predict_part(int(n), str(name)) for n, name in zip(batch["number"], batch["part"], strict=True)
        ]
        return {key: [answer[key] for answer in answers] for key in answers[0]}

    def _predict_part(self, number: int, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "part": name,
            "failed": 0,
            "stopped": 0,
            "paths": [],
            "errors": [],
            "errno": 0,
            "lost": False,
        }
        answer |= {"where": socket.gethostname(), "refusal": self._refusal}
        if self._refusal:
            return answer
        tries = Path(self._job.out) / f".{name}.tries"
        try:
            with tries.open("ab") as file:
                file.write(b".")
                if file.tell() > _MAX_ATTEMPTS:
                    return answer | {"lost": True}
            films = Manifest(tuple(parts.read_planned(Path(self._job.listed), number)))
            predictions = self._detector.predict(films, self._job.prevalence)
            parts.write_part(predictions, self._job.work, Path(self._job.out) / name)
            tries.unlink()
        except OSError as error:
            return answer | {
                "errno": error.errno or 0,
                "where": str(error.filename or self._job.out),
                "refusal": str(error),
            }
        failed = predictions.failed
        named = [(parts.as_unicode(row.film.path), parts.as_unicode(row.error)) for row in failed[:LISTED_FAILURES]]
        return answer | {
            "failed": len(failed),
            "stopped": sum(row.stopped for row in predictions),
            "paths": [path for path, _ in named],
            "errors": [why for _, why in named],
        }
