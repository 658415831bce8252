"""The parts of a database URL as SQLAlchemy writes it, read without SQLAlchemy, whose import costs each process 0.1 s."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from hopnhat.model.errors import MappingError


class Place(NamedTuple):
    """Where a database is and who asks. None or '' = not given."""

    host: str
    port: int | None
    user: str
    password: str
    database: str
    query: dict[str, str]


def place_of(url: str) -> Place:
    """Read `scheme://user:password@host:port/database?name=value`. Special characters of user and password are
    percent-encoded; of the password only `@` and `%` need it.

    Raises:
        MappingError: it is no such URL. The message does not quote it: there is a password in it.
    """
    _, mark, rest = url.partition("://")
    access, at, place = rest.partition("@")
    user, _, password = access.partition(":")
    if not at or "/" in user:  # nobody is named
        user, password, place = "", "", rest
    place, _, query = place.partition("?")
    host, _, database = place.partition("/")
    host, port = _with_port(host)
    if not mark or not (port.isdecimal() or port == ""):
        raise MappingError("a connection is no database URL", hint="write it as scheme://user:password@host:port/database, special characters percent-encoded")
    return Place(host, int(port) if port else None, unquote(user), unquote(password), database, dict(parse_qsl(query)))


def _with_port(host: str) -> tuple[str, str]:
    """Host and port; an IPv6 address stands in brackets."""
    if host.startswith("["):
        address, _, rest = host[1:].partition("]")
        return address, rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name, port
