"""A kind of TOML file, a recipe or another one: its text made into structs, and what is wrong with it in one line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from hilum.errors import RequestError
from hilum.recipe.refusals import explained, not_finite

S = TypeVar("S", bound=msgspec.Struct)


def _as_it_is(reason: str) -> str:
    return reason


@dataclass(frozen=True, slots=True)
class TomlFile(Generic[S]):
    """A kind of TOML file.

    Attributes:
        root: what its tables are made into.
        what: it is, such as `a recipe`.
        refusal: what is raised.
        in_words: turns msgspec's reason, with its place, into the words of whoever writes such a file.
    """

    root: type[S]
    what: str
    refusal: type[RequestError] = RequestError
    in_words: Callable[[str], str] = _as_it_is

    def read(self, text: str, source: str, change: Callable[[dict[str, Any]], None] | None = None) -> S:
        """What a text says.

        Args:
            text: TOML.
            source: names it in a refusal.
            change: changes its tables before they are converted.

        Raises:
            RequestError: it is not TOML, or a key or a value is wrong, as `refusal`; the line names it.
        """
        table = self._parsed(text, source)
        if change is not None:
            change(table)
        return self.convert(table, source)

    def _parsed(self, text: str, source: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except RecursionError:
            raise self._nested(source) from None
        except tomllib.TOMLDecodeError as error:
            raise self.refusal(f"{source}: not a TOML file ({error})") from None
        except ValueError:
            raise self.refusal(f"{source}: not {self.what} (a number of thousands of digits)") from None

    def convert(self, table: dict[str, Any], source: str) -> S:
        """What tables say.

        Args:
            table: as `tomllib` gives it.
            source: names it in a refusal.

        Raises:
            RequestError: a key or a value is wrong, as `refusal`; the line names it.
        """
        if place := not_finite(table):
            raise self.refusal(f"{source}: {place}: must be a finite number")
        try:
            return msgspec.convert(table, self.root)
        except RecursionError:
            raise self._nested(source) from None
        except msgspec.ValidationError as error:
            raise self.refusal(f"{source}: {self.in_words(explained(str(error), self.root))}") from None

    def not_text(self, source: str) -> RequestError:
        """The refusal of bytes that are no text."""
        return self.refusal(f"{source}: not a TOML file, which is UTF-8 text; save it as UTF-8")

    def _nested(self, source: str) -> RequestError:
        return self.refusal(f"{source}: not {self.what} (tables or lists nested too deeply)")
