"""Values of a legacy column that are in another encoding and yet decode: they come out as letters, but not as words.

A quick look for letter sequences that no Vietnamese word has tells whether a column needs the closer look.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.byte_tables import letters
from transforms.distinct import repeats
from transforms.encodings_mixed import leads_elsewhere
from transforms.encodings_readings import candidates, read_as
from transforms.encodings_tables import Mask

_SURE_LEAD = 6.0
_FEWEST, _SHARE = 2, 0.002
_ALL = "".join(letters())
_SMALL, _CAPITAL = (_ALL.lower(), "".join(char for char in letters() if char.isupper()))
_NO_WORD = f"[{_ALL.translate(str.maketrans('', '', 'ưƯđĐ'))}][{_ALL}]|[a-z{_SMALL}][{_CAPITAL}]|[{_ALL}][A-Z][a-z]"
_MODEL, _LOOKED_AT = 1_000, 16_384


def strangers(landed: pa.Array, texts: pa.Array, encoding: str, transport: str) -> Mask | None:
    """Which values another encoding reads far better than `encoding`; None when there are none. `texts`: null = refused already."""
    if not repeats(landed):
        return _among(landed, texts, encoding, transport)
    coded = landed.dictionary_encode()
    first = np.full(len(coded.dictionary), -1, dtype=np.int64)
    indices = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    present = np.flatnonzero(indices >= 0)
    first[indices[present][::-1]] = present[::-1]
    found = _among(coded.dictionary, texts.take(pa.array(first)), encoding, transport)
    if found is None:
        return None
    mask = np.zeros(len(landed), dtype=bool)
    mask[present] = found[indices[present]]
    return mask


def _among(landed: pa.Array, texts: pa.Array, encoding: str, transport: str) -> Mask | None:
    some = texts if len(texts) <= _LOOKED_AT else texts.take(pa.array(np.linspace(0, len(texts) - 1, _LOOKED_AT).astype(np.int64)))
    odd = pc.sum(pc.match_substring_regex(some, _NO_WORD)).as_py() or 0
    if odd < max(_FEWEST, _SHARE * (len(some) - some.null_count)):
        return None
    places = np.flatnonzero(
        pc.and_(texts.is_valid(), pc.invert(pc.fill_null(pc.string_is_ascii(texts), True))).to_numpy(zero_copy_only=False)
    )
    own = texts.take(pa.array(places)).to_pylist()
    usual = own[:: max(1, len(own) // _MODEL)]
    chosen, leads = leads_elsewhere(own, usual, lambda these: _readings(landed.take(pa.array(places[these])), encoding, transport))
    mask = np.zeros(len(landed), dtype=bool)
    mask[places[chosen[leads > _SURE_LEAD]]] = True
    return mask if mask.any() else None


def _readings(values: pa.Array, encoding: str, transport: str) -> list[list[str | None]]:
    base = encoding.partition("-as-")[0]
    return [read_as(values, name, transport) for name in candidates(transport) if name.partition("-as-")[0] != base]
