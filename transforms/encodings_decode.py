"""Landed bytes → text, by the encoding the mapping declares. What cannot be read back to the same bytes is refused."""

from __future__ import annotations

import re
import unicodedata
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mappings.byte_tables import ENCODINGS
from transforms.columns import Converted
from transforms.distinct import code_where, combine, first_of, in_blocks, on_distinct, replace_at
from transforms.encodings_case import case_damaged, restore_capitals
from transforms.encodings_codec import Encoded, decode_bytes, undo_misreading
from transforms.encodings_tables import Mask, buffers
from transforms.encodings_wide import WIDE, decode_wide
from transforms.syllables import is_syllable, words

_ASCII, _TAIL = r"[\x00-\x7f]", r"[\x80-\xbf]"
_MULTI = (
    rf"[\xc2-\xdf]{_TAIL}|\xe0[\xa0-\xbf]{_TAIL}|[\xe1-\xec\xee\xef]{_TAIL}{{2}}|\xed[\x80-\x9f]{_TAIL}"
    rf"|\xf0[\x90-\xbf]{_TAIL}{{2}}|[\xf1-\xf3]{_TAIL}{{3}}|\xf4[\x80-\x8f]{_TAIL}{{2}}"
)
UTF8 = rf"^(?:{_ASCII}|{_MULTI})*$"
UTF8_BEYOND_ASCII = rf"^{_ASCII}*(?:{_MULTI})(?:{_ASCII}|{_MULTI})*$"
LOST_LETTER = r"\pL\?+\pL|(?:^|[\s,.;:(/-])\?+\pL"
_PERHAPS_LOST = r"\pL\?"
_ADDRESS_OF_PAGE = r"://|/\S*\?"
_CUT_LEAD = re.compile(r"[ÃÄÆ](?:\s|$)")  # what is left of a letter whose second byte (often NBSP) was dropped
_DEEPEST = 3
_MISREAD_UTF8 = "[Â-ô][\u0080-¿ŒœŠšŸŽžƒˆ˜–-—‘-‚“-„†-‡•…‰‹›€™]"  # the lead of a UTF-8 letter and what can follow it
AS_UTF8, AS_CP1258 = "-as-utf8", "-as-cp1258"


def decode(values: pa.Array | pa.ChunkedArray, *, transport: str, encoding: str) -> Converted:
    """Text of a landed binary column.

    `transport`: "bytes" = the source's own bytes; "text" = a driver read them and we hold its text as UTF-8, so a
    legacy encoding means that the legacy bytes were read as Windows-1252/Latin-1: undone first.
    `encoding`: utf-8, mojibake (UTF-8 read as Windows-1252/Latin-1, up to three times), tcvn3, vni, viscii, vps, cp1258;
    `tcvn3-as-utf8` and so on where the source itself stores its misread text as UTF-8 bytes; `tcvn3-as-cp1258` and so on
    where the driver took the bytes for Windows-1258, as SQL Server does in columns of a Vietnamese collation;
    `utf-16-le`, `utf-16-be` where UTF-16 was stored in a column of bytes.
    Reject codes: text-undecodable (bytes that mean nothing there), text-not-reversible (the repair would not give the
    bytes back), text-lossy (letters were replaced by ? or U+FFFD before us), text-case-damaged (UPPER/LOWER was run on
    undecoded bytes). Warn codes: text-mixed-encoding (this value was in another encoding than its column),
    text-perhaps-lossy. Raises ValueError for a transport or encoding there is not.
    """
    if transport not in ("bytes", "text"):
        raise ValueError(f"transport is bytes or text, not {transport!r}")
    whole = combine(values)
    if not (pa.types.is_binary(whole.type) or pa.types.is_large_binary(whole.type)):
        whole = whole.cast(pa.large_binary() if pa.types.is_large_string(whole.type) else pa.binary())
    if encoding == "utf-8":
        return _lossy_refused(_utf8(whole))
    if encoding == "mojibake":
        return _lossy_refused(on_distinct(whole, partial(in_blocks, work=_mojibake)))
    if encoding in WIDE:
        return _lossy_refused(on_distinct(whole, partial(decode_wide, encoding=encoding)))
    page = "cp1258" if encoding.endswith(AS_CP1258) else "cp1252"
    if encoding.endswith((AS_UTF8, AS_CP1258)):
        encoding, transport = encoding.removesuffix(AS_UTF8).removesuffix(AS_CP1258), "text"
    if encoding not in ENCODINGS:
        raise ValueError(f"unknown encoding {encoding!r}; there are utf-8, mojibake, {', '.join((*ENCODINGS, *WIDE))}")
    work = partial(_legacy, transport=transport, encoding=encoding, page=page)
    return _lossy_refused(on_distinct(whole, partial(in_blocks, work=work)))


def _utf8(values: pa.Array) -> Converted:
    kind = pa.large_string() if pa.types.is_large_binary(values.type) else pa.string()
    try:
        return Converted(values.cast(kind))
    except pa.ArrowInvalid:
        good = pc.match_substring_regex(values, UTF8)
        readable = pc.if_else(good, values, pa.scalar(None, values.type))
        return Converted(readable.cast(kind), code_where(pc.invert(good), "text-undecodable"))


def _lossy_refused(done: Converted) -> Converted:
    """Refuse values whose letters were replaced by ? or U+FFFD: they are never guessed here."""
    text = done.values
    data = buffers(text)[0]
    lost = code_where(pc.match_substring(text, "\ufffd"), "text-lossy") if (data == 0xEF).any() else None  # U+FFFD starts so
    perhaps = None
    if (data == ord("?")).any():
        asking = pc.fill_null(pc.match_substring(text, "?"), False)
        some = text.filter(asking)
        no_page = pc.invert(pc.match_substring_regex(some, _ADDRESS_OF_PAGE))
        sure = pc.and_(pc.match_substring_regex(some, LOST_LETTER), no_page)
        maybe = pc.and_(pc.match_substring_regex(some, _PERHAPS_LOST), pc.and_(no_page, pc.invert(sure)))
        everywhere = pa.array(np.zeros(len(text), dtype=bool))
        lost = first_of(lost, code_where(pc.replace_with_mask(everywhere, asking, sure), "text-lossy"))
        perhaps = code_where(pc.replace_with_mask(everywhere, asking, maybe), "text-perhaps-lossy")
    if lost is None:
        return Converted(text, done.reject, first_of(done.warn, perhaps))
    kept = pc.if_else(lost.is_null(), text, pa.scalar(None, text.type))
    return Converted(kept, first_of(done.reject, lost), first_of(done.warn, perhaps))


def _legacy(values: pa.Array, *, transport: str, encoding: str, page: str) -> Converted:
    read = _utf8(values) if transport == "text" else None
    own = Encoded(values, np.zeros(len(values), dtype=bool))
    raw = undo_misreading(read.values.fill_null(""), encoding, page=page) if read else own
    decoded = decode_bytes(raw.data, encoding)
    failed = raw.impossible | decoded.undefined | decoded.altered
    reasons = np.full(len(values), None, dtype=object)
    reasons[failed] = "text-undecodable"
    reasons[decoded.altered] = "text-not-reversible"
    damaged = case_damaged(raw.data, decoded.text, encoding)
    text = restore_capitals(decoded.text, raw.data) if encoding == "tcvn3" else decoded.text
    text, kept = _vote(text, raw.data, _looks_utf8(raw.data), read.values if read else values, failed)
    reasons[kept] = None
    reasons[damaged & ~kept & (reasons == None)] = "text-case-damaged"  # noqa: E711
    reject = first_of(read.reject if read else None, pa.array(reasons, pa.string()))
    if reject is not None:
        text = pc.if_else(reject.is_null(), text, pa.scalar(None, text.type))
    return Converted(text, reject, code_where(kept, "text-mixed-encoding"))


def _looks_utf8(raw: pa.Array) -> Mask:
    return np.asarray(pc.match_substring_regex(raw, UTF8_BEYOND_ASCII).to_numpy(zero_copy_only=False), dtype=bool)


def _vote(text: pa.Array, raw: pa.Array, utf8: Mask, shown: pa.Array, failed: Mask) -> tuple[pa.Array, Mask]:
    """Values that are not in the column's encoding: are their bytes, or is what we were shown, sound UTF-8 Vietnamese?

    What was shown counts only where the column's encoding failed. Python, value by value: few values come here.
    """
    kept, new = np.zeros(len(text), dtype=bool), []
    for place in map(int, np.flatnonzero(utf8 | failed)):
        candidates = [shown[place].as_py()] if failed[place] else []
        candidates += [raw[place].as_py()] if utf8[place] else []
        found = next((sound for data in candidates if (sound := sound_text(data)) is not None), None)
        kept[place] = found is not None
        new += [found] if found is not None else []
    return replace_at(text, [int(place) for place in np.flatnonzero(kept)], list(new)), kept


def sound_text(data: bytes | str | None) -> str | None:
    """The (UTF-8) text when every accented word in it is a Vietnamese syllable and no character is odd."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data or ""
    except UnicodeDecodeError:
        return None
    accented = [word for word in words(text) if not word.isascii()]
    odd = any(not char.isascii() and not char.isalpha() and unicodedata.category(char)[0] not in "MPZ" for char in text)
    odd = odd or any(unicodedata.category(char) == "Cc" and char not in "\t\r\n" for char in text)
    return text if accented and not odd and all(map(is_syllable, accented)) else None


def undo_mojibake(text: pa.Array) -> tuple[pa.Array, Mask]:
    """Undo reading UTF-8 as Windows-1252/Latin-1, as many times as it was done; the mask tells where it was done."""
    repaired, deeper = np.zeros(len(text), dtype=bool), np.ones(len(text), dtype=bool)
    for _ in range(_DEEPEST):
        places = np.flatnonzero(deeper)
        places = places[pc.match_substring_regex(text.take(pa.array(places)), _MISREAD_UTF8).to_numpy(zero_copy_only=False)]
        raw = undo_misreading(text.take(pa.array(places)), "mojibake")
        good = _looks_utf8(raw.data) & ~raw.impossible
        deeper = np.zeros(len(text), dtype=bool)
        deeper[places[good]] = True
        repaired |= deeper
        if not good.any():
            break
        text = pc.replace_with_mask(text, pa.array(deeper), raw.data.filter(pa.array(good)).cast(text.type))
    return text, repaired


def _mojibake(values: pa.Array) -> Converted:
    read = _utf8(values)
    text, repaired = undo_mojibake(read.values.fill_null(""))
    unread = ~repaired & ~_ascii(text)
    sound = np.zeros(len(text), dtype=bool)
    for place in map(int, np.flatnonzero(unread)):
        value = text[place].as_py()
        sound[place] = not _CUT_LEAD.search(value) and sound_text(value) is not None
    failed = code_where(unread & ~sound, "text-not-reversible")
    reject = first_of(read.reject, failed)
    if reject is not None:
        text = pc.if_else(reject.is_null(), text, pa.scalar(None, text.type))
    return Converted(text, reject, code_where(sound, "text-mixed-encoding"))


def _ascii(text: pa.Array) -> Mask:
    return np.asarray(pc.string_is_ascii(text).to_numpy(zero_copy_only=False), dtype=bool)
