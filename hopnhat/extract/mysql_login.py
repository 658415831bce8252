"""How a MySQL session is opened: by network or socket, and over TLS as its URL says.

A URL that says nothing of TLS takes what the server offers, its certificate unchecked: a reader on the line learns
nothing, an impostor is not found out. `ssl_ca` names the authority, and then nothing but TLS with a certificate of its
will do. An option that is not known is refused: of all mistakes a misspelt `ssl_ca` is the one that nobody would notice.
"""

from __future__ import annotations

import ssl
from typing import Any

from pymysql.connections import Connection

from hopnhat.model.errors import MappingError
from hopnhat.urls import Place

_FILES = ("ssl_ca", "ssl_cert", "ssl_key")
_SWITCHES = ("ssl_verify_identity", "ssl_disabled")
OPTIONS = ("unix_socket", "socket", "charset", *_FILES, *_SWITCHES)
"""What may stand behind the `?` of a URL. `charset` is what tools like to write: nothing is converted here, whatever it says."""
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")


class _Session(Connection):  # type: ignore[misc]  # pymysql has no types
    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        """Where nothing is checked, the machine's hundred authorities need not be read: that takes longer than the log-in."""
        if sslp:
            context: ssl.SSLContext = super()._create_ssl_ctx(sslp)
            return context
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        return unchecked


def check_options(place: Place, system: str) -> None:
    """Raises MappingError for what is no option, or no value of one."""
    for name, value in place.query.items():
        if name not in OPTIONS:
            raise MappingError(f"the connection of {system} has an option {name!r} that is not known", hint=f"there are {', '.join(OPTIONS)}")
        if name in _SWITCHES and value.lower() not in (*_YES, *_NO):
            raise MappingError(f"{name} of the connection of {system} is neither true nor false", hint=f"write {name}=true or {name}=false")
    if _is_on(place, "ssl_verify_identity") and not place.query.get("ssl_ca"):
        raise MappingError(f"ssl_verify_identity of the connection of {system} needs an authority to ask", hint="name its certificate: ssl_ca=<file>")


def connect(place: Place, system: str, *, seconds: int) -> Any:
    """A session that converts nothing. `seconds`: how long an answer may take. Raises MappingError when a file of the TLS
    options cannot be used; driver errors pass through."""
    files = {name: place.query.get(name) for name in _FILES}
    try:
        session = _Session(
            host=place.host or "127.0.0.1", port=place.port or 3306, user=place.user or None, password=place.password,
            database=place.database or None, charset="utf8mb4", use_unicode=False, conv={}, connect_timeout=10, read_timeout=seconds,
            autocommit=True, unix_socket=place.query.get("unix_socket") or place.query.get("socket"), defer_connect=True,
            ssl_disabled=_is_on(place, "ssl_disabled"), ssl_verify_identity=_is_on(place, "ssl_verify_identity"),
            ssl_verify_cert=bool(files["ssl_ca"]), **files,
        )  # fmt: skip
    except OSError as error:  # an SSLError is one, too
        named = ", ".join(name for name, file in files.items() if file)
        raise MappingError(f"{named} of the connection of {system} cannot be used ({type(error).__name__})", hint="PEM files that this process may read") from None
    session.connect()
    return session


def _is_on(place: Place, name: str) -> bool:
    return place.query.get(name, "").lower() in _YES
