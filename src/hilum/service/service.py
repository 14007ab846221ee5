"""A service's one object: detectors, store and pipeline, and what the API and the page both ask of them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from fastapi import Request

from hilum import bundle
from hilum.answering.names import model_names
from hilum.answering.reading import ReadingPool
from hilum.errors import RequestError, StoreError
from hilum.inference import Detector
from hilum.records import Film
from hilum.service.access import Access, Caller
from hilum.service.archive import Archive
from hilum.service.guard import Rates
from hilum.service.metrics import Metrics
from hilum.service.pipeline import Pipeline
from hilum.service.problems import Problem
from hilum.service.receiving import receive_films
from hilum.service.settings import ServiceSettings
from hilum.service.unpacking import unpack
from hilum.service.uploads import Upload, content_of
from hilum.store import NewPrediction, Page, PredictionKey, Search, Store, StoredPrediction, Verdict, open_store

logger = logging.getLogger("hilum")

_SIGN_INS_A_MINUTE = 10
_EXPIRY_SECONDS = 60.0  # between two looks for films whose time is over


class FilmAnswer(NamedTuple):
    """The answer to a film of a request.

    Attributes:
        upload: the film.
        stored: the answer.
        repeated: whether it was there before.
    """

    upload: Upload
    stored: StoredPrediction
    repeated: bool


class Service:
    """What answers requests.

    Attributes:
        settings: how it is set up.
        names: what requests call the detectors.
        detectors: in the order of the names.
        store: what is kept.
        has_node: whether a node in a hospital's network worked on it when the service started, or has since then.
        archive: the store, from asyncio.
        pipeline: from a film to its answer.
        access: says who asks.
        metrics: counts what happens.
        spool: the folder for films while they arrive.
        heatmaps: those that were drawn last, by prediction.
        explaining: held by whoever draws one.
        stopping: whether it takes no further requests.
    """

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        """Open the bundles and the store, and start the processes that read films.

        Raises:
            BundleError: as for `Detector`.
            RequestError: as for `Detector` and `open_store`; or a bundle is named twice.
            StoreError: the store does not answer.
        """
        self.settings, self.metrics, self.stopping = settings, metrics, False
        self.spool = _emptied(settings.folder)
        opened = [bundle.read(each, settings.trusted) for each in settings.bundles]
        seals = [each.spec.seal for each in opened]
        if len(set(seals)) < len(seals):
            raise RequestError("the same bundle is named twice; name each once")
        pool = ReadingPool(opened, settings.workers, settings.reading)  # the processes open them meanwhile
        try:
            self.detectors = [Detector(each, threads=1) for each in opened]
            self.store: Store = open_store(settings.store)
        except BaseException:
            pool.close()
            raise
        self.names = model_names(self.detectors)
        self.has_node = bool(self.store.node_state.heartbeats())
        self.archive = Archive(self.store)
        self.access = Access(self.store, settings)
        self._sign_ins, self._hashing = Rates(_SIGN_INS_A_MINUTE), asyncio.Semaphore(2)
        self.heatmaps: OrderedDict[str, bytes] = OrderedDict()
        self.explaining = asyncio.Semaphore(1)  # a heat map may take dozens of forward passes
        self.pipeline = Pipeline(self.detectors, pool, metrics, settings.queue_size, settings.deadline)

    def number_of(self, model: str | None) -> int:
        """The number of the detector that a request names, by its name or its seal; the first one without.

        Raises:
            Problem: 404 where there is none.
        """
        for number, (name, detector) in enumerate(zip(self.names, self.detectors, strict=True)):
            if model in (None, "", name, detector.spec.seal):
                return number
        raise Problem(404, f"there is no such detector; the service has {', '.join(self.names)}")

    async def answer_request(
        self, request: Request, caller: Caller, model: str | None, prevalence: float | None
    ) -> list[FilmAnswer]:
        """Answer the films of a request: each stored answer with its film.

        Raises:
            Problem: a request that cannot be taken; 422 where its only film cannot be read.
        """
        number = self.number_of(model)
        if prevalence is not None:
            try:
                self.detectors[number].threshold(prevalence)
            except RequestError as error:
                raise Problem(422, f"prevalence: {error}") from None
        if self.stopping:
            raise Problem(503, "the service is stopping; send the films again in a moment", {"Retry-After": "5"})
        async with self.pipeline.arriving():
            uploads = await receive_films(request, self.spool, self.settings.uploads)
        try:
            async with self.pipeline.admitted():
                async with self.pipeline.within_deadline():
                    films = await unpack(uploads, self.pipeline, self.spool, self.settings.uploads)
                return await self.answer_uploads(films, caller, number, prevalence)
        finally:
            for each in uploads:
                each.discard()

    async def answer_uploads(
        self, uploads: Sequence[Upload], caller: Caller, number: int, prevalence: float | None
    ) -> list[FilmAnswer]:
        """Answer films that have arrived; their files go."""
        try:
            async with self.pipeline.within_deadline():
                alone = len(uploads) == 1
                # The same film twice in one request is one film.
                first = {each.sha256: each for each in uploads}
                async with asyncio.TaskGroup() as group:
                    tasks = {
                        sha256: group.create_task(self._answer(each, caller, number, prevalence, alone=alone))
                        for sha256, each in first.items()
                    }
            return [FilmAnswer(each, *tasks[each.sha256].result()) for each in uploads]
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            for each in uploads:
                each.discard()

    async def _answer(
        self, upload: Upload, caller: Caller, number: int, prevalence: float | None, *, alone: bool
    ) -> tuple[StoredPrediction, bool]:
        detector, name = self.detectors[number], self.names[number]
        key = PredictionKey(
            caller.user, upload.sha256, detector.spec.seal, detector.spec.operating_point.rule, prevalence
        )
        there = await self.archive.find(key)
        kept = self.settings.kept
        wants_film = kept is None or kept.total_seconds() > 0
        if there is not None and (there.has_film or not wants_film):
            if there.row.error and alone:
                raise _unreadable(there.row.error)
            return there, True
        row, header, _, retry = await self.pipeline.answer(upload.path, number, prevalence)
        if row.error and alone:
            raise _unreadable(row.error)
        new = NewPrediction(
            key=key,
            row=replace(row, film=Film("", age=header.age, sex=header.sex, view=header.view)),
            classes=detector.classes,
            threshold=detector.threshold(prevalence),
            model=name,
            patient=self.store.pseudonym("patient", header.patient),
            study=self.store.pseudonym("study", header.study),
            film_bytes=upload.bytes,
            film=await content_of(upload) if wants_film else None,
            keep_until=None if kept is None else datetime.now(UTC) + kept,
            retry=retry,
        )
        stored = await self.archive.put(new)
        self.metrics.answers.labels(name, row.answer).inc()
        return stored, there is not None

    async def prediction(self, id_: str, caller: Caller) -> StoredPrediction:
        """A stored answer that the caller may see.

        Raises:
            Problem: 404 where there is none.
        """
        stored = await self.archive.call(
            self.store.predictions.get, id_, None if caller.may_read_all else caller.user
        )
        if stored is None:
            raise Problem(404, "there is no such prediction, or it is somebody else's")
        return stored

    async def verdicts(self, rows: Sequence[StoredPrediction], caller: Caller) -> dict[str, Verdict]:
        """The caller's own verdicts that stand, by prediction."""
        if not rows:
            return {}
        found = await self.archive.call(self.store.verdicts.of, [row.id for row in rows])
        return {id_: mine[-1] for id_, all_ in found.items() if (mine := [v for v in all_ if v.user == caller.user])}

    async def search(self, search: Search, caller: Caller) -> Page:
        """A page of stored answers that the caller may see.

        Raises:
            Problem: 422 for a search that cannot be.
        """
        mine = replace(search, user=None if caller.may_read_all else caller.user)
        try:
            return await self.archive.call(self.store.predictions.search, mine)
        except RequestError as error:
            raise Problem(422, str(error)) from None

    @asynccontextmanager
    async def signing_in(self, address: str) -> AsyncIterator[None]:
        """Check a password in this block: a few at a time, and a few a minute of an address.

        Raises:
            Problem: 429 where an address has tried too often.
        """
        if wait := self._sign_ins.wait(address):
            raise Problem(429, f"too many attempts to sign in; try again in {wait} s", {"Retry-After": str(wait)})
        async with self._hashing:
            yield

    async def expire(self) -> None:
        """Remove films whose time is over, again and again."""
        while True:
            with suppress(StoreError):
                await asyncio.to_thread(self.store.retention.expire_films)
            await asyncio.sleep(_EXPIRY_SECONDS)

    def close(self) -> None:
        """Finish what was taken, then close everything."""
        self.stopping = True
        self.pipeline.close()
        self.archive.close()
        self.store.close()
        for left in self.spool.iterdir():
            left.unlink(missing_ok=True)


def _unreadable(error: str) -> Problem:
    return Problem(422, f"the film could not be read: {error}")


def _emptied(folder: Path) -> Path:
    """The folder for films while they arrive, which nobody else reads; what a killed service has left there goes."""
    spool = folder / "arriving"
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(spool, 0o700)
    for left in spool.iterdir():
        left.unlink(missing_ok=True)
    return spool
