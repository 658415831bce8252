"""Behind `hopnhat resolve` and `hopnhat lookup`: files and text for people and scripts, over the registry on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from hopnhat.model.errors import MappingError
from mappings.byte_tables import ENCODINGS
from mappings.units.registry import Registry, load_registry
from transforms.encodings_decode import decode
from transforms.text_clean import clean_value
from transforms.units import Scope, resolve
from transforms.units_answer import RESOLVED, UNMATCHED, Answer, Carries
from transforms.units_lookup import Relation, full_name, new_to_old, old_to_new, units_of_code
from transforms.units_outcome import REFORM
from transforms.units_query import Query

OUTPUT = {
    "status": "status", "new_commune_code": "new_code", "new_commune": "new_name", "new_province_code": "new_province_code",
    "old_commune_code": "old_code", "rule": "rule", "score": "score", "candidates": "candidates",
}  # fmt: skip
EXACT = frozenset({"code", "canonical", "alias", "unaccented", "type-free"})
SLICE = 5_000  # distinct values at a time: memory does not grow with the file
NAMES = ("text", "commune", "district", "province")
_ESCAPED = re.compile(r"&#?\w+;|\\u[0-9a-fA-F]{4}|[ÃÂÆáÄ][\x80-\xbf\u2018-\u203a]")
_FOREIGN = re.compile("[\u00a1-\u00bf\u00c4-\u00c7\u00cb\u00ce\u00cf\u00d1\u00d6-\u00d8\u00db\u00dc\u00de\u00df\u00e4-\u00e7\u00eb\u00ee\u00ef\u00f1\u00f6-\u00f8\u00fb\u00fc\u00fe\u00ff]")
ODD, PERHAPS = "odd", "perhaps"
_CODE = re.compile(r"\d{2}|\d{3}|\d{5}")


@lru_cache(maxsize=4)
def registry(version: str | None = None) -> Registry:
    return load_registry(version)


def resolve_file(in_path: Path | str, out_path: Path | str, *, carries: Carries = "both", era: str = "") -> None:
    """CSV in, CSV out: one explained row per input row, order kept. Raises MappingError for a file without known columns.

    A bare address does not say whether it is a person's or a parcel's, so `carries` is `both` unless told: a commune
    whose people all went one way and whose land another stays ambiguous.
    """
    table = _read(Path(in_path))
    asked = table.select([name for name in Query._fields if name in table.column_names])
    if not asked.column_names:
        raise MappingError("no column to resolve", file=str(in_path), hint=f"name one of: {', '.join(Query._fields)}")
    places, queries = _distinct(asked)
    slices = [queries.iloc[start : start + SLICE] for start in range(0, max(len(queries), 1), SLICE)]
    found = pa.concat_tables([_output(resolve_repaired(part, registry(), Scope(era=era), carries)) for part in slices])
    answers = found.combine_chunks().take(places)
    columns = {"id": table["id"]} if "id" in table.column_names else {}
    pacsv.write_csv(pa.table(columns | {name: answers[name] for name in OUTPUT}), Path(out_path))


def _output(found: pd.DataFrame) -> pa.Table:
    columns = {name: found[source].tolist() for name, source in OUTPUT.items()}
    columns["score"] = [f"{score:.1f}" for score in columns["score"]]
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _read(path: Path) -> pa.Table:
    """Every column as text; an empty cell is absent. A byte-order mark is not part of the first name."""
    names = path.open(encoding="utf-8-sig").readline().rstrip("\r\n").split(",")
    types = {name.strip('"'): pa.string() for name in names}
    options = pacsv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pacsv.read_csv(path, read_options=pacsv.ReadOptions(use_threads=False), parse_options=pacsv.ParseOptions(newlines_in_values=True), convert_options=options)


def _distinct(asked: pa.Table) -> tuple[pa.Array, pd.DataFrame]:
    """Every row's number among the distinct rows, and these."""
    columns = [column.combine_chunks() for column in asked.columns]
    codes = pc.dictionary_encode(columns[0]) if len(columns) == 1 else None
    if codes is not None:
        codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
        return codes.indices, pd.DataFrame({asked.column_names[0]: codes.dictionary.to_pylist()}, dtype="str")
    frame = asked.to_pandas()
    numbers = frame.groupby(list(frame.columns), sort=False, dropna=False).ngroup()
    return pa.array(numbers), frame.drop_duplicates().reset_index(drop=True)


def resolve_repaired(queries: pd.DataFrame, units: Registry, scope: Scope, carries: Carries) -> pd.DataFrame:
    """Resolve; what does not read as Vietnamese is tried in every legacy encoding, and a reading that then resolves on
    an exact rung is taken. Readings that lead to different units leave the row as it was."""
    found = resolve(queries, units, scope=scope, carries=carries)
    names = [name for name in NAMES if name in queries]
    signs = [_legacy_signs(row) for row in zip(*(queries[name].tolist() for name in names), strict=True)] if names else []
    doubtful = [at for at, (sign, rule) in enumerate(zip(signs, found.rule.tolist(), strict=False)) if sign and (sign == ODD or not _is_exact(rule))]
    if not doubtful:
        return found
    readings: dict[int, list[tuple[object, ...]]] = {}
    for repaired in _readings(queries.iloc[doubtful].set_axis(doubtful), names):
        rows = resolve(repaired, units, scope=scope, carries=carries)
        for at, row in zip(rows.index, rows.itertuples(index=False, name=None), strict=True):
            if _is_exact(row[_RULE]):
                readings.setdefault(at, []).append(row)
    taken = {at: rows[0] for at, rows in readings.items() if len({(row[_NEW], row[_CANDIDATES]) for row in rows}) == 1}
    answers = [taken.get(at, row) for at, row in enumerate(found.itertuples(index=False, name=None))]
    return pd.DataFrame(answers, columns=list(Answer._fields), index=found.index)


_RULE, _NEW, _CANDIDATES = (Answer._fields.index(name) for name in ("rule", "new_code", "candidates"))


def _is_exact(rule: str) -> bool:
    return rule.split("+")[0] in EXACT


def _legacy_signs(values: Iterable[object]) -> str:
    """ODD = letters that no Vietnamese text has; PERHAPS = anything beyond ASCII, or an escape; '' = neither."""
    texts = [value for value in values if isinstance(value, str)]
    if any(_FOREIGN.search(text) for text in texts):
        return ODD
    return PERHAPS if any(not text.isascii() or _ESCAPED.search(text) for text in texts) else ""


def _readings(damaged: pd.DataFrame, names: list[str]) -> Iterable[pd.DataFrame]:
    """The rows as they read in each encoding; rows that cannot have been written in it, or read the same, are left out."""
    before = list(zip(*(damaged[name].tolist() for name in names), strict=True))
    for encoding in (*ENCODINGS, "mojibake", ""):
        after = list(zip(*(_decoded(damaged[name], encoding) for name in names), strict=True))
        kept = [at for at, row in enumerate(after) if None not in row and row != before[at] and _legacy_signs(row) != ODD]
        if kept:
            columns = dict(zip(names, zip(*(after[at] for at in kept), strict=True), strict=True))
            yield damaged.iloc[kept].assign(**{name: list(values) for name, values in columns.items()})


def _decoded(values: pd.Series, encoding: str) -> list[str | None]:
    texts = values.fillna("").tolist()
    if not encoding:
        return [clean_value(text).text if text else text for text in texts]
    raw = pa.array([text.encode("utf-8", "surrogatepass") for text in texts], pa.binary())
    done = decode(raw, transport="text", encoding=encoding)
    refused = done.reject.to_pylist() if done.reject is not None else [None] * len(texts)
    return [text if not why else None for text, why in zip(done.values.to_pylist(), refused, strict=True)]


def lookup(text: str, *, as_of: str | None = None, version: str | None = None) -> str:
    """What a code or an address is, what became of it and what it was made of; Vietnamese first, for a person to read."""
    units = registry(version)
    asked = text.strip()
    if _CODE.fullmatch(asked):
        return "\n".join(_code_lines(units, asked, as_of or ""))
    row = resolve(pd.DataFrame({"text": [asked], "as_of": [as_of or ""]}), units, carries="both").iloc[0]
    lines = [f"{asked}", f"  {_STATUS[row.status]} (quy tắc {row['rule']}, điểm {row.score:.0f})"]
    if row.old_code:
        lines.append(f"  đơn vị cũ: {row.old_code} {_as_it_was(units, row.old_code, row.old_valid_from)}")
    codes = [row.new_code] if row.new_code else [code for code in row.candidates.split("|") if code]
    today = units.version
    lines += [f"  {'đơn vị mới' if row.new_code else 'có thể là'}: {code} {full_name(units, code, today)}" for code in codes]
    lines += [f"  đường đi: {step}" for step in row.path.split(" > ") if step]
    if row.evidence:
        lines.append(f"  căn cứ: {row.evidence}")
    return "\n".join(lines)


_STATUS = {RESOLVED: "xác định", "ambiguous": "chưa xác định, còn các khả năng", UNMATCHED: "không tìm thấy"}
_CARRIES = {"both": "đất và dân", "area": "chỉ diện tích", "people": "chỉ dân số"}


def _as_it_was(units: Registry, code: str, valid_from: str) -> str:
    """The full name on the last day of an instance: its parents may have changed since it began."""
    ends = [span.valid_to for span in units_of_code(units, code) if span.valid_from == valid_from]
    last_day = date.fromisoformat(ends[0]) - timedelta(days=1) if ends and ends[0] else None
    return full_name(units, code, last_day.isoformat() if last_day else valid_from)


def _code_lines(units: Registry, code: str, as_of: str) -> Iterable[str]:
    spans = units_of_code(units, code, as_of)
    yield f"{code}: {len(spans)} đơn vị" if spans else f"{code}: không có đơn vị nào mang mã này"
    for span in spans:
        until = f"trước {span.valid_to}" if span.valid_to else "nay"
        yield f"  {span.valid_from} → {until}: {full_name(units, code, span.valid_from)}"
    if any(span.valid_from < REFORM for span in spans) and len(code) == 5:
        yield from (f"  thành {_line(one)}" for one in old_to_new(units, code))
    if any(span.valid_from >= REFORM for span in spans):
        yield from (f"  từ {_line(one)}" for one in new_to_old(units, code))


def _line(one: Relation) -> str:
    return f"{one.code} {one.name} ({_CARRIES[one.carries]}; {one.effective_date}; {one.legal_ref or one.kind})"
