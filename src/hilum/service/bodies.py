"""Bodies of requests that bring no film: small, and read whole before anything looks at them."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from hilum.service.problems import Problem

MOST_BYTES = 64 << 10
SECONDS = 20.0  # until all of it has come


async def small_body(receive: Receive) -> Receive:
    """Read a body; gives what an application reads it from again.

    Args:
        receive: where it comes from.

    Raises:
        Problem: it is too large, or comes too slowly.
    """
    body, more = b"", True
    try:
        async with asyncio.timeout(SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > MOST_BYTES:
                    raise Problem(413, f"such a request has at most {MOST_BYTES >> 10} KiB")
    except TimeoutError:
        raise Problem(408, "the request came too slowly, or stopped coming; send it again") from None
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": more}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
