"""What all SQL systems share: shapes, keyset ranges and reads over a small per-technology dialect and session."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

from hopnhat.extract import keyset
from hopnhat.extract.contract import Column, KeyRange, TableShape, Transport
from hopnhat.extract.frames import frame, require_columns, require_table
from hopnhat.model.errors import MappingError, SourceDriftError

_WHOLE = re.compile(r"(tiny|small|medium|big)?int|integer|(big|small)?serial", re.IGNORECASE)
_GAPS = 2
"""A key counts as dense when its numbers span at most twice as many as there are rows."""
Kind = Literal["number", "float", "text", "unicode", "binary", "time", "bit", "address", "hash", "other"]


@dataclass(frozen=True)
class SqlColumn:
    """A column as the server's catalogue declares it. `kind` decides how it is rendered and compared."""

    name: str
    declared_type: str
    nullable: bool
    kind: Kind
    charset: str = ""
    collation: str = ""


@dataclass(frozen=True)
class SqlTable:
    columns: tuple[SqlColumn, ...]
    primary_key: tuple[str, ...]
    row_estimate: int | None


_SHAPES: Mapping[str, re.Pattern[str]] = {
    "number": re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?"),
    "float": re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?"),
    "bit": re.compile(r"\d+"),
    "time": re.compile(r"[-+0-9:. TZ]+"),
}


def checked_bound(column: SqlColumn, bound: str) -> str:
    """The bound, when it has the form of the column's kind: only then may it stand in SQL as it is."""
    if not _SHAPES[column.kind].fullmatch(bound):
        raise MappingError(f"a bound of column `{column.name}` is not a {column.kind}", hint="drop the stored ranges")
    return bound


class Dialect(Protocol):
    """How one technology spells things. Pure: text in, text out."""

    def quote(self, name: str) -> str: ...
    def raw(self, column: SqlColumn, expression: str = "") -> str:
        """The stored bytes of the column, or of an expression of its type (its text, where nothing better is given)."""

    def transport(self, column: SqlColumn) -> Transport: ...
    def literal(self, column: SqlColumn, bound: str) -> str:
        """A bound as a literal that compares in the column's own type, character set and collation."""

    def limited(self, select: str, rows: int) -> str:
        """The select's first `rows` rows."""

    def physical(self, table: SqlTable) -> tuple[str, SqlColumn]:
        """What orders a table without a key, as an expression and its type: the physical address of a row, or a hash
        of the whole row (kind `hash`), which no index serves."""


class Session(Protocol):
    """One read-only connection (or several) of a technology, its errors already translated into ours."""

    def rows(self, sql: str) -> list[tuple[bytes | None, ...]]:
        """A small result: bounds and counts."""

    def arrow(self, sql: str, columns: Sequence[SqlColumn]) -> list[pa.Array]:
        """A bulk result, one array per column."""

    def tables(self) -> list[str]: ...
    def describe(self, table: str) -> SqlTable | None:
        """The table's catalogue entry; None when it is gone."""

    def position(self) -> str: ...
    def close(self) -> None: ...


class SqlSource:
    """A legacy SQL system behind the extractor contract."""

    def __init__(self, system: str, dialect: Dialect, session: Session) -> None:
        self._system, self._dialect, self._session = system, dialect, session
        self._described: dict[str, SqlTable] = {}
        self._counted: dict[str, int] = {}

    def tables(self) -> list[str]:
        return self._session.tables()

    def shape(self, table: str) -> TableShape:
        described = self._describe(table)
        columns = tuple(
            Column(column.name, column.declared_type, column.nullable, self._dialect.transport(column))
            for column in described.columns
        )
        return TableShape(columns, described.primary_key, described.row_estimate)

    def count(self, table: str) -> int:
        self._describe(table)
        self._counted[table] = int(self._session.rows(f"SELECT count(*) FROM {self._quoted(table)}")[0][0] or 0)
        return self._counted[table]

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        if rows < 1:
            raise ValueError("a range needs at least one row")
        if not key and self._key(table, key)[0][1].kind == "hash":
            return self._hash_ranges(table, rows, known)
        if (even := self._even_ranges(table, key, rows, known)) is not None:
            return even
        return keyset.cut(known, lambda low: self.boundary(table, key, rows, low, None))

    def _even_ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange]) -> list[KeyRange] | None:
        """Ranges by arithmetic, where a whole-number primary key has few gaps: its two ends are all the server must look
        up, and no range can hold more than `rows` rows. None when the key must be walked."""
        described = self._describe(table)
        if len(key) != 1 or tuple(key) != described.primary_key:
            return None
        (part, column), *_ = self._key(table, key)
        if column.kind != "number" or not _WHOLE.match(column.declared_type):
            return None
        kept, low = keyset.continued(known)
        where = f" WHERE {keyset.after([part], low)}" if low else ""
        ends = [self._dialect.raw(column, f"{end}({part.expression})") for end in ("min", "max")]
        found = self._session.rows(f"SELECT {', '.join(ends)} FROM {self._quoted(table)}{where}")[0]
        if found[0] is None or found[1] is None:
            return [*kept, KeyRange(len(kept), low, None)]
        first, last = int(found[0]), int(found[1])
        counted = self._counted.get(table) or self.count(table)
        if last - first >= _GAPS * max(counted - len(kept) * rows, rows):
            return None
        marks = [(str(mark),) for mark in range(first - 1 + rows, last, rows)]
        lows = [low, *marks]
        return [*kept, *(KeyRange(len(kept) + n, lows[n], [*marks, None][n]) for n in range(len(lows)))]

    def boundary(
        self, table: str, key: Sequence[str], rows: int, low: tuple[str, ...] | None, high: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        """The key of the last of the next `rows` rows behind `low`; None when no row follows it up to `high`.

        Two index scans per range; the server never sees OFFSET, a window function or a sort of the table.
        """
        keyed = self._key(table, key)
        parts = [part for part, _ in keyed]
        order = ", ".join(part.expression for part in parts)
        selected = ", ".join(f"{part.expression} AS k{number}" for number, part in enumerate(parts))
        present = "".join(f" AND {part.expression} IS NOT NULL" for part in parts if part.nullable)
        condition = (keyset.within(parts, KeyRange(0, low, high)) or "1 = 1") + present
        quoted = self._quoted(table)
        inner = self._dialect.limited(f"SELECT {selected} FROM {quoted} WHERE {condition} ORDER BY {order}", rows)
        raws = ", ".join(self._dialect.raw(column, f"s.k{number}") for number, (_, column) in enumerate(keyed))
        backwards = ", ".join(f"s.k{number} DESC" for number in range(len(parts)))
        last = self._session.rows(self._dialect.limited(f"SELECT {raws} FROM ({inner}) s ORDER BY {backwards}", 1))
        if not last:
            return None
        found = tuple(keyset.bound_text(value or b"") for value in last[0])
        more = keyset.within(parts, KeyRange(0, found, high)) + present
        rest = self._session.rows(
            self._dialect.limited(f"SELECT 1 FROM {quoted} WHERE {more} ORDER BY {order}", 1)
        )
        return found if rest else None

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        described = self._describe(table)
        chosen = self._columns(table, described, columns)
        parts = [part for part, _ in self._key(table, key)]
        conditions = [condition for condition in (keyset.within(parts, key_range),) if condition]
        if since is not None:
            (mark,) = self._columns(table, described, [since[0]])
            name = f"t.{self._dialect.quote(mark.name)}"
            # A row without a mark cannot be dated: it is read every time rather than never.
            conditions.append(f"({name} >= {self._dialect.literal(mark, since[1])} OR {name} IS NULL)")
        sql = (
            f"SELECT {', '.join(f'{self._dialect.raw(c)} AS {self._dialect.quote(c.name)}' for c in chosen) or '1'}"
            f" FROM {self._quoted(table)}"
            + (f" WHERE {' AND '.join(conditions)}" if conditions else "")
            + f" ORDER BY {', '.join(part.expression for part in parts)}"
        )
        arrays = self._session.arrow(sql, chosen)
        return frame([(column.name, self._dialect.transport(column)) for column in chosen], arrays)

    def snapshot(self) -> str:
        return self._session.position()

    def running(self) -> int | None:
        """Sessions at work on the server, where the technology can tell."""
        ask = getattr(self._session, "running", None)
        return int(ask()) if ask is not None else None

    def close(self) -> None:
        self._session.close()

    def _describe(self, table: str) -> SqlTable:
        if table not in self._described:
            found = self._session.describe(table)
            if found is None:
                require_table(table, self._session.tables(), system=self._system)
                raise SourceDriftError("table has no readable columns", system=self._system, table=table)
            self._described[table] = found
        return self._described[table]

    def _columns(self, table: str, described: SqlTable, names: Sequence[str]) -> list[SqlColumn]:
        by_name = {column.name: column for column in described.columns}
        require_columns(names, list(by_name), system=self._system, table=table)
        return [by_name[name] for name in names]

    def _key(self, table: str, key: Sequence[str]) -> list[tuple[keyset.KeyPart, SqlColumn]]:
        described = self._describe(table)
        if not key:
            expression, column = self._dialect.physical(described)
            expression = expression if column.kind == "hash" else f"t.{expression}"
            return [(keyset.KeyPart(expression, _literal(self._dialect, column)), column)]
        # Qualified: a bare name in ORDER BY would mean the rendered output column, and 10 would sort before 9.
        return [
            (keyset.KeyPart(f"t.{self._dialect.quote(c.name)}", _literal(self._dialect, c), c.nullable), c)
            for c in self._columns(table, described, key)
        ]

    def _hash_ranges(self, table: str, rows: int, known: Sequence[KeyRange]) -> list[KeyRange]:
        """Cut a keyless table by its whole-row hash, which spreads evenly: each range costs one scan, so they are few."""
        kept, low = keyset.continued(known)
        parts = [part for part, _ in self._key(table, ())]
        where = f" WHERE {keyset.after(parts, low)}" if low else ""
        rest = int(self._session.rows(f"SELECT count(*) FROM {self._quoted(table)}{where}")[0][0] or 0)
        start, space = (int(low[0], 16) if low else 0), 16**8
        pieces = max(1, -(-rest // rows))
        marks = [(f"{start + (space - start) * piece // pieces:08x}",) for piece in range(1, pieces)]
        lows = [low, *marks]
        return [*kept, *(KeyRange(len(kept) + n, lows[n], [*marks, None][n]) for n in range(pieces))]

    def _quoted(self, table: str) -> str:
        return ".".join(self._dialect.quote(part) for part in table.split(".", 1)) + " t"


def _literal(dialect: Dialect, column: SqlColumn) -> Callable[[str], str]:
    return lambda bound: dialect.literal(column, bound)
