"""The pages that Hilum writes: one frame, one style sheet, one way to draw. None needs a network."""

from hilum.pages.render import render
from hilum.pages.svg import FIRST, INK, MUTED, RULE, SECOND, Sheet, sheet, whole_numbers

__all__ = ["FIRST", "INK", "MUTED", "RULE", "SECOND", "Sheet", "render", "sheet", "whole_numbers"]
