"""Law 3: a landed part is what was read, under the name of its own content, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopnhat.landing import parts
from hopnhat.landing.parts import has_part, read_part, write_manifest, write_part
from hopnhat.model.errors import LandingError


def frame(*values: bytes | None) -> pa.Table:
    field = pa.field("ten", pa.binary(), metadata={b"transport": b"bytes"})
    return pa.table([pa.array(values, pa.binary()), pa.array(range(len(values)), pa.int64())], schema=pa.schema([field, pa.field("_row", pa.int64())]))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.none(), st.binary(max_size=20)), max_size=20))
def test_what_was_read_comes_back_byte_for_byte(landing: Path, values: list[bytes | None]) -> None:
    part = write_part(str(landing), "mau.ho_so", frame(*values))
    back = read_part(str(landing), part.path)
    assert back["ten"].to_pylist() == values
    assert back.schema.field("ten").metadata == {b"transport": b"bytes"}
    assert part.rows == len(values)


def test_the_same_rows_are_the_same_file(landing: Path) -> None:
    first, again = (write_part(str(landing), "mau.ho_so", frame(b"a", None)) for _ in range(2))
    assert (first.path, first.sha256) == (again.path, again.sha256)
    assert (first.new, again.new) == (True, False)
    assert len(list(landing.rglob("*.parquet"))) == 1


def test_null_and_empty_are_different_content(landing: Path) -> None:
    assert write_part(str(landing), "s.t", frame(None)).sha256 != write_part(str(landing), "s.t", frame(b"")).sha256


def test_some_columns_can_be_read_alone(landing: Path) -> None:
    part = write_part(str(landing), "s.t", frame(b"a"))
    assert read_part(str(landing), part.path, ["_row"]).column_names == ["_row"]
    assert has_part(str(landing), part.path)


def test_a_part_that_is_gone_or_cut_is_an_error_with_advice(landing: Path) -> None:
    part = write_part(str(landing), "s.t", frame(b"a"))
    file = landing / part.path
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(LandingError, match="cannot be read"):
        read_part(str(landing), part.path)
    file.unlink()
    assert not has_part(str(landing), part.path)
    with pytest.raises(LandingError, match="is gone"):
        read_part(str(landing), part.path)


def test_a_full_disk_leaves_nothing_behind(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parts.os, "fsync", full)
    with pytest.raises(LandingError, match="free space"):
        write_part(str(landing), "s.t", frame(b"a"))
    assert [f for f in landing.rglob("*") if f.is_file()] == []


def test_a_root_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(LandingError, match="cannot be written"):
        write_part(str(tmp_path / "file"), "s.t", frame(b"a"))


def test_the_manifest_of_a_run_is_replaced_as_a_whole(landing: Path) -> None:
    part = write_part(str(landing), "mau.t", frame(b"a"))
    for rows in (1, 2):
        path = write_manifest(str(landing), "r1", "mau", "sha256:x", [{"source": "mau.t", "path": part.path, "rows": rows}])
    said = json.loads((landing / path).read_text(encoding="utf-8"))
    assert (said["run_id"], said["system"], said["snapshot"]) == ("r1", "mau", "sha256:x")
    assert said["parts"] == [{"source": "mau.t", "path": part.path, "rows": 2, "bytes": part.bytes}]
