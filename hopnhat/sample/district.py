"""The district system of another vendor: one DBF of TCVN3 text, its own columns and status numbers, dates as text.

The district was Thanh Trì; its office also served people of the neighbours. Places are given by name, or by the old code
in a numeric field that has lost the leading zeros.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import district_defects as planted
from hopnhat.sample import dossiers as truth
from hopnhat.sample import tcvn3
from hopnhat.sample import vocabulary as words
from hopnhat.sample.city import DISTRICTS, SYSTEM, twin_columns
from hopnhat.sample.dbf import DbfFile, Field
from hopnhat.sample.labels import LabelFile, label_columns, label_table
from hopnhat.sample.people import Ints, Rng, choose, joined, pick
from hopnhat.sample.places import Communes, communes

DISTRICT = "thanhtri_motcua"
STREAM = 2
CHUNK = 100_000
OWN = "020"
FIELDS = (
    Field("MAHS", "C", 30), Field("SOBN", "C", 12), Field("MATTHC", "C", 30), Field("TENTTHC", "C", 80), Field("TENCHU", "C", 60),
    Field("LOAIDT", "N", 1), Field("SOCMND", "C", 15), Field("DIENTHOAI", "C", 12), Field("DIACHI", "C", 60),
    Field("TENXA", "C", 40), Field("TENHUYEN", "C", 30), Field("MAXA", "N", 5), Field("NGAYNHAN", "C", 10), Field("NGAYHEN", "C", 10),
    Field("NGAYXONG", "C", 10), Field("NGAYTRA", "C", 10), Field("TRANGTHAI", "N", 2), Field("KENH", "N", 1), Field("LEPHI", "N", 10),
    Field("TENDV", "C", 40), Field("NGUOINHAP", "C", 20), Field("MAYTRAM", "C", 8),
)  # fmt: skip
# National status → the vendor's own numbers. 5, 6 and 8 mean something else in the national list.
STATUS = {"1": ("0",), "2": ("19",), "3": ("16",), "4": ("1", "2", "4", "12", "15"), "5": ("3",), "6": ("9",), "7": ("7", "18"),
          "8": ("8",), "9": ("6",), "10": ("5",)}  # fmt: skip


def write_district(home: Path, labels: Path, shared: pa.Table, *, rows: int, seed: int, bad_share: float) -> Path:
    """Write HOSO.DBF with about `rows` records; `shared` are the dossiers that the city took over."""
    path = home / "thanhtri" / "HOSO.DBF"
    path.parent.mkdir(exist_ok=True)
    own = max(0, rows - shared.num_rows)
    chunks = max(1, -(-own // CHUNK))
    taken = -(-shared.num_rows // chunks)
    with DbfFile(path, FIELDS) as table, LabelFile(labels / f"{DISTRICT}.HOSO.parquet") as told:
        for number in range(chunks):
            rng = np.random.default_rng([seed, STREAM, number])
            index = np.arange(number * CHUNK, min((number + 1) * CHUNK, own))
            common = shared.slice(number * taken, taken)
            frame, answers, deleted = _chunk(rng, index, own, common, bad_share)
            answers["row"] = pa.array(np.arange(table.records + 1, table.records + 1 + len(deleted)))
            table.write({field.name: tcvn3.encode(frame[field.name]) for field in FIELDS}, deleted)
            told.write(label_table(answers, len(deleted)).filter(pa.array(~deleted)))
    return path


def _chunk(rng: Rng, index: Ints, total: int, shared: pa.Table, bad_share: float) -> tuple[planted.Frame, planted.Frame, truth.Mask]:
    places = communes()
    own = len(index)
    plan = planted.plan(rng, own, bad_share)
    commune = _communes(rng, places, plan.rows("unit-split"), own)
    organ = joined("000.20.", pick(rng, [f"{n:02d}" for n in range(1, 17)], own), ".H26")
    # The system was closed on 30 June 2025: its dossiers end before the reform.
    facts = truth.dossiers(rng, index, total + total // 100 + 1, commune, organ, places)
    stale = shared["stale"].to_numpy().astype(bool)
    known = _known_here(shared, stale)
    frames = [_frame(rng, facts, places), _frame(rng, known, places)]
    frame = {f.name: pa.concat_arrays([part[f.name] for part in frames]) for f in FIELDS}
    plan = plan.longer(len(stale))
    planted.plant(rng, frame, plan)
    everyone = pa.array(np.concatenate([commune, shared["commune"].to_numpy()]))
    answers = {
        "source_key": pc.utf8_trim(frame["MAHS"], " "), "old_code": places.code.take(everyone), "new_code": places.new_code.take(everyone),
        "new_province_code": places.new_province.take(everyone), "candidates": places.candidates.take(everyone),
    }  # fmt: skip
    keys = joined(f"{SYSTEM}.opencps_dossier|", shared["city_key"].combine_chunks())
    answers |= twin_columns(own + len(stale), np.arange(own, own + len(stale)), keys, stale)
    parts = [truth.value_labels(facts, plan.rows("name-upper")[:own]), truth.value_labels(known, np.zeros(len(stale), bool))]
    answers |= {name: pa.concat_arrays([part[name] for part in parts]) for name in parts[0]}
    answers["applicant_name"] = tcvn3.readable(answers["applicant_name"])
    answers |= label_columns(planted.DEFECTS, plan.first, plan.second)
    return planted.duplicated(rng, frame, answers, plan, bad_share)


def _communes(rng: Rng, places: Communes, ambiguous: truth.Mask, n: int) -> Ints:
    own = rng.choice(places.where(districts=frozenset({OWN})), n)
    near = rng.choice(places.where(districts=DISTRICTS), n)
    divided = rng.choice(places.where(districts=frozenset({OWN}), settled=False), n)
    return np.where(ambiguous, divided, np.where(rng.random(n) < 0.6, own, near))


def _known_here(shared: pa.Table, stale: truth.Mask) -> truth.Dossiers:
    """The shared dossiers as the district last saw them: the stale ones still in process."""
    column = {
        name: shared[name].to_numpy().copy()
        for name in ("commune", "kind", "procedure", "online", "submitted", "received", "due", "finished", "returned")
    }
    column["finished"][stale] = column["returned"][stale] = np.datetime64("NaT")
    text = {name: shared[name].combine_chunks() for name in ("number", "name", "id_no", "phone", "house")}
    status = np.where(stale, "4", np.array(shared["status"].to_pylist(), str))
    none = pa.nulls(len(stale), pa.string())
    return truth.Dossiers(
        np.arange(len(stale)), column["commune"], text["number"], column["kind"], text["name"], text["id_no"], text["phone"], none,
        text["house"], column["procedure"], column["online"], column["submitted"], column["received"], column["due"], column["finished"],
        column["returned"], status,
    )  # fmt: skip


def _frame(rng: Rng, d: truth.Dossiers, places: Communes) -> planted.Frame:
    n, at = len(d), pa.array(d.commune)
    procedure = pa.array(d.procedure)
    coded = rng.random(n) < 0.35
    code = pc.cast(pc.cast(places.code.take(at), pa.int64()), pa.string())
    fee = pc.cast(pa.array(np.array([p.fee for p in words.PROCEDURES])[d.procedure]), pa.string())
    year = pc.cast(pa.array(d.submitted.astype("datetime64[Y]").astype(int) + 1970), pa.string())
    return {
        "MAHS": d.number, "SOBN": joined(pc.cast(pa.array(rng.integers(1, 9000, n)), pa.string()), "/", year),
        "MATTHC": pa.array([p.code for p in words.PROCEDURES]).take(procedure),
        "TENTTHC": pa.array([p.name for p in words.PROCEDURES]).take(procedure), "TENCHU": d.name,
        "LOAIDT": pa.array(["0", "1", "3"]).take(pa.array(d.kind)), "SOCMND": d.id_no, "DIENTHOAI": d.phone, "DIACHI": d.house,
        "TENXA": choose(coded, "", places.name.take(at)), "TENHUYEN": places.district.take(at), "MAXA": choose(coded, code, ""),
        "NGAYNHAN": _day(d.received), "NGAYHEN": _day(d.due), "NGAYXONG": _day(d.finished), "NGAYTRA": _day(d.returned),
        "TRANGTHAI": _status(rng, d.status), "KENH": choose(d.online, "2", "1"), "LEPHI": fee,
        "TENDV": truth.organ_names(places, np.full(n, places.where(districts=frozenset({OWN}))[0])),
        "NGUOINHAP": pick(rng, words.OFFICERS, n), "MAYTRAM": pick(rng, ("MT01", "MT02", "MT03"), n),
    }  # fmt: skip


def _status(rng: Rng, national: truth.Codes) -> pa.Array:
    choice = rng.integers(0, 60, len(national))
    own = [STATUS[s][c % len(STATUS[s])] for s, c in zip(national.tolist(), choice.tolist(), strict=True)]
    return pa.array(own, pa.string())


def _day(times: truth.Times) -> pa.Array:
    """dd/mm/yyyy, empty where there is none; the time of day was never kept."""
    iso = truth.text_times(times)
    return pc.fill_null(
        joined(pc.utf8_slice_codeunits(iso, 8, 10), pc.utf8_slice_codeunits(iso, 5, 7), pc.utf8_slice_codeunits(iso, 0, 4), by="/"), ""
    )
