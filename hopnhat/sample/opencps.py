"""The city one-stop system (OpenCPS v2): dossiers of all Hà Nội districts, and of people who live elsewhere.

A chunk depends on (seed, chunk number, size) alone, so that ten million rows need the memory of one chunk and a
re-run writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import dossiers as truth
from hopnhat.sample import opencps_defects as planted
from hopnhat.sample import vocabulary as words
from hopnhat.sample.labels import label_columns, label_table
from hopnhat.sample.opencps_schema import DOSSIER
from hopnhat.sample.people import CITIZEN, ENTERPRISE, Ints, Rng, choose, digits, joined, pick
from hopnhat.sample.places import Communes, communes, new_communes

CHUNK = 100_000
STREAM = 1
PROVINCE = "01"
FIRST_ID = 100_001
STATUS = {"1": "new", "2": "receiving", "3": "denied", "4": "processing", "5": "waiting", "6": "paying", "7": "cancelled",
          "8": "unresolved", "9": "releasing", "10": "done"}  # fmt: skip
STATUS_TEXT = {"1": "Mới đăng ký", "2": "Được tiếp nhận", "3": "Từ chối tiếp nhận", "4": "Đang xử lý", "5": "Chờ bổ sung",
               "6": "Chờ nộp lệ phí", "7": "Công dân rút hồ sơ", "8": "Dừng xử lý", "9": "Chờ trả kết quả", "10": "Đã trả kết quả"}  # fmt: skip


@dataclass(eq=False)
class CityChunk:
    """`frame`: the legacy table's columns as text, null = NULL; `facts`: the same dossiers before they were spoiled."""

    frame: dict[str, pa.Array]
    labels: pa.Table
    facts: truth.Dossiers
    outcome: pa.Array
    may_wait: truth.Mask
    """Published rows that may honestly be held back."""
    bad_share: float
    clean: truth.Mask
    """Old-era rows without any defect: what another system may hold too."""


def city_chunks(rows: int, seed: int, bad_share: float) -> Iterator[CityChunk]:
    for start in range(0, rows, CHUNK):
        yield city_chunk(start, rows, seed, bad_share)


def city_chunk(start: int, rows: int, seed: int, bad_share: float) -> CityChunk:
    rng = np.random.default_rng([seed, STREAM, start // CHUNK])
    index = np.arange(start, min(start + CHUNK, rows))
    places = communes()
    plan = planted.plan(rng, len(index), bad_share, truth.is_new_era(index, rows))
    commune = _communes(rng, places, plan)
    facts = truth.dossiers(rng, index, rows, commune, _organs(rng, places, commune), places)
    frame = _frame(rng, facts, places)
    labels = _place_labels(facts, places)
    _new_era(rng, frame, labels, plan.new_era, facts)
    planted.plant(rng, frame, plan)
    labels |= truth.value_labels(facts, plan.rows("name-upper"))
    told = label_columns(planted.DEFECTS, plan.first, plan.second)
    table = label_table(labels | told | {"source_key": frame["dossierId"]}, len(index))
    return CityChunk(frame, table, facts, told["outcome"], _given(told["also_ok"]), bad_share, (plan.first == 0) & (plan.second == 0))


def _communes(rng: Rng, places: Communes, plan: planted.Plan) -> Ints:
    """Most people live in the city, one in seven elsewhere in the country. A defect of a name gets a name that can have it."""
    n = len(plan.first)
    home = rng.choice(places.where(provinces=frozenset({PROVINCE})), n)
    away = rng.choice(places.where(), n)
    commune = np.where(rng.random(n) < 0.14, away, home)
    for name, able in planted.able_communes(places, PROVINCE).items():
        rows = np.flatnonzero(plan.rows(name))
        commune[rows] = rng.choice(able, len(rows))
    return commune


def _organs(rng: Rng, places: Communes, commune: Ints) -> pa.Array:
    """The district office of the applicant's home; a city department for those from elsewhere."""
    at = pa.array(commune)
    number = pc.utf8_slice_codeunits(places.district_code.take(at), 1, 3)
    home = pc.equal(places.province_code.take(at), PROVINCE)
    series = pc.utf8_lpad(pc.utf8_slice_codeunits(places.district_code.take(at), 0, 1), 2, "0")
    department = pick(rng, ("000.00.70.H26", "000.00.71.H26", "000.00.72.H26"), len(commune))
    return pc.if_else(home, joined("000.", series, ".", number, ".H26"), department)


def _frame(rng: Rng, d: truth.Dossiers, places: Communes) -> dict[str, pa.Array]:
    n, at = len(d), pa.array(d.commune)
    number = pc.cast(pa.array(d.index + FIRST_ID), pa.string())
    modified = np.maximum.reduce([np.where(np.isnat(t), d.submitted, t) for t in (d.submitted, d.received, d.finished, d.returned)])
    service = [p.code for p in words.PROCEDURES], [p.name for p in words.PROCEDURES]
    local = choose(rng.random(n) < 0.05, ".000.00.00.H26", "")
    status = pa.array(d.status)
    home = pc.equal(places.province_code.take(at), PROVINCE)
    organ = pc.if_else(home, truth.organ_names(places, d.commune), "Sở, ngành thành phố Hà Nội")
    brief = joined(pa.array(service[1]).take(pa.array(d.procedure)), " cho ", d.name)
    frame = {
        "uuid_": joined("u-", number), "dossierId": number, "groupId": _constant("55301", n), "companyId": _constant("20099", n),
        "userId": pc.cast(pa.array(rng.integers(20_000, 20_400, n)), pa.string()), "userName": pick(rng, words.OFFICERS, n),
        "createDate": truth.text_times(d.submitted), "modifiedDate": truth.text_times(modified), "referenceUid": joined("r-", number),
        "serviceCode": joined(pa.array(service[0]).take(pa.array(d.procedure)), local),
        "serviceName": pa.array(service[1]).take(pa.array(d.procedure)),
        "govAgencyCode": _organ_part(d.number), "govAgencyName": organ, "applicantName": d.name,
        "applicantIdType": choose(d.kind == CITIZEN, "citizen", choose(d.kind == ENTERPRISE, "business", "organization")),
        "applicantIdNo": d.id_no, "applicantIdDate": pa.nulls(n, pa.string()), "address": truth.applicant_address(d, places),
        "cityCode": places.province_code.take(at), "cityName": places.province.take(at),
        "districtCode": places.district_code.take(at), "districtName": places.district.take(at),
        "wardCode": places.code.take(at), "wardName": places.name.take(at), "contactTelNo": d.phone, "contactEmail": d.email,
        "briefNote": choose(rng.random(n) < 0.1, "Dinhkem", brief), "dossierNo": d.number,
        "submitDate": truth.text_times(d.submitted), "receiveDate": truth.text_times(d.received), "dueDate": truth.text_times(d.due),
        "releaseDate": truth.text_times(d.finished), "finishDate": truth.text_times(d.returned),
        "dossierStatus": _recoded(status, STATUS), "dossierStatusText": _recoded(status, STATUS_TEXT),
        "dossierSubStatus": pa.nulls(n, pa.string()), "viaPostal": choose(rng.random(n) < 0.05, "2", "1"),
        "password_": digits(rng.integers(0, 10**6, n), 6), "online_": choose(d.online, "1", "0"), "originality": _constant("3", n),
        "originDossierNo": _receipts(rng, d),
    }  # fmt: skip
    assert list(frame) == DOSSIER.names()
    return frame


def _receipts(rng: Rng, d: truth.Dossiers) -> pa.Array:
    """Before 2021 the districts kept their own receipt numbers, restarting each year: aliases of the public number."""
    year = d.submitted.astype("datetime64[Y]").astype(int) + 1970
    receipt = joined(pc.cast(pa.array(rng.integers(1, 9000, len(d))), pa.string()), "/", pc.cast(pa.array(year), pa.string()))
    return choose(year < 2021, receipt, pa.scalar(None, pa.string()))


def _place_labels(d: truth.Dossiers, places: Communes) -> dict[str, pa.Array]:
    at = pa.array(d.commune)
    return {
        "old_code": places.code.take(at), "new_code": places.new_code.take(at), "new_province_code": places.new_province.take(at),
        "candidates": places.candidates.take(at),
    }  # fmt: skip


def _new_era(rng: Rng, frame: dict[str, pa.Array], labels: dict[str, pa.Array], rows: truth.Mask, d: truth.Dossiers) -> None:
    """From 1 July 2025 on the clerks pick from the new list: no district, the new commune's code and name."""
    at = np.flatnonzero(rows)
    if len(at) == 0:
        return
    fresh = new_communes(PROVINCE)
    chosen = pa.array(rng.choice(len(fresh.code), len(at)))
    none = pa.nulls(len(at), pa.string())
    house = d.house.take(pa.array(at))
    code, name, city, city_name = (c.take(chosen) for c in (fresh.code, fresh.name, fresh.province_code, fresh.province))
    values = {"wardCode": code, "wardName": name, "districtCode": none, "districtName": none, "cityCode": city, "cityName": city_name}
    values |= {"address": joined(house, name, city_name, by=", "), "govAgencyName": joined("UBND ", name)}
    for column, fill in values.items():
        frame[column] = planted.replaced(frame[column], rows, fill)
    for column, fill in {"old_code": none, "new_code": code, "new_province_code": city}.items():
        labels[column] = planted.replaced(labels[column], rows, fill)


def _given(lists: pa.Array) -> truth.Mask:
    mask: truth.Mask = pc.greater(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return mask


def _constant(value: str, n: int) -> pa.Array:
    return pa.repeat(value, n)


def _organ_part(number: pa.Array) -> pa.Array:
    return pc.struct_field(pc.extract_regex(number, r"^(?P<organ>[^-]+)-"), "organ")


def _recoded(codes: pa.Array, names: dict[str, str]) -> pa.Array:
    return pa.array(names.values(), pa.string()).take(pc.index_in(codes, value_set=pa.array(names.keys(), codes.type)))
