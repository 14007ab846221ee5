"""The command as a person runs it, for workflows that are tried from end to end."""

from tests.cli.conftest import hilum, tiny_bundle

__all__ = ["hilum", "tiny_bundle"]
