"""What is taken from the network: films as `hilum predict` decodes them, and everything else that is stored."""

from __future__ import annotations

import pytest
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.presentation import build_context, negotiate_as_acceptor

from hilum.pacs.offers import offers
from hilum.pixels.dicom.frame import SYNTAXES

TAKEN, NO_SUCH_CLASS, NO_SUCH_SYNTAX = 0, 3, 4  # PS3.8, table 9-18


def choose(abstract: str, *syntaxes: str) -> tuple[int | None, str]:
    """What pynetdicom's negotiation makes of one presentation context: the result, and the transfer syntax."""
    proposed = build_context(abstract, list(syntaxes))
    proposed.context_id = 1
    nothing_else = [build_context("1.2.840.10008.1.1")] if abstract != "1.2.840.10008.1.1" else []
    (negotiated,), _ = negotiate_as_acceptor([proposed], offers([proposed]) or nothing_else)
    return negotiated.result, str(negotiated.transfer_syntax[0])


FILMS = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "DX for processing": "1.2.840.10008.5.1.4.1.1.1.1.1",
    "RF": "1.2.840.10008.5.1.4.1.1.12.2",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
}
MPEG2 = "1.2.840.10008.1.2.4.100"


@pytest.mark.parametrize("film", FILMS)
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_film_is_taken_in_every_syntax_that_is_decoded(film: str, syntax: str) -> None:
    assert choose(FILMS[film], syntax) == (TAKEN, syntax)


def test_a_film_is_taken_as_it_is_named_first() -> None:
    """A caller that cannot recompress names what it has first; one of our own choice it could not send."""
    chosen = choose(FILMS["DX"], MPEG2, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2")
    assert chosen == (TAKEN, "1.2.840.10008.1.2.4.90")


def test_a_class_that_is_proposed_twice_is_taken_in_both_syntaxes() -> None:
    """As DCMTK proposes it: what the object is in alone, and what it could be turned into beside it."""
    proposed = [build_context(FILMS["DX"], "1.2.840.10008.1.2.4.70"), build_context(FILMS["DX"], "1.2.840.10008.1.2")]
    proposed[0].context_id, proposed[1].context_id = 1, 3
    negotiated, _ = negotiate_as_acceptor(proposed, offers(proposed))
    assert [(each.result, each.transfer_syntax[0]) for each in negotiated] == [
        (TAKEN, "1.2.840.10008.1.2.4.70"),
        (TAKEN, "1.2.840.10008.1.2"),
    ]


def test_a_film_in_another_syntax_is_not_taken() -> None:
    assert choose(FILMS["DX"], MPEG2) == (NO_SUCH_SYNTAX, MPEG2)
    assert choose(FILMS["DX"], "1.3.46.670589.33.1.4.1") == (NO_SUCH_SYNTAX, "1.3.46.670589.33.1.4.1")


def test_every_storage_class_that_pynetdicom_knows_is_taken() -> None:
    assert len(AllStoragePresentationContexts) > 150
    for context in AllStoragePresentationContexts:
        assert choose(str(context.abstract_syntax), "1.2.840.10008.1.2")[0] == TAKEN, context


def test_what_is_not_for_us_is_taken_in_every_syntax_of_the_standard() -> None:
    for syntax in AllTransferSyntaxes:
        assert choose("1.2.840.10008.5.1.4.1.1.2", str(syntax))[0] == TAKEN


@pytest.mark.parametrize(
    "abstract",
    [
        "1.2.840.10008.5.1.4.1.2.2.1",
        "1.2.840.10008.1.20.1",
        "1.2.840.10008.1.3.10",
        "1.3.46.670589.2.3.1.1",
        "1.2.840.10008.5.1.4.1.1.201.2",
        "x",
    ],
)
def test_queries_commitments_and_private_classes_are_not_taken(abstract: str) -> None:
    assert choose(abstract, "1.2.840.10008.1.2")[0] == NO_SUCH_CLASS
