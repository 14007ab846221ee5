"""What the API takes and gives, as OpenAPI describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VerdictKind = Literal["accept", "modify", "reject"]
Order = Literal["newest", "oldest", "worklist"]


class ModelOut(BaseModel):
    """A detector that films can be sent to."""

    name: str = Field(description="How requests name it.")
    seal: str = Field(description="SHA-256 that stands for everything in its bundle.")
    recipe: str
    system: str = Field(description="What it is, in words.")
    classes: list[str] = Field(description="Of two classes the last one is the positive one.")
    threshold: float | None = Field(description="The probability from which on the positive class is predicted.")
    learnt_from: str = Field(description="The films that it was trained on, in words.")
    validation_auroc: float | None
    missing: list[str] = Field(description="What of the rule of the answer it cannot apply, in sentences.")


class ModelReference(BaseModel):
    """Which detector answered."""

    name: str
    seal: str


class FilmOut(BaseModel):
    """What is known of a film."""

    sha256: str = Field(description="Of its bytes.")
    bytes: int = Field(description="Of the file, as it was sent in.")
    width: int = Field(description="In pixels; 0 where it could not be read.")
    height: int
    available: bool = Field(description="Whether its pixels are still kept.")
    until: datetime | None = Field(
        description="Until when they are kept; null without an end, or where they are gone."
    )
    view: str = Field(description="Of a DICOM, such as PA; else empty.")
    age: str = Field(description="Of a DICOM's patient, such as 034Y; else empty.")


class VerdictIn(BaseModel):
    """What a reader says of an answer, in the words of IHE AIRA."""

    model_config = ConfigDict(extra="forbid")

    verdict: VerdictKind = Field(
        description="accept: it is right; modify: another class is; reject: it is of no use."
    )
    label: str = Field("", max_length=200, description="The class that the reader sees; needed to modify.")
    comment: str = Field("", max_length=2000)
    blind: bool = Field(False, description="Whether it was given before the answer was shown.")


class VerdictOut(VerdictIn):
    """A reader's verdict."""

    by: str
    at: datetime


class PredictionOut(BaseModel):
    """The answer to one film (docs/concepts/answer.md)."""

    id: str
    created: datetime
    model: ModelReference
    film: FilmOut
    answer: str = Field(description="A class, 'not sure' or 'not judged'.")
    why: str = Field(description="The reason, as one sentence.")
    notes: list[str] = Field(description="What a person should know besides.")
    probabilities: dict[str, float] = Field(description="By class; empty where the film could not be read.")
    threshold: float | None
    plausible: list[str] = Field(description="The classes in the film's prediction set.")
    prevalence: float | None = Field(description="That the probabilities were corrected to.")
    error: str = Field(description="Why the film could not be read; empty where it could.")
    verdict: VerdictOut | None
    repeated: bool = Field(description="Whether the same film had the same question before, from the same user.")


class PredictionsOut(BaseModel):
    """The answers to the films of a request, in their order."""

    predictions: list[PredictionOut]


class PageOut(BaseModel):
    """A page of answers that were given before."""

    predictions: list[PredictionOut]
    total: int
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class ModelsOut(BaseModel):
    """The detectors."""

    models: list[ModelOut]


class HealthOut(BaseModel):
    """Whether the service works."""

    status: Literal["ok", "starting", "stopping", "broken"]
    detail: str = ""
