"""UTF-16 that a system stored as plain bytes: told by its NUL bytes, decoded strictly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns import Converted
from transforms.distinct import code_where
from transforms.encodings_tables import Mask

WIDE = ("utf-16-le", "utf-16-be")


def decode_wide(values: pa.Array, encoding: str) -> Converted:
    """Text of a binary array without nulls. Reject code text-undecodable: half a character, a lone surrogate.

    Strict decoding of UTF-16 can only be undone to the same bytes; a byte order mark is no part of the text.
    """
    texts = [_read(data, encoding) for data in values.to_pylist()]
    return Converted(pa.array(texts, pa.string()), code_where(np.array([text is None for text in texts], dtype=bool), "text-undecodable"))


def _read(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None


def wide_values(values: pa.Array) -> dict[str, Mask]:
    """Which values are UTF-16: at least two characters, all printable, some of them ASCII. Empty when none is."""
    with_nul = np.flatnonzero(pc.match_substring_regex(values, r"\x00").to_numpy(zero_copy_only=False))
    found = {}
    for encoding in WIDE if len(with_nul) else ():
        mask = np.zeros(len(values), dtype=bool)
        mask[with_nul] = [_is_sound(data, encoding) for data in values.take(pa.array(with_nul)).to_pylist()]
        if mask.any():
            found[encoding] = mask
    return found


def _is_sound(data: bytes, encoding: str) -> bool:
    text = _read(data, encoding) if len(data) >= 4 else None
    return text is not None and any(char.isascii() for char in text) and all(char.isprintable() or char in "\t\r\n" for char in text)
