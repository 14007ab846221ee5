"""Text from outside, such as a file's name, for a terminal, a message or a page of Markdown: always on one line."""

from __future__ import annotations

import unicodedata

_MARKDOWN = frozenset("\\`*_[]<>|#~")


def printable(text: object) -> str:
    r"""Text in which everything that a terminal would act on is written out instead.

    That is control characters (line feeds and the escape that begins a colour or moves the cursor among them), the
    marks that turn the direction of writing, and bytes that are no Unicode.

    >>> print(printable("film\x1b[2J\n.png"), printable("肺 ä.png"))
    film\x1b[2J\n.png 肺 ä.png
    """
    whole = str(text)
    if whole.isprintable():
        return whole
    return "".join(letter if _is_shown(letter) else ascii(letter)[1:-1] for letter in whole)


def one_line(text: object) -> str:
    r"""Text as one line of words: what cannot be printed, and any number of blanks, become one space.

    >>> one_line("damaged\n  at byte 7")
    'damaged at byte 7'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())


def markdown(text: object) -> str:
    r"""Text that Markdown shows as it is, in a cell of a table too, on one line.

    >>> markdown("a|b <c>")
    'a\\|b \\<c\\>'
    """
    return "".join(f"\\{letter}" if letter in _MARKDOWN else letter for letter in printable(text))


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"  # blanks of other widths
