"""The grammar of a Vietnamese address: text in, chunks out. A chunk is one unit name with the level its type word gives.

`chunks("12 Lê Lợi, P.3, Q. Gò Vấp, TP.HCM")` → detail `12 lê lợi`, commune `3`, district `gò vấp`, city `hcm`. Which
unit a chunk means is decided by the ladder; the grammar only reads what is written: separators, type words in full or
abbreviated, number wards, house and hamlet words, and the two addresses of "… (nay là …)".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from transforms.match_keys import SYLLABLE, bare, canonical, clean, numbered, omits_marks_only

COMMUNE, DISTRICT, PROVINCE, CITY, PLAIN, DETAIL = "commune", "district", "province", "city", "", "detail"
Head = tuple[int, str, str, bool]  # of a type word: syllables, canonical word, level, written in full
LONGEST_NAME = 5  # syllables that a name is looked for in
Known = Callable[[str, str], bool]  # (level, canonical name) → is there such a unit anywhere?

_FULL = {
    "xã": COMMUNE, "phường": COMMUNE, "thị trấn": COMMUNE, "đặc khu": COMMUNE,
    "huyện đảo": DISTRICT, "huyện": DISTRICT, "quận": DISTRICT, "thị xã": DISTRICT,
    "thành phố": CITY, "tỉnh": PROVINCE,
}  # fmt: skip
_SHORT = {
    "x": "xã", "p": "phường", "f": "phường", "ph": "phường", "phg": "phường", "tt": "thị trấn", "ttr": "thị trấn",
    "t tran": "thị trấn", "đk": "đặc khu", "dk": "đặc khu", "h": "huyện", "q": "quận", "tx": "thị xã", "t xa": "thị xã",
    "t x": "thị xã", "t t": "thị trấn",
    "t": "tỉnh", "tp": "thành phố", "t p": "thành phố", "t pho": "thành phố", "th pho": "thành phố",
}  # fmt: skip
_DETAIL_WORDS = """
    số sn nhà ngõ ngách hẻm kiệt đường phố đại_lộ quốc_lộ tỉnh_lộ hương_lộ ql tl dt hl km lô block tầng căn tòa chung_cư
    cc ktt kcn kdc kđt ccn thôn xóm xm ấp khóm khu kp tổ tdp đội bản làng buôn bon plei plây sóc phum cụm tiểu_khu ngã
    chợ trường công_ty cty khối k a d ng kv khu_phố tập_thể nhà_số cổng cầu
"""
_DETAIL = frozenset(canonical(word.replace("_", " ")) for word in _DETAIL_WORDS.split())
_DETAIL_BARE = frozenset(bare(word) for word in _DETAIL)
_BY_BARE: dict[tuple[str, ...], tuple[str, str, bool]] = {
    tuple(bare(canonical(word)).split()): (canonical(word), level, True) for word, level in _FULL.items()
} | {tuple(canonical(short).split()): (canonical(word), _FULL[word], False) for short, word in _SHORT.items()}
_TRAILER = re.compile(
    r"(#|\b(?:sđt|sdt|đt|dt|tel|phone|mobile|hotline|lh|liên hệ|lien he|gọi|mst|fax|email|zip)\b[\s:.]|\+?\b0\d[\d .]{7,}).*"
)
_COUNTRY = re.compile(r"(?:[\s,.;-]+(?:việt\s*nam|viet\s*nam|vietnam|vn|vnm)[\s.]*)?(?:(?<=[^\W\d])[\s,.;-]+\d{5,6})?[\s.]*$")
_COUNTRY_FIRST = re.compile(r"^(?:việt\s*nam|viet\s*nam|vietnam)\s*[,;-]\s*")
_ENGLISH = {
    "ward": ("phường", COMMUNE), "commune": ("xã", COMMUNE), "township": ("thị trấn", COMMUNE), "district": ("", DISTRICT),
    "dist": ("", DISTRICT), "city": ("thành phố", CITY), "province": ("tỉnh", PROVINCE), "prov": ("tỉnh", PROVINCE),
}  # fmt: skip
_DIGIT_OR_SIGN = re.compile(r"#|0\d|\b(?:sđt|sdt|đt|dt|tel|phone|mob|hotline|lh|li[êe]n h|g[oọ]i|mst|fax|email|zip)")
_DIGIT = re.compile(r"\d")
_COUNTRY_ENDS = frozenset("mn. 0123456789")
_ASIDE = re.compile(r"[(\[{](.*?)[)\]}]")
_NOW = re.compile(r"\b(?:nay là|nay thuộc|nay|hiện nay là|hiện là|trước đây là|trước đây|trước là|cũ là|cũ:)(?=\s)")
_FORMER = canonical("cũ")
_HARD = re.compile(r"[,;\n\r\t|•·\\*_]+|(?<!\d)/|/(?!\d)")
_HOUSE = re.compile(r"(?:(?:so|sn|nha|km|ngo|ngach|hem|kiet)\b ?)*\d+[a-z]?(?: (?:(?:ngo|ngach|hem|kiet) )?\d+[a-z]?)*")
_DASH = re.compile(r"\s*[-–—]\s*")
_GLUED = re.compile(r"\b(p|f|q|ph|phg|tp|tx|tt|phường|phuong|quận|quan)\.?\s*(?:số\s|so\s)?\s*0*(\d{1,3})\b")
_DOTTED = re.compile(r"(?<=[\w.])\s+(?=(?:x|p|h|q|t|tx|tp|tt|ttr|f)\s?\.\s?\w)")
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`type` is the canonical type word ('' when none was written), `full` whether it was written in full, `bare` that the
    whole address was written without marks, so that a name without marks may stand for one that has them."""

    level: str
    type: str
    key: str
    full: bool
    bare: bool = False


def addresses(text: str) -> tuple[str, ...]:
    """The one or two addresses in a cell, cleaned: "A (nay là B)", "B (trước đây: A)" hold two. First the outer one."""
    cleaned = clean(text)
    asides: list[str] = []
    if "(" in cleaned or "[" in cleaned or "{" in cleaned:
        cleaned += ")" * (cleaned.count("(") > cleaned.count(")"))
        asides = [aside for aside in _ASIDE.findall(cleaned) if _names_units(aside)]
        cleaned = _ASIDE.sub(" ", cleaned)
    parts = _NOW.split(cleaned) if " nay" in cleaned or "trước" in cleaned or "cũ" in cleaned or "hiện" in cleaned else [cleaned]
    asides = [piece for aside in asides for piece in _NOW.split(aside)]
    found = [_without_notes(part) for part in (*parts, *asides)]
    return tuple(part for part in found if part)[:3]


def _without_notes(part: str) -> str:
    """Without telephone numbers, order numbers, country and postal code. The cheap tests come first: most have none."""
    if _DIGIT_OR_SIGN.search(part):
        part = _TRAILER.sub("", part)
    if part[-1:] in _COUNTRY_ENDS:
        part = _COUNTRY.sub("", part)
    if part.startswith("vi"):
        part = _COUNTRY_FIRST.sub("", part)
    return part.strip(" ,.;:-")


def chunks(text: str, known: Known) -> tuple[Chunk, ...]:
    """The chunks of one cleaned address, in the order written."""
    if "." in text:
        text = _DOTTED.sub(", ", text)
    if _DIGIT.search(text):
        text = _GLUED.sub(r"\1 \2", text)
    found: list[Chunk] = []
    is_bare = text.isascii()
    for segment in _HARD.split(text):
        if segment and not segment.isspace():
            found += _segment(segment, known, is_bare)
    parents = [chunk for chunk in found if chunk.level in (DISTRICT, CITY, PROVINCE)]
    if len(parents) > 2:  # `…, Huyện Hoài Đức, Hà Nội, Huyện Hoài Đức, Hà Nội`: said twice is said once
        found = list(dict.fromkeys(found))
    return tuple(_streets(found)) if any(chunk.level == DETAIL for chunk in found) else tuple(found)


def _streets(found: list[Chunk]) -> list[Chunk]:
    """`Km 10, Nguyễn Trãi, Hà Đông`: what stands right after a house number is a street, even where a ward is called so."""
    after = zip([None, *found], found, strict=False)
    return [
        replace(chunk, level=DETAIL)
        if before and chunk.level == PLAIN and before.level == DETAIL and _HOUSE.fullmatch(bare(before.key))
        else chunk
        for before, chunk in after
    ]


@lru_cache(maxsize=8192)
def _segment(segment: str, known: Known, is_bare: bool) -> tuple[Chunk, ...]:
    found = _split(segment, known)
    return tuple(replace(chunk, bare=True) for chunk in found) if is_bare else found


def _split(segment: str, known: Known) -> tuple[Chunk, ...]:
    whole = _cut(_words(segment), known)
    parts = _DASH.split(segment)
    if len(parts) == 1 or all(_is_known(chunk, known) for chunk in whole):
        return whole
    cut = tuple(chunk for part in parts for chunk in _cut(_words(part), known))
    strangers = sum(chunk.level == PLAIN and not _is_known(chunk, known) for chunk in cut)
    return whole if strangers and len(whole) == 1 and whole[0].type and not _is_known(cut[0], known) else cut


def _words(segment: str) -> list[str]:
    return [SYLLABLE[word] for word in _WORD.findall(segment)]


def _cut(tokens: Sequence[str], known: Known) -> tuple[Chunk, ...]:
    """Cut a segment without separators: at type words written in full inside it, or after a name that is known."""
    if not tokens:
        return ()
    english = _english(tokens)
    if english:
        return (english,)
    head = _typed(tokens, 0)
    start = head[0] if head else 0
    first = _chunk(head, tokens[start:], known)
    if head and head[3] and " ".join(tokens[:start]) != head[1] and known(PLAIN, " ".join(tokens)):
        return (_chunk(None, tokens, known),)  # `Quan Hóa` is a district of that name, not `Quận Hóa`
    if _is_known(first, known):
        return (first,)
    for at in range(start + 1, len(tokens) - 1):
        inner = _typed(tokens, at)
        if inner and _cuts(tokens, at, inner, known) and not _typed_alone(tokens, at + inner[0]):
            return (*_name_and_rest(head, tokens[start:at], known), *_cut(tokens[at:], known))
    return _name_and_rest(head, tokens[start:], known)


def _cuts(tokens: Sequence[str], at: int, head: Head, known: Known) -> bool:
    """Is a type word inside a run of words one? In full, it has all its marks or none: `minh phương` is a name. Abbreviated,
    a number or a known name follows: `p12 q5 hcm`, `xã ea tu tp bmt`, `xã an sơn h kiên hải`."""
    start = at + head[0]
    if head[3]:
        word = " ".join(tokens[at:start])
        return word == head[1] or word.isascii()
    if tokens[at] in ("tp", "tx") or (tokens[at] in ("p", "f", "q") and tokens[start].isdigit()):
        return True
    return any(known(head[2], " ".join(tokens[start:end])) for end in range(start + 1, min(start + LONGEST_NAME, len(tokens)) + 1))


def _english(tokens: Sequence[str]) -> Chunk | None:
    """`Ben Nghe Ward`, `District 3`, `Dong Nai Province`. A number in front is a house: `12 Ward Street` is no ward."""
    for word, name in ((tokens[-1], tokens[:-1]), (tokens[0], tokens[1:])):
        if word in _ENGLISH and name and (word is tokens[-1] or name[0].isdigit()):
            type_, level = _ENGLISH[word]
            return Chunk(level, canonical(type_), numbered(" ".join(name)), True)
    return None


def _name_and_rest(head: Head | None, tokens: Sequence[str], known: Known) -> tuple[Chunk, ...]:
    """`huyện ba vì hà nội` holds two names; `tỉnh khánh hoà hàng dễ vỡ` a name and a note."""
    whole = _chunk(head, tokens, known)
    if head is None or _is_known(whole, known):
        return (whole,)
    for at in range(len(tokens) - 1, 0, -1):
        name = _chunk(head, tokens[:at], known)
        if not _is_known(name, known):
            continue
        rest = _chunk(None, tokens[at:], known)
        if rest.level == PLAIN and _parent(rest, known):
            return (name, rest)
        if name.level in (PROVINCE, CITY) and known(PROVINCE, name.key) and at > 1:
            return (name,)
    return (whole,)


def _parent(chunk: Chunk, known: Known) -> bool:
    return known(DISTRICT, chunk.key) or known(PROVINCE, chunk.key)


def _typed(tokens: Sequence[str], at: int) -> Head | None:
    """(length, type, level, written in full) of the type word at a position; it must be followed by a name."""
    for length in (2, 1):
        if at + length >= len(tokens):
            continue
        found = _BY_BARE.get(tuple(bare(token) for token in tokens[at : at + length]))
        if found and (not found[2] or omits_marks_only(" ".join(tokens[at : at + length]), found[0])):
            return length, *found
    return None


def _typed_alone(tokens: Sequence[str], at: int) -> bool:
    """Would the name be empty, because the next word is a type word written in full?"""
    following = _typed(tokens, at)
    return at >= len(tokens) or bool(following and following[3])


def _chunk(head: Head | None, name: Sequence[str], known: Known) -> Chunk:
    words = list(name)
    if head and len(words) > 1 and bare(words[0]) == "so" and words[1].isdigit():
        words = words[1:]
    if len(words) > 1 and words[-1] == _FORMER and not known(head[2] if head else PLAIN, " ".join(words)):
        words = words[:-1]
    key = " ".join(words)
    key = numbered(key) if head or len(words) > 1 else key
    if head:
        return Chunk(head[2], head[1], key, head[3])
    is_detail = words[0][0].isdigit() or (_starts_with_detail(words) and not known(PLAIN, key))
    return Chunk(DETAIL if is_detail else PLAIN, "", key, False)


def _starts_with_detail(words: Sequence[str]) -> bool:
    return any(start in _DETAIL or start in _DETAIL_BARE for start in (words[0], " ".join(words[:2])))


def _is_known(chunk: Chunk, known: Known) -> bool:
    return known(chunk.level, chunk.key)


def _names_units(aside: str) -> bool:
    tokens = _words(aside)
    return any(_typed(tokens, at) for at in range(len(tokens)))
