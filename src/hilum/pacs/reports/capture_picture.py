"""The picture of an answer: the film with its heat map, and below it the answer in words.

No word of it is the patient's. Letters are Pillow's own typeface, so that the picture is the same on every machine.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hilum.pacs.records import ReportContent
from hilum.pacs.reports.charset import Charset
from hilum.pacs.reports.codes import finding_classes, presence_code
from hilum.pacs.reports.common import RESEARCH_ONLY, model_name, plain_text, refusal_of, version_of
from hilum.records import NOT_SURE
from hilum.renderings import heat_layer, over_film

LONGEST = 1024  # pixels of the picture's longer side
_SMALLER = 768  # for a film that is smaller than that
_NARROWEST = 0.7  # of the longer side, so that a line holds some words
_LARGE, _SMALL, _MARGIN = 0.042, 0.027, 0.02  # of the longer side
_WHITE, _GREY, _AMBER, _BLACK = (255, 255, 255), (205, 205, 205), (255, 196, 64), (12, 12, 12)
_MOST_LINES = 4  # of one sentence; below a film there is no room for more


class _Line(NamedTuple):
    """A line of text.

    Attributes:
        text: in ASCII.
        size: of its letters, in pixels.
        colour: red, green, blue.
    """

    text: str
    size: int
    colour: tuple[int, int, int]


def draw_capture(
    content: ReportContent, film: NDArray[np.uint8] | None = None, heat: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """Draw an answer.

    Args:
        content: what there is to say.
        film: (height, width), as it looks on a screen; None for one that could not be read.
        heat: (h, w), of the film's proportions; what speaks for the finding, 1 as the strongest. It is not drawn for
            a film that was not judged.

    Returns:
        (height, width, 3) uint8, RGB, at most 1,024 pixels on the longer side.
    """
    box = LONGEST if film is None or max(film.shape) >= _SMALLER else _SMALLER
    aspect = 1.0 if film is None else film.shape[1] / film.shape[0]
    width = round(box * min(1.0, max(_NARROWEST, aspect)))
    legend = heat is not None and film is not None and not refusal_of(content)
    band = _band(_lines(content, box, legend=legend), width, round(box * _MARGIN), box)
    if film is None:
        return band
    room = box - band.shape[0]
    scale = min(width / film.shape[1], room / film.shape[0])
    height, across = (max(1, int(side * scale)) for side in film.shape)
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = np.asarray(cv2.resize(film, (across, height), interpolation=smooth), np.uint8)
    coloured = np.dstack([shown] * 3)
    if legend and heat is not None:
        coloured = over_film(shown, heat_layer(heat, shown.shape, strongest=1.0))
    canvas = np.zeros((height + band.shape[0], width, 3), np.uint8)
    left = (width - across) // 2
    canvas[:height, left : left + across] = coloured
    canvas[height:] = band
    return canvas


def headline(content: ReportContent) -> str:
    """The answer in a few words.

    Args:
        content: what there is to say.
    """
    row, classes = content.answer.row, content.detector.classes
    if refusal_of(content):
        return "Not judged"
    if row.answer == NOT_SURE:
        return "Not sure"
    findings = finding_classes(classes)
    named = row.answer if row.answer in findings else findings[-1] if len(findings) == 1 else row.answer
    presence = presence_code(row.answer, named, classes)
    return named if presence is None or named not in findings else f"{named}: {presence.meaning.lower()}"


def shown_probability(prob: float) -> str:
    """A probability with three decimals, and no certainty.

    >>> shown_probability(0.873421), shown_probability(0.9997), shown_probability(0.0)
    ('0.873', 'over 0.999', 'under 0.001')
    """
    return {"1.000": "over 0.999", "0.000": "under 0.001"}.get(f"{prob:.3f}", f"{prob:.3f}")


def _lines(content: ReportContent, box: int, *, legend: bool) -> list[_Line]:
    large, small = round(box * _LARGE), round(box * _SMALL)
    detector, row, refusal = content.detector, content.answer.row, refusal_of(content)
    words = [(headline(content), large, _WHITE)]
    if not refusal and row.probs:
        words.append((_probabilities(content), small, _WHITE))
    words.append((refusal or plain_text(content, row.why), small, _GREY))
    if legend:
        finding = row.prediction if len(detector.classes) > 2 else detector.classes[-1]
        words.append((f"Colours, violet to yellow: what speaks for {finding}", small, _GREY))
    model = f"Model {model_name(detector)}, {version_of(detector)}, seal {detector.seal[:12]}"
    words.append((f"{model}, operating point {detector.operating_point}", small, _GREY))
    words.append((RESEARCH_ONLY, small, _AMBER))
    return [_Line(Charset().encode(text).decode(), size, colour) for text, size, colour in words if text]


def _probabilities(content: ReportContent) -> str:
    detector, probs = content.detector, content.answer.row.probs
    if detector.threshold is None or len(detector.classes) > 2:
        named = zip(detector.classes, probs, strict=False)
        return "Probabilities: " + ", ".join(f"{name} {shown_probability(prob)}" for name, prob in named)
    side = "at or above" if probs[-1] >= detector.threshold else "below"
    name, threshold = detector.classes[-1], f"the threshold of {detector.threshold:.3f}"
    return f"Probability of {name} {shown_probability(probs[-1])}, {side} {threshold}"


def _band(lines: list[_Line], width: int, margin: int, most: int) -> NDArray[np.uint8]:
    """Lines below each other, wrapped to a width; no higher than `most`."""
    rows: list[tuple[str, _Line]] = []
    for line in lines:
        rows += [(text, line) for text in _wrapped(line, width - 2 * margin)]
    heights = [round(line.size * 1.3) for _, line in rows]
    height = min(most, sum(heights) + 2 * margin)
    picture = Image.new("RGB", (width, height), _BLACK)
    draw, top = ImageDraw.Draw(picture), margin
    for (text, line), below in zip(rows, heights, strict=True):
        draw.text((margin, top), text, font=_font(line.size), fill=line.colour)
        top += below
    return np.array(picture, np.uint8)


def _wrapped(line: _Line, width: int) -> list[str]:
    """A text in lines that fit; words that are longer than a line are cut into parts."""
    font, done, current = _font(line.size), [], ""
    for word in line.text.split():
        for part in _parts(word, font, width):
            longer = f"{current} {part}".strip()
            if current and font.getlength(longer) > width:
                done.append(current)
                current = part
            else:
                current = longer
    done.append(current)
    if len(done) > _MOST_LINES:
        done = [*done[: _MOST_LINES - 1], f"{done[_MOST_LINES - 1][:-3]}..."]
    return done


def _parts(word: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    letters = max(1, int(len(word) * width / max(1.0, font.getlength(word))) - 1)
    return (
        [word] if font.getlength(word) <= width else [word[at : at + letters] for at in range(0, len(word), letters)]
    )


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels all have FreeType
    return font
