"""What is taken from the network: films as `hilum predict` decodes them, and everything else that is stored."""

from __future__ import annotations

import pytest
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AllStoragePresentationContexts

from hilum.pacs.offers import choose
from hilum.pacs.pdus import NO_SUCH_CLASS, NO_SUCH_SYNTAX, TAKEN, Proposed
from hilum.pixels.dicom.frame import SYNTAXES

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
    assert choose(Proposed(1, FILMS[film], (syntax,))) == (TAKEN, syntax)


def test_a_film_is_taken_as_it_is_named_first() -> None:
    """A caller that cannot recompress names what it has first; one of our own choice it could not send."""
    proposed = Proposed(1, FILMS["DX"], (MPEG2, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2"))
    assert choose(proposed) == (TAKEN, "1.2.840.10008.1.2.4.90")


def test_a_film_in_another_syntax_is_not_taken() -> None:
    assert choose(Proposed(1, FILMS["DX"], (MPEG2,))) == (NO_SUCH_SYNTAX, MPEG2)
    assert choose(Proposed(1, FILMS["DX"], ("1.3.46.670589.33.1.4.1",))) == (NO_SUCH_SYNTAX, "1.3.46.670589.33.1.4.1")


def test_every_object_of_a_patient_that_pynetdicom_stores_is_taken() -> None:
    """All but instructions to a machine, and protocols and inventories, which are of no patient."""
    others = ("1.2.840.10008.5.1.4.34.", "1.2.840.10008.5.1.4.1.1.200.", "1.2.840.10008.5.1.4.1.1.201.")
    stored = [each for each in AllStoragePresentationContexts if not str(each.abstract_syntax).startswith(others)]
    assert len(stored) > 150
    for context in stored:
        assert choose(Proposed(1, str(context.abstract_syntax), ("1.2.840.10008.1.2",)))[0] == TAKEN, context


def test_what_is_not_for_us_is_taken_in_every_syntax_of_the_standard() -> None:
    for syntax in AllTransferSyntaxes:
        assert choose(Proposed(1, "1.2.840.10008.5.1.4.1.1.2", (str(syntax),)))[0] == TAKEN


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
    assert choose(Proposed(1, abstract, ("1.2.840.10008.1.2",)))[0] == NO_SUCH_CLASS
