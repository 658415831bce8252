"""Microsoft Access (.mdb, .accdb) through mdbtools (`apt-get install mdbtools`). URL: one database file.

mdb-export gives each table once, in physical order, as quoted CSV in a temporary file; `_row` counts its records, which
must be as many as the table's header says.
Access 97 text comes as its stored bytes (single-byte code page); later versions store Unicode, which comes as UTF-8
text (TCVN3 or VNI typed into them is then the *characters* those bytes show). mdbtools gives empty text as NULL.
Binary and OLE columns come as bytes, Yes/No as 1/0, dates as ISO.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from hopnhat.extract.contract import ROW, Column, KeyRange, TableShape, Transport
from hopnhat.extract.csv import CsvDialect, CsvSource
from hopnhat.extract.files import broken, digest_all, path_of, readable
from hopnhat.extract.frames import Options, frame, int_option, known_options, plain_numbers, require_columns, require_table, text_option
from hopnhat.model.errors import SourceUnavailableError

_NULL = "\x02"  # unquoted; text columns are quoted, so a cell of this one character stays a cell
_COLUMN = re.compile(r"^\s*\[(?P<name>.*)\]\s+(?P<kind>[A-Za-z/ ]+?)(?: ?\((?P<size>[\d, ]+)\))?(?P<null> NOT NULL)?,?\s*$")
_BINARY = ("OLE", "Binary")
_TEXTS = ("Text", "Memo/Hyperlink")


def open_source(url: str, options: Options) -> AccessSource:
    known_options(options, ("seconds",), "access")
    return AccessSource(path_of(url), text_option(options, "system"), int_option(options, "seconds", 3600))


class AccessSource:
    def __init__(self, path: Path, system: str, seconds: int) -> None:
        self._path, self._system, self._seconds = path, system, seconds
        self._exports: tempfile.TemporaryDirectory[str] | None = None
        self._sources: dict[str, CsvSource] = {}
        self._columns: dict[str, tuple[Column, ...]] = {}
        self._version = ""

    def tables(self) -> list[str]:
        listed = self._run("mdb-tables", "-1", "-t", "table", str(self._path))
        return sorted(line for line in listed.decode("utf-8", "replace").splitlines() if line)

    def shape(self, table: str) -> TableShape:
        return TableShape(self._described(table), (), self._exported(table).count(table_file(table)))

    def count(self, table: str) -> int:
        return self._exported(table).count(table_file(table))

    def ranges(self, table: str, key: Sequence[str], rows: int, known: Sequence[KeyRange] = ()) -> list[KeyRange]:
        return self._exported(table).ranges(table_file(table), key, rows, known)

    def read(
        self, table: str, key: Sequence[str], key_range: KeyRange, columns: Sequence[str],
        since: tuple[str, str] | None = None,
    ) -> pa.Table:  # fmt: skip
        described = {column.name: column for column in self._described(table)}
        require_columns(columns, list(described), system=self._system, table=table)
        raw = self._exported(table).read(table_file(table), key, key_range, columns)
        chosen = [described[name] for name in columns]
        arrays = [_decoded(raw.column(column.name).combine_chunks(), column) for column in chosen]
        return frame([(column.name, column.transport) for column in chosen], arrays, raw.column(ROW).combine_chunks())

    def snapshot(self) -> str:
        return f"{digest_all([self._path], self._system)} ({self._format()})"

    def close(self) -> None:
        self._sources.clear()
        if self._exports is not None:
            self._exports.cleanup()
            self._exports = None

    def _format(self) -> str:
        if not self._version:
            self._version = self._run("mdb-ver", str(self._path)).decode("ascii", "replace").strip()
        return self._version

    def _described(self, table: str) -> tuple[Column, ...]:
        if table not in self._columns:
            existing = self.tables()
            if not existing:
                raise broken(self._path, "not one table can be listed: empty, cut off or damaged", system=self._system, table=table)
            require_table(table, existing, system=self._system)
            said = self._run("mdb-schema", "--no-indexes", "--no-relations", "--no-comments", "-T", table, str(self._path))
            found = [match for line in said.decode("utf-8", "replace").splitlines() if (match := _COLUMN.match(line))]
            if not found:
                raise broken(self._path, f"the columns of table {table} cannot be read", system=self._system)
            self._columns[table] = tuple(_column(match, self._format()) for match in found)
        return self._columns[table]

    def _exported(self, table: str) -> CsvSource:
        if table not in self._sources:
            names = tuple(column.name for column in self._described(table))
            if self._exports is None:
                self._exports = tempfile.TemporaryDirectory(prefix="hopnhat-access-")
            target = Path(self._exports.name) / f"{table_file(table)}.csv"
            with target.open("wb") as file:
                self._run(
                    "mdb-export", "-H", "-b", "hex", "-0", _NULL, "-D", "%Y-%m-%d", "-T", "%Y-%m-%d %H:%M:%S", str(self._path), table,
                    output=file.fileno(),
                )  # fmt: skip
            dialect = CsvDialect(",", '"', 0, names, "", null=_NULL)
            source = CsvSource(str(target), dialect, self._system)
            self._require_whole(table, source.count(table_file(table)))
            self._sources[table] = source
        return self._sources[table]

    def _require_whole(self, table: str, exported: int) -> None:
        """mdb-export leaves out pages that are not there, in a file cut off or overwritten, and says nothing."""
        counted = self._run("mdb-count", str(self._path), table).strip()
        if counted != str(exported).encode():
            problem = (
                f"{exported} records can be read where its header counts {counted.decode('ascii', 'replace') or 'none'}: cut off or damaged"
            )
            raise broken(self._path, problem, system=self._system, table=table)

    def _run(self, program: str, *arguments: str, output: int = subprocess.PIPE) -> bytes:
        """One mdbtools program. Its messages are not repeated: they may quote data."""
        found = shutil.which(program)
        if found is None:
            raise SourceUnavailableError(f"{program} is not installed", system=self._system, hint="run `make services` (Debian: mdbtools)")
        with readable(self._path, self._system), self._path.open("rb"):
            pass
        # Without conversion for Access 97; later versions convert their Unicode to UTF-8.
        surroundings = {**os.environ, "MDB_JET3_CHARSET": "ISO-8859-1", "LC_ALL": "C.UTF-8"}
        if self._version == "JET3":
            surroundings["MDBICONV"] = "ISO-8859-1"
        try:
            done = subprocess.run(
                [found, *arguments], stdout=output, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=surroundings,
                timeout=self._seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise broken(self._path, f"{program} did not end within {self._seconds} s", system=self._system) from None
        if done.returncode or b"rror" in done.stderr:
            raise broken(self._path, f"{program} cannot read it (exit code {done.returncode})", system=self._system)
        return done.stdout or b""


def table_file(table: str) -> str:
    """A table's name as a file name."""
    return re.sub(r"[^\w-]", "_", table) + f"-{table.encode().hex()[:60]}"


def _column(match: re.Match[str], version: str) -> Column:
    kind, size = match["kind"].strip(), match["size"]
    is_bytes = kind in _BINARY or (kind in _TEXTS and version == "JET3")
    transport: Transport = "bytes" if is_bytes else "text"
    return Column(match["name"], f"{kind}({size})" if size else kind, match["null"] is None, transport)


def _decoded(array: pa.Array, column: Column) -> pa.Array:
    kind = column.declared_type.split("(")[0]
    if kind in _BINARY:
        return pa.array([None if value is None else bytes.fromhex(value.decode()) for value in array.to_pylist()], pa.binary())
    if kind == "Replication ID":
        texts = (None if value is None else bytes.fromhex(value.decode()) for value in array.to_pylist())
        return pa.array([None if text is None else str(uuid.UUID(text.decode())).encode() for text in texts], pa.binary())
    if kind in ("Double", "Single"):
        return plain_numbers(array)
    return array
