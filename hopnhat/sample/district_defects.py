"""What is wrong in the district system's records, with the right answer for each. A DBF has no primary key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import spoil
from hopnhat.sample.labels import SOUND, Codes, Defect, label_columns
from hopnhat.sample.opencps_defects import (
    FILTERED,
    MOST_QUIRKS,
    OLD_PHONE,
    PLACEHOLDER,
    QUIRKS_PER_BAD,
    SENTINEL,
    ZEROS_LOST,
    change_text,
    replaced,
)
from hopnhat.sample.people import Rng, joined, pick
from hopnhat.sample.places import Mask

Frame = dict[str, pa.Array]
COPIES_PER_BAD = 0.25
KEY_CLASH = ("source_key:key-duplicate",)

BAD = (
    Defect("unit-split", "quarantined", ("unit:unit-ambiguous",), weight=4),
    Defect("unit-unknown", "quarantined", ("unit:unit-unmatched",), weight=2),
    Defect("date-31-02", "quarantined", ("received_at:date-impossible",), weight=2),
    Defect("date-garbage", "quarantined", ("due_at:date-unreadable",), weight=2),
    Defect("status-unknown", "quarantined", ("status:code-unknown",), weight=2),
    Defect("name-lossy", "quarantined", ("applicant_name:text-lossy",), weight=2),
)
QUIRKS = (
    Defect("name-upper", weight=2), Defect("ward-upper"), Defect("ward-tone"), Defect("ward-no-type", also_ok=("quarantined",)), Defect("district-no-type"),
    PLACEHOLDER, ZEROS_LOST, OLD_PHONE, SENTINEL, Defect("id-spaced"),
)  # fmt: skip
DRAFTS = (Defect("trial", "filtered", rule="trial"),)
COPY, CLASH = Defect("exact-copy", "merged"), Defect("key-clash", "quarantined", KEY_CLASH)
DEFECTS = (SOUND, *BAD, *QUIRKS, *DRAFTS, COPY, CLASH)
POSITION = {defect.name: at for at, defect in enumerate(DEFECTS)}


@dataclass(eq=False)
class Plan:
    first: Codes
    second: Codes

    def rows(self, name: str) -> Mask:
        return self.first == POSITION[name]

    def longer(self, more: int) -> Plan:
        """The plan with `more` sound rows after it."""
        rest = np.zeros(more, np.int64)
        return Plan(np.concatenate([self.first, rest]), np.concatenate([self.second, rest]))


def plan(rng: Rng, n: int, bad_share: float) -> Plan:
    draw = rng.random(n)
    quirks = min(MOST_QUIRKS, bad_share * QUIRKS_PER_BAD)
    bounds = np.cumsum([bad_share, quirks, FILTERED / 2 if bad_share else 0.0])
    first = np.select([draw < b for b in bounds], [_drawn(rng, n, kind) for kind in (BAD, QUIRKS, DRAFTS)], 0)
    return Plan(first, np.zeros(n, np.int64))


def plant(rng: Rng, frame: Frame, planned: Plan) -> None:
    for name, (column, change) in _TEXT.items():
        rows = planned.rows(name)
        frame[column], idle = change_text(frame[column], rows, change)
        planned.first[idle] = 0
    fills = {
        "unit-unknown": {"TENXA": "Xã Chưa Khai Báo", "MAXA": ""}, "date-garbage": {"NGAYHEN": "chua ro"}, "status-unknown": {"TRANGTHAI": "77"},
        "id-placeholder": {"SOCMND": "000000001"}, "date-sentinel": {"NGAYTRA": "01/01/1900"}, "trial": {"NGUOINHAP": "TEST"},
    }  # fmt: skip
    for name, values in fills.items():
        rows = planned.rows(name)
        for column, value in values.items():
            frame[column] = replaced(frame[column], rows, pa.repeat(value, int(rows.sum())))
    rows = planned.rows("phone-before-2018")
    old = joined(
        pick(rng, ("0168", "0122", "0127", "0199"), int(rows.sum())),
        pc.utf8_slice_codeunits(frame["DIENTHOAI"].filter(pa.array(rows)), 3, 10),
    )
    frame["DIENTHOAI"] = replaced(frame["DIENTHOAI"], rows, old)


def duplicated(rng: Rng, frame: Frame, answers: Frame, planned: Plan, bad_share: float) -> tuple[Frame, Frame, Mask]:
    """Repeat some sound records a little later: exactly, under the same key with another status, or marked as deleted.

    Also gives which records are deleted; they have an answer here too, to be dropped by the caller.
    """
    n = len(planned.first)
    free = np.flatnonzero((planned.first == 0) & answers["twin"].is_null().to_numpy(zero_copy_only=False))
    chosen = rng.permutation(free)[: int(n * bad_share * COPIES_PER_BAD)]
    kind = np.arange(len(chosen)) % 3
    order = np.argsort(np.concatenate([np.arange(n), chosen + rng.integers(1, 50, len(chosen)) + 0.5]), kind="stable")
    source = np.concatenate([np.arange(n), chosen])[order]
    kinds = np.concatenate([np.full(n, -1), kind])[order]
    frame = {name: column.take(pa.array(source)) for name, column in frame.items()}
    answers = {name: column.take(pa.array(source)) for name, column in answers.items()}
    status = frame["TRANGTHAI"].filter(pa.array(kinds == 1))
    frame["TRANGTHAI"] = replaced(frame["TRANGTHAI"], kinds == 1, pc.if_else(pc.equal(status, "5"), "15", "5"))
    first = planned.first[source]
    first[np.isin(source, chosen[kind == 1])] = POSITION[CLASH.name]
    first[kinds == 0] = POSITION[COPY.name]
    return frame, answers | label_columns(DEFECTS, first, planned.second[source]), kinds == 2


def _drawn(rng: Rng, n: int, defects: tuple[Defect, ...]) -> Codes:
    weights = np.array([d.weight for d in defects])
    return np.array([POSITION[d.name] for d in defects])[rng.choice(len(defects), n, p=weights / weights.sum())]


def _february(text: str) -> str:
    return f"31/02{text[5:]}" if text else text


def _spaced_number(text: str) -> str:
    return f"{text[:3]} {text[3:6]} {text[6:]}"


_TEXT: dict[str, tuple[str, Callable[[str], str]]] = {
    "date-31-02": ("NGAYNHAN", _february), "name-lossy": ("TENCHU", spoil.lossy), "name-upper": ("TENCHU", spoil.upper),
    "ward-upper": ("TENXA", spoil.upper), "ward-tone": ("TENXA", spoil.other_tone_place), "ward-no-type": ("TENXA", spoil.no_type_word),
    "district-no-type": ("TENHUYEN", spoil.no_type_word), "id-zeros-lost": ("SOCMND", spoil.lost_two_zeros), "id-spaced": ("SOCMND", _spaced_number),
}  # fmt: skip
