"""What a vendor's change table says: change data capture, change tracking behind a view, or a log filled by triggers.

Such a table names the key of every row that was inserted, changed or deleted, and a number or moment that only grows.
Which of the three happened is not asked: the row is looked up in its own table. It is there and is read whole, or it is
not and was deleted. So a log that misses the order of two events, or writes a delete before a new insert, does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from hopnhat.extract import keyset
from hopnhat.extract.contract import KeyRange, Source, TableShape
from hopnhat.extract.delta import window_start
from hopnhat.extract.frames import frame
from hopnhat.extract.governor import GentleSource
from hopnhat.extract.sqlsource import SqlColumn, SqlSource
from hopnhat.model.errors import MappingError
from mappings.spec import Changes, Table


def last_change(source: Source, changes: Changes) -> str | None:
    """The greatest mark that the change table has now; None when it is empty."""
    sql_source = _sql(source)
    at = _at(sql_source, changes)
    ((greatest,),) = sql_source.session.rows(
        f"SELECT {sql_source.dialect.raw(at, f'max({_name(sql_source, at)})')} FROM {_log(sql_source, changes)}"
    )
    return None if greatest is None else keyset.bound_text(greatest)


def reaches_back(source: Source, changes: Changes, mark: str) -> bool:
    """Does the change table still hold what was read last? If not, it may have been emptied, and changes with it."""
    sql_source = _sql(source)
    at = _at(sql_source, changes)
    condition = f"{_name(sql_source, at)} <= {sql_source.dialect.literal(at, mark)}"
    return bool(sql_source.session.rows(sql_source.dialect.limited(f"SELECT 1 FROM {_log(sql_source, changes)} WHERE {condition}", 1)))


def window(source: Source, changes: Changes, mark: str) -> str:
    """From which mark (inclusive) to read: somewhat before the last, because a lower number may be committed later."""
    if _at(_sql(source), changes).kind not in ("number", "time"):  # log positions are given out in the order of commits
        return mark
    try:
        return window_start(mark, changes.overlap)
    except ValueError:
        return mark


def deleted_keys(source: Source, table: Table, since: str) -> pa.Table:
    """Keys that the change table names since a mark and that their table no longer has, as landing text of that table."""
    assert table.changes is not None
    inner = _sql(source)
    columns = inner.columns(table.name, table.key)
    listed = [
        SqlColumn(name, c.declared_type, c.nullable, c.kind, c.charset, c.collation)
        for c, name in zip(columns, table.changes.key, strict=True)
    ]
    raws = ", ".join(
        f"{inner.dialect.raw(c, f'c.{inner.dialect.quote(c.name)}')} AS {inner.dialect.quote(k)}"
        for c, k in zip(listed, table.key, strict=True)
    )
    equal = _equal(inner, table)
    sql = (
        f"SELECT DISTINCT {raws} FROM {_log(inner, table.changes)} WHERE {_since(inner, table.changes, since)}"
        f" AND NOT EXISTS (SELECT 1 FROM {inner.quoted(table.name, 't')} WHERE {equal})"
    )
    arrays = inner.session.arrow(sql, columns)
    return frame([(column.name, inner.dialect.transport(column)) for column in columns], arrays)


class ChangedSource:
    """A source that reads a delta by its change table: `since` is a mark of that table, not of the table itself."""

    def __init__(self, source: Source, table: Table) -> None:
        self._source, self._table = source, table
        _sql(source)

    @property
    def plain(self) -> Source:
        return self._source

    def tables(self) -> list[str]:
        return self._source.tables()

    def shape(self, table: str) -> TableShape:
        return self._source.shape(table)

    def count(self, table: str) -> int:
        return self._source.count(table)

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return self._source.ranges(table, key, rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str], since: tuple[str, str] | None = None
    ) -> pa.Table:
        if since is None or table != self._table.name or self._table.changes is None:
            return self._source.read(table, key, key_range, columns, since)
        if isinstance(self._source, GentleSource):
            self._source.wait()
        inner, changes = _sql(self._source), self._table.changes
        named = f"SELECT 1 FROM {_log(inner, changes)} WHERE {_equal(inner, self._table)} AND {_since(inner, changes, since[1])}"
        return inner.read(table, key, key_range, columns, f"EXISTS ({named})")

    def snapshot(self) -> str:
        return self._source.snapshot()

    def close(self) -> None:
        self._source.close()


class _Database:
    """The parts of an SQL source that a query over two of its tables is made of."""

    def __init__(self, source: SqlSource) -> None:
        self._source, self.dialect, self.session = source, source._dialect, source._session

    def columns(self, table: str, names: Sequence[str]) -> list[SqlColumn]:
        return self._source._columns(table, self._source._describe(table), names)

    def quoted(self, table: str, alias: str) -> str:
        return ".".join(self.dialect.quote(part) for part in table.split(".", 1)) + f" {alias}"

    def read(self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str], condition: str) -> pa.Table:
        chosen, parts = self.columns(table, columns), [part for part, _ in self._source._key(table, key)]
        selected = ", ".join(f"{self.dialect.raw(c)} AS {self.dialect.quote(c.name)}" for c in chosen) or "1"
        conditions = " AND ".join(part for part in (keyset.within(parts, key_range), condition) if part)
        order = ", ".join(part.expression for part in parts)
        arrays = self.session.arrow(f"SELECT {selected} FROM {self.quoted(table, 't')} WHERE {conditions} ORDER BY {order}", chosen)
        return frame([(column.name, self.dialect.transport(column)) for column in chosen], arrays)


def _sql(source: Source) -> _Database:
    inner = source.inner if isinstance(source, GentleSource) else source
    if not isinstance(inner, SqlSource):
        raise MappingError("`changes` needs a database: a file or service has no change table", hint="leave `changes` out")
    return _Database(inner)


def _at(source: _Database, changes: Changes) -> SqlColumn:
    return source.columns(changes.table, [changes.at])[0]


def _name(source: _Database, column: SqlColumn) -> str:
    return f"c.{source.dialect.quote(column.name)}"


def _log(source: _Database, changes: Changes) -> str:
    source.columns(changes.table, [*changes.key, changes.at])  # gone or renamed columns are told by name
    return source.quoted(changes.table, "c")


def _since(source: _Database, changes: Changes, since: str) -> str:
    at = _at(source, changes)
    return f"{_name(source, at)} >= {source.dialect.literal(at, since)}"


def _equal(source: _Database, table: Table) -> str:
    assert table.changes is not None
    quote = source.dialect.quote
    return " AND ".join(f"c.{quote(theirs)} = t.{quote(ours)}" for theirs, ours in zip(table.changes.key, table.key, strict=True))
