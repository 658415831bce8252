"""What the counts of one column amount to."""

from __future__ import annotations

from collections.abc import Iterator

from hopnhat.assess.model import ColumnFacts, Finding, Hit, Severity, TableFacts
from hopnhat.assess.wording import encoding_words, made

_LOST_SHARE = 0.2
_ZEROS = ("code-zero-restored", "id-zero-restored", "phone-zero-restored")
_BY_ENCODING = ("text-mixed-encoding", "text-undecodable", "text-not-reversible")


def column_findings(table: TableFacts, column: ColumnFacts) -> Iterator[Finding]:
    if not column.read:
        yield made("lob-skipped", table.name, column.name, 0, 0, column.declared_type)
        return
    yield from _encoding(table, column)
    for hit in column.hits:
        if (found := _hit(table, column, hit)) is not None:
            yield found


def _encoding(table: TableFacts, column: ColumnFacts) -> Iterator[Finding]:
    mixed = [note.removeprefix("mixed:") for note in column.evidence if note.startswith("mixed:")]
    if mixed:
        parts = [f"{encoding_words(name)} {count} giá trị của mẫu" for name, _, count in (note.partition("=") for note in mixed)]
        strange = [hit for hit in column.hits if hit.code in (*_BY_ENCODING, "mojibake", "invalid-utf8")]
        rows = max((hit.rows for hit in strange), default=0)
        keys = next((hit.keys for hit in strange if hit.keys), ())
        yield made("encoding-mixed", table.name, column.name, rows, table.counted, "; ".join(parts), keys=keys)
    elif column.found is None and "too-few" not in column.evidence and "lossy" not in column.evidence:
        yield made("encoding-unsure", table.name, column.name, 0, 0, f"có thể là {encoding_words(column.encoding)}")
    elif _is_misdeclared(table, column):
        told = f"khai báo {encoding_words(column.encoding)}, tìm thấy {encoding_words(column.found or '')}"
        yield made("encoding-undeclared", table.name, column.name, table.counted - column.nulls, table.counted, told)


def _is_misdeclared(table: TableFacts, column: ColumnFacts) -> bool:
    return _is_declared(table, column) and column.found not in (None, column.encoding) and "ascii-only" not in column.evidence


def _is_declared(table: TableFacts, column: ColumnFacts) -> bool:
    return column.role is not None and table.plan is not None and table.plan.declared


def _hit(table: TableFacts, column: ColumnFacts, hit: Hit) -> Finding | None:
    of = table.counted
    if hit.code.startswith("encoding:"):
        name = hit.code.removeprefix("encoding:")
        code = "mojibake" if name == "mojibake" else "encoding-legacy"
        severity: Severity | None = "note" if name == "mojibake" and _is_declared(table, column) else None
        return made(
            code, table.name, column.name, hit.rows, of, encoding_words(name), keys=hit.keys, samples=hit.samples, severity=severity
        )
    if hit.code in _ZEROS:
        mild: Severity | None = "note" if _is_declared(table, column) else None  # the mapping restores them
        return made("zeros-lost", table.name, column.name, hit.rows, of, "", keys=hit.keys, samples=hit.samples, severity=mild)
    if hit.code == "text-lossy":
        filled = max(1, of - column.nulls - column.blanks)
        severe = column.role is not None and hit.rows > _LOST_SHARE * filled
        return made("text-lost" if severe else "text-lossy", table.name, column.name, hit.rows, of, "", keys=hit.keys, samples=hit.samples)
    if hit.code == "text-control" and any(other.code in ("nul-bytes", "control-bytes") for other in column.hits):
        return None  # said already, by the byte
    if hit.code in ("text-undecodable", "text-mojibake") and any(other.code in ("invalid-utf8", "mojibake") for other in column.hits):
        return None
    if hit.code in ("text-mixed-encoding",) and any(note.startswith("mixed:") for note in column.evidence):
        return None
    if hit.code == "code-unknown" and not (column.role and column.role.codes):
        return None  # nothing is known yet: the draft's code map says so
    return made(hit.code, table.name, column.name, hit.rows, of, "", keys=hit.keys, samples=hit.samples)
