"""What is wrong in the hand-kept register, with the right answer for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import spoil
from hopnhat.sample.dossiers import Dossiers
from hopnhat.sample.labels import SOUND, Codes, Defect, label_columns
from hopnhat.sample.opencps_defects import MOST_QUIRKS, OLD_PHONE, QUIRKS_PER_BAD, SENTINEL, ZEROS_LOST, change_text, replaced
from hopnhat.sample.people import Ints, Rng, choose, joined
from hopnhat.sample.places import Communes, Mask

Frame = dict[str, pa.Array]
HELD = ("quarantined",)
COPIES_PER_BAD = 0.25

BAD = (
    Defect("unit-split", "quarantined", ("unit:unit-ambiguous",), weight=4),
    Defect("unit-unknown", "quarantined", ("unit:unit-unmatched",), weight=2),
    Defect("address-absent", "quarantined", ("unit:unit-missing",)),
    Defect("date-31-02", "quarantined", ("received_at:date-impossible",), weight=2),
    Defect("date-words", "quarantined", ("due_at:date-unreadable",), weight=2),
    Defect("status-unknown", "quarantined", ("status:code-unknown",), weight=2),
    Defect("key-absent", "quarantined", ("source_key:key-missing",)),
)
QUIRKS = (
    Defect("unit-two-of-a-name"),
    Defect("name-nfd"), Defect("name-upper"), Defect("name-spaces"), Defect("name-d-look-alike"), Defect("address-tone"),
    Defect("address-nfd"), Defect("address-upper"), Defect("address-typo", also_ok=HELD, weight=3), ZEROS_LOST,
    OLD_PHONE, Defect("receipt-for-number", warnings=("dossier_no:dossier-number-local",), weight=2), SENTINEL,
)  # fmt: skip
HEADINGS = (Defect("heading", "filtered", rule="heading"),)
COPY, CLASH = Defect("exact-copy", "merged"), Defect("key-clash", "quarantined", ("source_key:key-duplicate",))
DEFECTS = (SOUND, *BAD, *QUIRKS, *HEADINGS, COPY, CLASH)
POSITION = {defect.name: at for at, defect in enumerate(DEFECTS)}
TWO_OF_A_NAME = ("00526", "00532")
"""Thị trấn Yên Viên and xã Yên Viên, of one district: without the type word nobody can tell which, but both went to 00541."""


@dataclass(eq=False)
class Plan:
    first: Codes
    second: Codes

    def rows(self, name: str) -> Mask:
        return self.first == POSITION[name]


def plan(rng: Rng, n: int, bad_share: float) -> Plan:
    draw = rng.random(n)
    quirks = min(MOST_QUIRKS, bad_share * QUIRKS_PER_BAD)
    first = np.select([draw < bad_share, draw < bad_share + quirks], [_drawn(rng, n, BAD), _drawn(rng, n, QUIRKS)], 0)
    return Plan(first, np.zeros(n, np.int64))


def able_communes(places: Communes, district: str) -> dict[str, Ints]:
    home = places.where(districts=frozenset({district}))
    names = {int(at): places.name[int(at)].as_py() for at in home}
    toned = [at for at, name in names.items() if spoil.other_tone_place(name) != name]
    long = [at for at, name in names.items() if spoil.typo(name) != name]
    twins = [at for at in home if places.code[int(at)].as_py() in TWO_OF_A_NAME]
    return {"unit-two-of-a-name": np.array(twins), "address-typo": np.array(long)} | ({"address-tone": np.array(toned)} if toned else {})


def addresses(rng: Rng, d: Dossiers, places: Communes) -> pa.Array:
    """Free text in the ways clerks write it: in full, abbreviated, without the province, or without commas."""
    at = pa.array(d.commune)
    name, district, province = (c.take(at) for c in (places.name, places.district, places.province))
    short = _abbreviated(name)
    ways = [
        joined(d.house, name, district, province, by=", "),
        joined(d.house, short, _abbreviated(district), "TP. Hà Nội", by=", "),
        joined(d.house, name, district, by=" - "),
    ]
    ways.insert(
        1, joined(d.house, ", ", pc.utf8_lower(pc.utf8_slice_codeunits(name, 0, 1)), pc.utf8_slice_codeunits(name, 1, None), ", ", district)
    )
    draw = rng.random(len(d))
    return choose(draw < 0.45, ways[0], choose(draw < 0.7, ways[1], choose(draw < 0.9, ways[2], ways[3])))


def plant(rng: Rng, frame: Frame, planned: Plan, d: Dossiers, places: Communes) -> None:
    at = pa.array(d.commune)
    name, district = places.name.take(at), places.district.take(at)
    bare = pc.replace_substring_regex(name, r"^(Xã|Phường|Thị trấn) ", "")
    _set(frame, planned, "unit-two-of-a-name", "Địa chỉ", joined(bare, district, by=", "))
    _set(frame, planned, "unit-unknown", "Địa chỉ", joined(d.house, ", xã Chưa Khai Báo, ", district))
    _set(frame, planned, "address-typo", "Địa chỉ", joined(d.house, _each(name, spoil.typo), district, by=", "))
    for defect, column, value in _FILLS:
        _set(frame, planned, defect, column, pa.repeat(pa.scalar(value, pa.string()), len(d)))
    _set(frame, planned, "receipt-for-number", "Mã hồ sơ", frame["Số biên nhận"])
    _set(frame, planned, "phone-before-2018", "Điện thoại", joined("0168", pc.utf8_slice_codeunits(d.phone, 3, 10)))
    for defect, (column, change) in _TEXT.items():
        frame[column], idle = change_text(frame[column], planned.rows(defect), change)
        planned.first[idle] = 0


def duplicated(rng: Rng, frame: Frame, answers: Frame, planned: Plan, bad_share: float) -> tuple[Frame, Frame]:
    """Some entries copied as they are, some receipt numbers given out twice."""
    n = len(planned.first)
    free = np.flatnonzero(planned.first == 0)
    chosen = rng.permutation(free)[: int(n * bad_share * COPIES_PER_BAD)]
    clash = np.arange(len(chosen)) % 2 == 1
    order = np.argsort(np.concatenate([np.arange(n), chosen + rng.integers(1, 20, len(chosen)) + 0.5]), kind="stable")
    source = np.concatenate([np.arange(n), chosen])[order]
    copy, clashing = (np.concatenate([np.zeros(n, bool), mark])[order] for mark in (~clash, clash))
    frame = {name: column.take(pa.array(source)) for name, column in frame.items()}
    answers = {name: column.take(pa.array(source)) for name, column in answers.items()}
    frame["Ghi chú"] = replaced(frame["Ghi chú"], clashing, pa.repeat("cấp trùng số", int(clashing.sum())))
    frame["Họ và tên"] = replaced(frame["Họ và tên"], clashing, pa.repeat("Phạm Thị Thu Trang", int(clashing.sum())))
    first = planned.first[source]
    first[np.isin(source, chosen[clash])] = POSITION[CLASH.name]
    first[copy] = POSITION[COPY.name]
    return frame, answers | label_columns(DEFECTS, first, planned.second[source])


def _set(frame: Frame, planned: Plan, defect: str, column: str, values: pa.Array) -> None:
    rows = planned.rows(defect)
    frame[column] = replaced(frame[column], rows, values.filter(pa.array(rows)))


def _each(values: pa.Array, change: Callable[[str], str]) -> pa.Array:
    encoded = values.dictionary_encode()
    return pa.array([change(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def _abbreviated(names: pa.Array) -> pa.Array:
    for long, short in (("Thị trấn ", "TT. "), ("Phường ", "P. "), ("Xã ", "X. "), ("Huyện ", "H. "), ("Quận ", "Q. ")):
        names = pc.replace_substring_regex(names, f"^{long}", short)
    return names


def _february(cell: str) -> str:
    """As text, because a date cell cannot hold it."""
    return f"31/02/{cell[1:5] if cell[0] == '#' else cell[-4:] if '/' in cell else '2022'}"


def _drawn(rng: Rng, n: int, defects: tuple[Defect, ...]) -> Codes:
    weights = np.array([d.weight for d in defects])
    return np.array([POSITION[d.name] for d in defects])[rng.choice(len(defects), n, p=weights / weights.sum())]


_FILLS = (
    ("address-absent", "Địa chỉ", None), ("date-words", "Ngày hẹn trả", "cuối tháng"), ("status-unknown", "Tình trạng", "hỏi lại"),
    ("key-absent", "Số biên nhận", None), ("date-sentinel", "Ngày trả", "01/01/1900"),
)  # fmt: skip
_TEXT: dict[str, tuple[str, Callable[[str], str]]] = {
    "name-nfd": ("Họ và tên", spoil.decomposed), "name-upper": ("Họ và tên", spoil.upper), "name-spaces": ("Họ và tên", spoil.spaced),
    "name-d-look-alike": ("Họ và tên", spoil.d_look_alike), "address-tone": ("Địa chỉ", spoil.other_tone_place),
    "address-nfd": ("Địa chỉ", spoil.decomposed), "address-upper": ("Địa chỉ", spoil.upper),
    "id-zeros-lost": ("Số CCCD/CMND", spoil.lost_two_zeros), "date-31-02": ("Ngày nhận", _february),
}  # fmt: skip
