"""The one answer to a film: a class, that the detector is not sure, or that it does not judge such a film.

A prediction is a class at a threshold, whatever the film is. The answer is what may be read off: it is a class only
if the gate lets the film pass, and if the prediction set holds that class and no other (classification with a reject
option: Chow, IEEE Trans. Inf. Theory 16 (1970): 41–46). Everything that shows an answer takes it from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hilum.records.reasons import NO_LUNGS

NOT_JUDGED = "not judged"
NOT_SURE = "not sure"
ABSTENTIONS = (NOT_SURE, NOT_JUDGED)


class Answer(NamedTuple):
    """The answer to one film.

    Attributes:
        answer: the name of a class, or `NOT_SURE`, or `NOT_JUDGED`.
        why: the reason, as one sentence.
    """

    answer: str
    why: str


def answer_of(
    classes: Sequence[str],
    prediction: str,
    plausible: Sequence[str] | None,
    stopped: str | None,
    error: str = "",
    unsure: str = "",
) -> Answer:
    """Answer for a film, by the first of these that applies.

    1. It could not be read, or the gate stopped it: `NOT_JUDGED`.
    2. Something of the film itself speaks against any answer, such as that it is unlike the films that the detector
       learnt from: `NOT_SURE`. So it is where its prediction set holds several classes or none, and where the set
       holds one of two classes, and the threshold says the other.
    3. The class that is alone in the set. Of two classes it is the one that the threshold says, too.

    Without a gate the first step is skipped, and without prediction sets what they say in the second: then the
    predicted class is the answer. The reason says so.

    >>> answer_of(("NORMAL", "PNEUMONIA"), "PNEUMONIA", ("PNEUMONIA",), "").why
    'Only PNEUMONIA is plausible and the probability of PNEUMONIA reaches the threshold.'
    >>> answer_of(("NORMAL", "PNEUMONIA"), "PNEUMONIA", ("NORMAL", "PNEUMONIA"), "").answer
    'not sure'
    >>> answer_of(("NORMAL", "PNEUMONIA"), "PNEUMONIA", ("PNEUMONIA",), "looks like noise").answer
    'not judged'
    >>> answer_of(("NORMAL", "PNEUMONIA"), "PNEUMONIA", ("PNEUMONIA",), "", unsure="it is blurred").why
    'It is blurred.'

    Args:
        classes: of the detector; of two, the last one is the positive class.
        prediction: the predicted class, by the threshold of two classes, else the most probable one; it is not read
            where `error` is set.
        plausible: the classes in the film's prediction set; None where the detector has no prediction sets.
        stopped: why the film is not judged, in words that follow "it", or from "no lungs found" on; empty where it
            is, and None where it is, by a detector that has no gate.
        error: why the film could not be read; empty where it could.
        unsure: what of the film speaks against any answer, as the beginning of a sentence; empty where nothing does.
    """
    if error:
        return Answer(NOT_JUDGED, _sentence(f"it could not be read: {error}"))
    if stopped:
        why = stopped if stopped.startswith(NO_LUNGS) else f"it {stopped}"
        return Answer(NOT_JUDGED, _sentence(f"it is no film of the kind that the detector was made for: {why}"))
    if unsure:
        return Answer(NOT_SURE, _sentence(unsure))
    answer, reasons = _of_checked(tuple(classes), prediction, plausible)
    if stopped is None:
        reasons += " and no gate" if plausible is None else "; the detector has no gate"
        reasons += " that could say whether it was made for such films"
    return Answer(answer, _sentence(reasons))


def _of_checked(classes: tuple[str, ...], prediction: str, plausible: Sequence[str] | None) -> tuple[str, str]:
    """The answer for a film that no gate stopped, and why, as the beginning of a sentence."""
    called = _called(classes, prediction)
    if plausible is None:
        return prediction, f"{called}; the detector has no prediction sets that could confirm it"
    if not plausible:
        return NOT_SURE, "no class is plausible: the film is unlike most films of every class"
    if len(plausible) == 2:
        return NOT_SURE, f"both {plausible[0]} and {plausible[1]} are plausible"
    if len(plausible) > 2:
        return NOT_SURE, f"several classes are plausible: {', '.join(plausible[:-1])} and {plausible[-1]}"
    (alone,) = plausible
    if len(classes) > 2:
        return alone, f"only {alone} is plausible"
    if alone != prediction:
        return NOT_SURE, f"only {alone} is plausible but {called}"
    return alone, f"only {alone} is plausible and {called}"


def _called(classes: tuple[str, ...], prediction: str) -> str:
    """What made a class the predicted one."""
    if len(classes) > 2:
        return f"the most probable class is {prediction}"
    side = "reaches" if prediction == classes[-1] else "is below"
    return f"the probability of {classes[-1]} {side} the threshold"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." * (not text.endswith("."))
