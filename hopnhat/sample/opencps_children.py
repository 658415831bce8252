"""Steps and files of the city's dossiers, with orphans and children of rows that must wait."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import vocabulary as words
from hopnhat.sample.labels import SOUND, Codes, Defect, label_columns, label_table
from hopnhat.sample.opencps import FIRST_ID, STREAM, CityChunk
from hopnhat.sample.opencps_defects import replaced
from hopnhat.sample.opencps_schema import ACTION, FILE
from hopnhat.sample.people import Rng, digits, joined, pick
from hopnhat.sample.places import Mask

PER_DOSSIER = 8
"""Room for ids: child number j of dossier i has id i*8 + j, unique without a counter over chunks."""
ORPHANS_PER_BAD = 0.1
STEPS = (
    ("1100", "Tiếp nhận hồ sơ"),
    ("1200", "Phân công thụ lý"),
    ("2000", "Thẩm định hồ sơ"),
    ("3000", "Ký duyệt kết quả"),
    ("4000", "Trả kết quả"),
)
PARTS = (("TP01", "Tờ khai"), ("TP02", "Bản chụp căn cước công dân"), ("TP03", "Giấy tờ chứng minh"), ("KQ01", "Kết quả giải quyết"))
MISSING = ("dossier_key:parent-missing",)
DEFECTS = (
    SOUND,
    Defect("parent-held", "quarantined", MISSING),
    Defect("orphan", "quarantined", MISSING),
    Defect("several-files"),
    Defect("file-removed", "filtered", rule="removed"),
    Defect("parent-may-wait", also_ok=("quarantined",)),
)
Frame = dict[str, pa.Array]


def steps(chunk: CityChunk, seed: int, number: int) -> tuple[Frame, pa.Table]:
    rng = np.random.default_rng([seed, STREAM, number, 1])
    count = np.select([np.isin(chunk.facts.status, ["10"]), np.isin(chunk.facts.status, ["9"])], [3, 2], 1)
    parent, child = _spread(chunk, count)
    n = len(parent)
    at = np.minimum(child * 2, len(STEPS) - 1)
    start = chunk.facts.submitted[parent]
    acted = start + child * np.timedelta64(1, "D") + rng.integers(600, 36_000, n).astype("timedelta64[s]")
    ids = _ids(chunk, parent, child)
    when = pc.cast(pa.array(acted.astype("datetime64[s]")), pa.string())
    due = pc.cast(pa.array((acted + np.timedelta64(2, "D")).astype("datetime64[s]")), pa.string())
    frame = _common(ids, when, n) | {
        "dossierId": chunk.frame["dossierId"].take(pa.array(parent)), "previousActionId": pa.nulls(n, pa.string()),
        "actionCode": pa.array([c for c, _ in STEPS]).take(pa.array(at)), "actionUser": pick(rng, words.OFFICERS, n),
        "actionName": pa.array([t for _, t in STEPS]).take(pa.array(at)),
        "actionNote": pick(rng, ("", "Đủ hồ sơ", "Chuyển phòng chuyên môn", "Đề nghị bổ sung"), n),
        "actionOverdue": pa.repeat("0", n), "pending": pa.repeat("0", n), "stepCode": pa.array([c for c, _ in STEPS]).take(pa.array(at)),
        "dueDate": due, "uuid_": joined("a-", ids), "dossierActionId": ids,
    }  # fmt: skip
    codes = _defects(rng, chunk, parent)
    return _finish(ACTION.names(), frame, ids, codes)


def files(chunk: CityChunk, seed: int, number: int) -> tuple[Frame, pa.Table]:
    rng = np.random.default_rng([seed, STREAM, number, 2])
    count = np.where(chunk.facts.status == "10", 2, 1)
    parent, child = _spread(chunk, count)
    n = len(parent)
    result = (child == 1).astype(np.int64)
    part = np.where(result == 1, 3, rng.integers(0, 3, n))
    ids = _ids(chunk, parent, child)
    name = joined(pa.array([t for _, t in PARTS]).take(pa.array(part)), ".pdf")
    frame = _common(ids, chunk.frame["createDate"].take(pa.array(parent)), n) | {
        "dossierId": chunk.frame["dossierId"].take(pa.array(parent)), "referenceUid": joined("f-", ids),
        "dossierPartNo": pa.array([c for c, _ in PARTS]).take(pa.array(part)), "dossierPartType": pc.cast(pa.array(result + 1), pa.string()),
        "fileTemplateNo": pa.array([c for c, _ in PARTS]).take(pa.array(part)), "displayName": name,
        "fileEntryId": digits(rng.integers(10**6, 10**7, n), 7), "removed": pa.repeat("0", n),
        "deliverableCode": pc.if_else(pa.array(result == 1), joined("KQ-", ids), pa.scalar(None, pa.string())),
        "uuid_": joined("f-", ids), "dossierFileId": ids,
    }  # fmt: skip
    codes = _defects(rng, chunk, parent)
    sound = codes == 0
    several, removed = sound & (rng.random(n) < 0.004), sound & (rng.random(n) < 0.006)
    codes = np.where(removed, 4, np.where(several, 3, codes))
    frame["displayName"] = replaced(frame["displayName"], several & ~removed, joined(name, "##", name).filter(pa.array(several & ~removed)))
    frame["removed"] = replaced(frame["removed"], removed, pa.repeat("1", int(removed.sum())))
    return _finish(FILE.names(), frame, ids, codes)


def _spread(chunk: CityChunk, count: Codes) -> tuple[Codes, Codes]:
    """(parent row in the chunk, number within the parent); drafts and specimens have no children."""
    left_out = pc.equal(chunk.outcome, "filtered").to_numpy(zero_copy_only=False)
    count = np.where(left_out, 0, count)
    parent = np.repeat(np.arange(len(count)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    return parent, np.arange(len(parent)) - first


def _ids(chunk: CityChunk, parent: Codes, child: Codes) -> pa.Array:
    return pc.cast(pa.array((chunk.facts.index[parent] + FIRST_ID) * PER_DOSSIER + child), pa.string())


def _common(ids: pa.Array, when: pa.Array, n: int) -> Frame:
    return {
        "companyId": pa.repeat("20099", n), "groupId": pa.repeat("55301", n), "userId": pa.repeat("20001", n), "createDate": when,
        "modifiedDate": when,
    }  # fmt: skip


def _defects(rng: Rng, chunk: CityChunk, parent: Codes) -> Codes:
    held: Mask = pc.equal(chunk.outcome, "quarantined").to_numpy(zero_copy_only=False)[parent]
    orphan = rng.random(len(parent)) < (chunk.bad_share * ORPHANS_PER_BAD)
    return np.where(orphan, 2, np.where(held, 1, np.where(chunk.may_wait[parent], 5, 0)))


def _finish(names: list[str], frame: Frame, ids: pa.Array, codes: Codes) -> tuple[Frame, pa.Table]:
    """Orphans point at dossiers that were deleted long ago."""
    orphan = codes == 2
    frame["dossierId"] = replaced(
        frame["dossierId"], orphan, pc.utf8_slice_codeunits(joined("9", frame["dossierId"]).filter(pa.array(orphan)), 0, 12)
    )
    labels = label_columns(DEFECTS, codes, np.zeros(len(codes), np.int64)) | {"source_key": ids}
    return {name: frame[name] for name in names}, label_table(labels, len(codes))
