"""What is wrong in the city system's dossiers, with the right answer for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import spoil
from hopnhat.sample.labels import SOUND, Codes, Defect
from hopnhat.sample.people import Ints, Rng, digits, joined, pick
from hopnhat.sample.places import Communes, Mask

QUIRKS_PER_BAD = 3.0
"""Readable oddities (still published) are this many times as frequent as bad rows, up to MOST_QUIRKS."""
MOST_QUIRKS = 0.3
FILTERED = 0.01
TWO_DEFECTS = 0.06
HELD = ("quarantined",)

PLACEHOLDER = Defect("id-placeholder", warnings=("applicant_id_no:id-sentinel",))
ZERO_LOST = Defect("id-zero-lost", warnings=("applicant_id_no:id-zero-restored",))
ZEROS_LOST = Defect("id-zeros-lost", warnings=("applicant_id_no:id-length",))
OLD_PHONE = Defect("phone-before-2018", warnings=("phone:phone-renumbered",))
SENTINEL = Defect("date-sentinel", warnings=("returned_at:date-sentinel",))
BAD = (
    Defect("unit-split", "quarantined", ("unit:unit-ambiguous",), weight=4),
    Defect("unit-unknown", "quarantined", ("unit:unit-unmatched",), weight=2),
    Defect("unit-code-unknown", "quarantined", ("unit:unit-conflict",)),
    Defect("unit-contradiction", "quarantined", ("unit:unit-conflict",), weight=2),
    Defect("date-31-02", "quarantined", ("received_at:date-impossible",), weight=2),
    Defect("status-unknown", "quarantined", ("status:code-unknown",), weight=2),
    Defect("name-lossy", "quarantined", ("applicant_name:text-lossy",), weight=2),
    Defect("name-mojibake", "quarantined", ("applicant_name:text-mojibake",), weight=3),
    Defect("number-missing", "quarantined", ("dossier_no:required-missing",), weight=1),
)
QUIRKS = (
    Defect("name-nfd"), Defect("name-upper"), Defect("name-spaces"), Defect("name-d-look-alike"),
    Defect("name-html", warnings=("applicant_name:text-html",)), Defect("name-cyrillic", warnings=("applicant_name:text-homoglyph",)),
    Defect("ward-nfd"), Defect("ward-upper"), Defect("ward-tone", weight=2), Defect("ward-i-y"), Defect("ward-spaces"),
    Defect("ward-no-type", also_ok=("quarantined",)), Defect("ward-code-zero-lost", weight=2), Defect("ward-code-absent"), Defect("ward-name-absent"),
    Defect("city-abbreviated"), Defect("city-ha-tay", also_ok=HELD),
    PLACEHOLDER, ZERO_LOST, ZEROS_LOST, OLD_PHONE, SENTINEL, Defect("date-zero", warnings=("returned_at:date-zero",)),
)  # fmt: skip
DRAFTS = (
    Defect("draft", "filtered", rule="draft"),
    Defect("specimen", "filtered", rule="specimen"),
)
NEW_ERA = Defect("new-era", also_ok=HELD)
DEFECTS = (SOUND, *BAD, *QUIRKS, *DRAFTS, NEW_ERA)
POSITION = {defect.name: at for at, defect in enumerate(DEFECTS)}
UNITS = frozenset(d.name for d in (*BAD, *QUIRKS) if d.name.startswith(("unit-", "ward-", "city-")))
SECOND = ("date-31-02", "status-unknown", "name-lossy")
Frame = dict[str, pa.Array]


@dataclass(eq=False)
class Plan:
    """Which row gets which defect; rows on which a defect turns out to change nothing lose it again."""

    first: Codes
    second: Codes
    new_era: Mask

    def rows(self, name: str) -> Mask:
        return (self.first == POSITION[name]) | (self.second == POSITION[name])

    def drop(self, name: str, rows: Mask) -> None:
        for codes in (self.first, self.second):
            codes[rows & (codes == POSITION[name])] = 0


def able_communes(places: Communes, province: str) -> dict[str, Ints]:
    """For each defect of a place: the communes on which it can show."""
    home = places.where(provinces=frozenset({province}))
    names = [places.name[int(at)].as_py() for at in home]
    ha_tay = places.where(districts=frozenset(str(code) for code in range(268, 283)))
    return {
        "unit-split": places.where(provinces=frozenset({province}), settled=False),
        "ward-tone": home[[spoil.other_tone_place(name) != name for name in names]],
        "ward-i-y": home[[spoil.i_for_y(name) != name for name in names]],
        "city-ha-tay": ha_tay,
        "id-zero-lost": np.setdiff1d(places.where(), home),
    }


def plan(rng: Rng, n: int, bad_share: float, late: Mask) -> Plan:
    draw = rng.random(n)
    quirks = min(MOST_QUIRKS, bad_share * QUIRKS_PER_BAD)
    filtered = FILTERED if bad_share else 0.0
    first = np.select(
        [draw < bad_share, draw < bad_share + quirks, draw < bad_share + quirks + filtered],
        [_drawn(rng, n, BAD), _drawn(rng, n, QUIRKS), _drawn(rng, n, DRAFTS)],
        0,
    )
    # Rows of the new era keep their own place: a place defect of the old lists would mean something else there.
    new_era = late & (rng.random(n) < 0.7) & ~((first > 0) & (first <= len(BAD)))
    first = np.where(new_era & np.isin(first, [POSITION[name] for name in UNITS]), 0, first)
    extra = np.array([POSITION[name] for name in SECOND])[rng.integers(0, len(SECOND), n)]
    both = (first > 0) & (first <= len(BAD)) & (rng.random(n) < TWO_DEFECTS) & (extra != first)
    both &= ~((first == POSITION["name-mojibake"]) & (extra == POSITION["name-lossy"]))
    second = np.where(new_era, POSITION[NEW_ERA.name], np.where(both, extra, 0))
    return Plan(first, second, new_era)


def _drawn(rng: Rng, n: int, defects: tuple[Defect, ...]) -> Codes:
    weights = np.array([d.weight for d in defects])
    return np.array([POSITION[d.name] for d in defects])[rng.choice(len(defects), n, p=weights / weights.sum())]


def plant(rng: Rng, frame: Frame, planned: Plan) -> None:
    """Spoil the planned rows of the frame, in place."""
    for name, (column, change) in _TEXT.items():
        _change(frame, planned, name, column, change)
    _contradict(rng, frame, planned)
    _fill(frame, planned, "unit-unknown", wardCode=None, wardName="Xã Chưa Khai Báo")
    _fill(frame, planned, "unit-code-unknown", wardCode="99999")
    _fill(frame, planned, "status-unknown", dossierStatus="archived_tmp", dossierStatusText="Lưu trữ tạm")
    _fill(frame, planned, "number-missing", dossierNo=None)
    _fill(frame, planned, "ward-code-absent", wardCode=None)
    _fill(frame, planned, "ward-name-absent", wardName=None)
    _fill(frame, planned, "city-abbreviated", cityName="TP. Hà Nội", only=("cityCode", "01"))
    _fill(frame, planned, "city-ha-tay", cityCode="28", cityName="Tỉnh Hà Tây")
    _fill(frame, planned, "id-placeholder", applicantIdNo="000000001")
    _fill(frame, planned, "date-sentinel", finishDate="1900-01-01 00:00:00")
    _fill(frame, planned, "date-zero", finishDate="0000-00-00 00:00:00")
    _fill(frame, planned, "draft", dossierStatus="")
    _fill(frame, planned, "specimen", originality="9")
    _old_phones(rng, frame, planned)


def _impossible(text: str) -> str:
    return f"{text[:4]}-02-31{text[10:]}"


_TEXT: dict[str, tuple[str, Callable[[str], str]]] = {
    "name-nfd": ("applicantName", spoil.decomposed), "name-upper": ("applicantName", spoil.upper),
    "name-spaces": ("applicantName", spoil.spaced), "name-d-look-alike": ("applicantName", spoil.d_look_alike),
    "name-lossy": ("applicantName", spoil.lossy), "name-mojibake": ("applicantName", spoil.mojibake),
    "name-html": ("applicantName", spoil.html_escaped), "name-cyrillic": ("applicantName", spoil.cyrillic), "ward-nfd": ("wardName", spoil.decomposed),
    "ward-upper": ("wardName", spoil.upper), "ward-tone": ("wardName", spoil.other_tone_place),
    "ward-i-y": ("wardName", spoil.i_for_y), "ward-spaces": ("wardName", spoil.spaced),
    "ward-no-type": ("wardName", spoil.no_type_word), "ward-code-zero-lost": ("wardCode", spoil.lost_zero),
    "id-zero-lost": ("applicantIdNo", spoil.lost_one_zero), "id-zeros-lost": ("applicantIdNo", spoil.lost_two_zeros), "date-31-02": ("receiveDate", _impossible),
}  # fmt: skip


def replaced(values: pa.Array, rows: Mask, fill: pa.Array | None) -> pa.Array:
    """`values` with the marked rows set to `fill` (one value per marked row; None = null)."""
    if not rows.any():
        return values
    given = pa.nulls(int(rows.sum()), values.type) if fill is None else pc.cast(fill, values.type)
    return pc.replace_with_mask(values, pa.array(rows), given)


def change_text(values: pa.Array, rows: Mask, change: Callable[[str], str]) -> tuple[pa.Array, Mask]:
    """Change the marked rows' text; also gives the marked rows that the change left as they were (or that are null)."""
    at = np.flatnonzero(rows)
    before = values.take(pa.array(at)).to_pylist()
    after = [None if text is None else change(text) for text in before]
    idle = np.zeros(len(rows), bool)
    idle[at] = [a == b for a, b in zip(after, before, strict=True)]
    return replaced(values, rows, pa.array(after, pa.string())), idle


def _change(frame: Frame, planned: Plan, name: str, column: str, change: Callable[[str], str]) -> None:
    rows = planned.rows(name)
    if rows.any():
        frame[column], idle = change_text(frame[column], rows, change)
        planned.drop(name, idle)


def _fill(frame: Frame, planned: Plan, name: str, *, only: tuple[str, str] | None = None, **values: str | None) -> None:
    """Constant values on the planned rows, or on those of them whose column `only[0]` starts with `only[1]`."""
    rows = planned.rows(name)
    if only:
        fits = pc.fill_null(pc.starts_with(frame[only[0]], only[1]), False).to_numpy(zero_copy_only=False)
        planned.drop(name, rows & ~fits)
        rows = rows & fits
    for column, value in values.items():
        frame[column] = replaced(frame[column], rows, pa.repeat(pa.scalar(value, pa.string()), int(rows.sum())))


def _contradict(rng: Rng, frame: Frame, planned: Plan) -> None:
    """The code of one commune with the name of another, far enough from any neighbour's not to be taken for a typing error."""
    rows = planned.rows("unit-contradiction")
    before = frame["wardName"].filter(pa.array(rows))
    other = pick(rng, ("Xã Minh Châu", "Phường Trung Phụng", "Xã Kiêu Kỵ", "Phường Mễ Trì"), int(rows.sum()))
    same = np.zeros(len(rows), bool)
    same[rows] = pc.fill_null(pc.equal(before, other), True).to_numpy(zero_copy_only=False)
    frame["wardName"] = replaced(frame["wardName"], rows, other)
    planned.drop("unit-contradiction", same)


def _old_phones(rng: Rng, frame: Frame, planned: Plan) -> None:
    rows = planned.rows("phone-before-2018")
    number = digits(rng.integers(1_000_000, 9_999_999, int(rows.sum())), 7)
    frame["contactTelNo"] = replaced(frame["contactTelNo"], rows, joined(pick(rng, ("0168", "0122", "0127", "0199"), len(number)), number))


__all__ = ["BAD", "DEFECTS", "POSITION", "Defect", "Plan", "change_text", "plan", "plant", "replaced"]
