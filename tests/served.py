"""Serves, answers a film and all that a reader asks for, and is stopped: `python served.py PORT FILM`.

A program of its own, with nothing but Python's library: it is run under watch, and beside a wheel.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen


def main(port: str, film: str) -> int:
    """The exit code of the service."""
    command = ["serve", "--port", port, "--workers", "1", "--store", "served/hilum.db", "--folder", "served"]
    service = subprocess.Popen([sys.executable, "-m", "hilum", *command])

    def ask(path: str, content: bytes | None = None) -> bytes:
        kind = {"Content-Type": "application/octet-stream"}
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", content, kind)) as reply:
            return bytes(reply.read())

    for _ in range(1200):
        try:
            ask("/readyz")
            break
        except (HTTPError, URLError):
            time.sleep(0.1)
    with open(film, "rb") as file:
        answer = ask("/v1/predictions", file.read()).decode()
    id_ = answer.partition('"id":"')[2][:32]
    for part in ("", "/film", "/heatmap"):
        ask(f"/v1/predictions/{id_}{part}")
    page = ask(f"/films/{id_}").decode()
    for path in ("/", "/docs", "/openapi.json", "/metrics", *re.findall(r'(?:src|href)="(/static/[^"]+)"', page)):
        ask(path)
    assert "/static/" in page
    service.terminate()
    return service.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
