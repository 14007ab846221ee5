"""A source as the settings name it: what cannot be used of it is said before it is followed."""

from __future__ import annotations

import pytest

from hilum.errors import HilumError
from hilum.pacs.settings import NodeSettings, Source
from hilum.pacs.sources.opening import open_source
from tests.pacs.sources.fakes import Taken


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"kind": "qido", "url": "nowhere"}, "source a: url: no address of HTTP"),
        ({"kind": "orthanc", "url": "http://a:b@host"}, "source a: url: names a user or a password"),
        ({"kind": "folder", "folder": "/none"}, "source a: folder: /none: no such folder"),
    ],
)
def test_a_bad_setting_is_one_line(node: Taken, settings: dict[str, str], line: str) -> None:
    with pytest.raises(HilumError, match=f"^{line}"):
        open_source(Source(name="a", **settings), NodeSettings(), node.spool, node.accept, node)  # type: ignore[arg-type]
