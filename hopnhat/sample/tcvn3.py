"""Unicode to TCVN3 (the .VnTime fonts) for planting; written apart from the decoder under test, facts from TCVN 5712."""

from __future__ import annotations

import codecs

import pyarrow as pa

_LETTERS = "áàảãạăĂắằẳẵặâÂấầẩẫậéèẻẽẹêÊếềểễệíìỉĩịóòỏõọôÔốồổỗộơƠớờởỡợúùủũụưƯứừửữựýỳỷỹỵđĐ"
_BYTES = bytes.fromhex(
    "B8B5B6B7B9A8A1BEBBBCBDC6A9A2CAC7C8C9CBD0CCCECFD1AAA3D5D2D3D4D6DDD7D8DCDEE3DFE1E2E4ABA4E8E5E6E7E9ACA5EDEAEBECEEF3EFF1F2F4ADA6"
    "F8F5F6F7F9FDFAFBFCFEAEA7"
)
_TABLE = {code: code for code in range(32, 127)} | {10: 10, 0xA0: 0xA0} | {ord(c): b for c, b in zip(_LETTERS, _BYTES, strict=True)}
# The encoding has no capitals with a tone mark: typists wrote the small letter, or set the text in a capitals font.
_TABLE |= {ord(c.upper()): b for c, b in zip(_LETTERS, _BYTES, strict=True) if c.islower() and ord(c.upper()) not in _TABLE}


def encode(values: pa.Array) -> list[bytes]:
    """TCVN3 bytes of each text, null as b"". Texts hold no line break."""
    if len(values) == 0:
        return []
    joined = "\n".join(values.fill_null("").to_pylist())
    return codecs.charmap_encode(joined, "strict", _TABLE)[0].split(b"\n")


def readable(values: pa.Array) -> pa.Array:
    """The texts as the encoding can hold them: a toned capital that begins a word came down to its small letter.

    A text wholly in capitals is different: its font showed them all, and a decoder can know it.
    """
    texts = ["" if text is None else text for text in values.to_pylist()]
    return pa.array([text if text.isupper() else text.translate(_LOWERED) for text in texts], pa.string())


_LOWERED = {ord(c.upper()): c for c in _LETTERS if c.islower() and c.upper() not in _LETTERS}
