"""What is said to a server of HTTP in every question: its address and a password."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from urllib3 import make_headers

from hilum.errors import RequestError
from hilum.files import read_regular

_NONE = "no address of HTTP; it is like https://pacs.example:8042/dicom-web"
_PATH = re.compile(r"[\w.~!$&'()*+,;=:@%/-]*", re.ASCII)  # RFC 3986


def web_parts(where: str, url: str) -> SplitResult:
    """The parts of an address of HTTP.

    Args:
        where: it is written.
        url: the address.

    Raises:
        RequestError: it is none, names a user or a password, or asks for something.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RequestError(f"{where}: {_NONE}") from None
    if parts.username is not None or parts.password is not None:
        raise RequestError(f"{where}: names a user or a password; put them into user and password_file")
    if parts.query or parts.fragment:
        raise RequestError(f"{where}: has a ? or a #; write the address of the server alone")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not _PATH.fullmatch(parts.path):
        raise RequestError(f"{where}: {_NONE}")
    return parts


def authorization(name: str, user: str, password_file: str) -> dict[str, str]:
    """The headers of who asks: basic authentication (RFC 7617) where there is a user.

    Args:
        name: whose it is.
        user: its name.
        password_file: whose first line is the password.

    Raises:
        RequestError: the file cannot be read, or is empty.
    """
    if not user:
        return make_headers(user_agent="hilum")
    password = b""
    if password_file:
        try:
            password = read_regular(password_file, limit=4096).splitlines()[0]
        except IndexError:
            raise RequestError(f"{name}: password_file: {password_file} is empty") from None
        except OSError as error:
            reason = getattr(error, "reason", None) or error.strerror
            raise RequestError(f"{name}: password_file: {password_file}: {reason}") from None
    known = (user.encode() + b":" + password).decode("latin-1")  # as which urllib3 encodes it again
    return make_headers(user_agent="hilum", basic_auth=known)
