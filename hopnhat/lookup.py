"""Behind `hopnhat resolve` and `hopnhat lookup`: files and text for people and scripts, over the registry on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from hopnhat.model.errors import MappingError
from mappings.byte_tables import ENCODINGS
from mappings.units.registry import Registry, load_registry
from transforms.encodings_decode import decode
from transforms.text_clean import clean_value
from transforms.units_answer import RESOLVED, UNMATCHED, Answer, Carries
from transforms.units_answers import Scope, answers
from transforms.units_lookup import Relation, full_name, new_to_old, old_to_new, units_of_code
from transforms.units_outcome import REFORM
from transforms.units_query import Query

OUTPUT = ("status", "new_commune_code", "new_commune", "new_province_code", "old_commune_code", "rule", "score", "candidates")
Output = tuple[str, ...]
Era = Literal["old", "new", ""]
EXACT = frozenset({"code", "canonical", "alias", "unaccented", "type-free"})
PIECE = 1 << 20  # bytes of a file at a time
SLICE, SEEN = 2_000, 20_000  # distinct values at a time; answers kept
NAMES = 4  # the first fields of a query are text, the others codes, a date and a point
_ESCAPED = re.compile(r"&#?\w+;|\\u[0-9a-fA-F]{4}|[ÃÂÆáÄ][\x80-\xbf\u2018-\u203a]")
_FOREIGN = re.compile("[\u00a1-\u00bf\u00c4-\u00c7\u00cb\u00ce\u00cf\u00d1\u00d6-\u00d8\u00db\u00dc\u00de\u00df\u00e4-\u00e7\u00eb\u00ee\u00ef\u00f1\u00f6-\u00f8\u00fb\u00fc\u00fe\u00ff]")
ODD, PERHAPS = "odd", "perhaps"
_CODE = re.compile(r"\d{2}|\d{3}|\d{5}")


@lru_cache(maxsize=4)
def registry(version: str | None = None) -> Registry:
    return load_registry(version)


def resolve_file(in_path: Path | str, out_path: Path | str, *, carries: Carries = "both", era: Era = "") -> None:
    """CSV in, CSV out: one explained row per input row, order kept. Raises MappingError for a file without known columns.

    A bare address does not say whether it is a person's or a parcel's, so `carries` is `both` unless told: a commune
    whose people all went one way and whose land another stays ambiguous. `era` is what the file's codes and names speak,
    '' = each row says it or stays undecided. The file is read piece by piece and answers seen lately are kept, so memory
    does not grow with it; no pandas here, which alone takes 40 MB.
    """
    scope, seen = Scope(era=era), dict[Query, Output]()
    with _open(Path(in_path)) as reader:
        if not set(Query._fields) & set(reader.schema.names):
            raise MappingError("no column to resolve", file=str(in_path), hint=f"name one of: {', '.join(Query._fields)}")
        head = ["id"] if "id" in reader.schema.names else []
        schema = pa.schema([(name, pa.string()) for name in (*head, *OUTPUT)])
        with pacsv.CSVWriter(Path(out_path), schema) as writer:
            for batch in reader:
                places, queries = _distinct(batch)
                for start in range(0, len(queries), SLICE):
                    new = [query for query in queries[start : start + SLICE] if query not in seen]
                    seen.update(zip(new, map(_output, resolve_repaired(new, registry(), scope, carries)), strict=True))
                columns = zip(*(seen[query] for query in queries), strict=True)
                answered = [pa.array(values, pa.string()).take(places) for values in columns]
                writer.write_batch(pa.record_batch([batch[name] for name in head] + answered, schema=schema))
                if len(seen) > SEEN:
                    seen.clear()


def _output(found: Answer) -> Output:
    return (
        found.status, found.new_code, found.new_name, found.new_province_code, found.old_code, found.rule, _score(found.score),
        found.candidates,
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _score(score: float) -> str:
    return f"{score:.1f}"


def _open(path: Path) -> pacsv.CSVStreamingReader:
    """Every column as text; an empty cell is absent. A byte-order mark is not part of the first name."""
    with path.open(encoding="utf-8-sig") as file:
        names = file.readline().rstrip("\r\n").split(",")
    types = {name.strip('"'): pa.string() for name in names}
    return pacsv.open_csv(
        path,
        read_options=pacsv.ReadOptions(use_threads=False, block_size=PIECE),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def _distinct(batch: pa.RecordBatch) -> tuple[pa.Array, list[Query]]:
    """Every row's number among the distinct queries, and these."""
    present = {name: batch[name].dictionary_encode() for name in Query._fields if name in batch.schema.names}
    numbers = np.zeros(batch.num_rows, np.int64)
    for column in present.values():
        mixed = numbers * len(column.dictionary) + column.indices.to_numpy()
        numbers = np.unique(mixed, return_inverse=True)[1] if len(present) > 1 else mixed
    _, first, places = np.unique(numbers, return_index=True, return_inverse=True)
    values = [batch[name].take(pa.array(first)).to_pylist() if name in present else repeat("") for name in Query._fields]
    return pa.array(places), list(map(Query._make, zip(*values, strict=False)))


def resolve_repaired(queries: list[Query], units: Registry, scope: Scope, carries: Carries) -> list[Answer]:
    """Resolve; what does not read as Vietnamese is tried in every legacy encoding, and a reading that then resolves on
    an exact rung is taken. Readings that lead to different units leave the row as it was."""
    found = answers(queries, units, scope=scope, carries=carries)
    signs = (_legacy_signs(query[:NAMES]) for query in queries)
    doubtful = [at for at, sign in enumerate(signs) if sign and (sign == ODD or not _is_exact(found[at]))]
    readings: dict[int, list[Answer]] = {}
    for numbers, repaired in _readings([queries[at] for at in doubtful]):
        for number, read in zip(numbers, answers(repaired, units, scope=scope, carries=carries), strict=True):
            if _is_exact(read):
                readings.setdefault(doubtful[number], []).append(read)
    for at, reads in readings.items():
        if len({(read.new_code, read.candidates) for read in reads}) == 1:
            found[at] = reads[0]
    return found


def _is_exact(found: Answer) -> bool:
    return found.rule.split("+")[0] in EXACT


def _legacy_signs(texts: Iterable[str]) -> str:
    """ODD = letters that no Vietnamese text has; PERHAPS = anything beyond ASCII, or an escape; '' = neither."""
    if any(_FOREIGN.search(text) for text in texts):
        return ODD
    return PERHAPS if any(not text.isascii() or _ESCAPED.search(text) for text in texts) else ""


def _readings(damaged: list[Query]) -> Iterable[tuple[list[int], list[Query]]]:
    """Number and reading of the queries that read otherwise in an encoding; those that cannot have been written in it are
    left out."""
    before = list(zip(*(query[:NAMES] for query in damaged), strict=True))
    for encoding in (*ENCODINGS, "mojibake", ""):
        after = zip(*(_decoded(texts, encoding) for texts in before), strict=True)
        kept = [
            (at, query._replace(**dict(zip(Query._fields[:NAMES], texts, strict=True))))
            for at, (query, texts) in enumerate(zip(damaged, after, strict=True))
            if None not in texts and texts != query[:NAMES] and _legacy_signs(texts) != ODD
        ]
        if kept:
            numbers, queries = zip(*kept, strict=True)
            yield list(numbers), list(queries)


def _decoded(texts: tuple[str, ...], encoding: str) -> Sequence[str | None]:
    if not any(texts):
        return texts
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
    row = answers([Query(text=asked, as_of=as_of or "")], units, carries="both")[0]
    lines = [f"{asked}", f"  {_STATUS[row.status]} (quy tắc {row.rule}, điểm {row.score:.0f})"]
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
