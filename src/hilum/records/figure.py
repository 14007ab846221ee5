"""A number with its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Figure:
    """A number with its 95% interval; `None` where it is not defined (no positive film, one class only, …).

    >>> Figure(0.99512, 0.99011, 0.99842)
    0.995 (0.990–0.998)
    >>> float(Figure(0.99512))
    0.99512

    Attributes:
        value: the estimate.
        low: the interval's lower end.
        high: the interval's upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def __repr__(self) -> str:
        if self.value is None:
            return "not defined"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"

    def __str__(self) -> str:
        if self.value is None:
            return "not defined"
        if self.low is None or self.high is None:
            return f"{self.value:.4f}"
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"

    def __float__(self) -> float:
        """The value alone; NaN where it is not defined."""
        return float("nan") if self.value is None else self.value
