"""What a CSV may look like, and what resolving one costs in memory."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopnhat import resolve_csv
from hopnhat.model.errors import MappingError
from hopnhat.resolve import registry, resolve_file
from hopnhat.resolve_csv import Table
from mappings.units.timeline import REFORM

ROOT = Path(__file__).parents[3]
TAN_LINH = "Xã Tản Lĩnh, Huyện Ba Vì, Hà Nội"
PEAK = 150  # MB
MEASURE = """
import os, sys
child = os.fork()
if child == 0:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
_, status, used = os.wait4(child, 0)
print(status, used.ru_maxrss // 1024)
"""


def through(folder: Path, data: bytes) -> list[dict[str, str]]:
    (folder / "in.csv").write_bytes(data)
    resolve_file(folder / "in.csv", folder / "out.csv", say=lambda _: None)
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "text",
    [
        f'id,text\n1,"{TAN_LINH}"\n',
        f'\ufeffid,text\r\n1,"{TAN_LINH}"\r\n',
        f'"id","text"\n"1","{TAN_LINH}"',
        f'text,id\n"{TAN_LINH}",1\n',
        f'id,ghi chú,text\n1,"dòng\nhai",  "{TAN_LINH}"\n'.replace("  ", ""),
        f'id,text\n\n1,"{TAN_LINH.replace(", ", chr(10))}"\n\n',
        "id,commune,district\n1,Xã Tản Lĩnh,Huyện Ba Vì\n",
    ],
    ids=["plain", "excel", "all quoted", "id last", "other columns", "line breaks inside", "columns"],
)
def test_forms_of_a_file(tmp_path: Path, text: str) -> None:
    rows = through(tmp_path, text.encode())
    assert [(row["id"], row["new_commune_code"]) for row in rows] == [("1", "09694")]


def test_ids_come_back_as_they_were(tmp_path: Path) -> None:
    ids = ['a"b', "a,b", '"', "", " x ", "dòng\nhai", "'"]
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *([one, TAN_LINH] for one in ids)])
    rows = through(tmp_path, (tmp_path / "in.csv").read_bytes())
    assert [row["id"] for row in rows] == ids


def test_a_file_without_ids_keeps_its_order(tmp_path: Path) -> None:
    rows = through(tmp_path, f'text\n"{TAN_LINH}"\ntest\n"{TAN_LINH}"\n'.encode())
    assert "id" not in rows[0]
    assert [row["status"] for row in rows] == ["resolved", "unmatched", "resolved"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"id,text\n1,x\n2,y,z\n", "3 fields where the header has 2.*record 2"),
        (b"id,text\n1,x\n2\n", "1 fields where the header has 2.*record 2"),
        (b"id,other,text\n1,x,y\n2,y\n", "2 fields where the header has 3.*record 2"),
        (b"id,text\n1,x\n2,\xff\xfe\n", "not UTF-8 or not CSV.*record 2"),
        (b"", "no column to resolve"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        through(tmp_path, data)


def test_a_quote_that_is_never_closed_does_not_eat_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve_csv, "PIECE", 1_000)
    monkeypatch.setattr(resolve_csv, "LONGEST", 5_000)
    with pytest.raises(MappingError, match="never closed"):
        through(tmp_path, b'id,text\n1,"x\n' + b"2,y\n" * 5_000)


CELL = st.text(st.sampled_from('ab",\n x1ạ'), max_size=6)


@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), max_size=12),
    piece=st.integers(3, 60),
    order=st.permutations(["id", "text", "commune"]),
    extra=st.booleans(),
)
@settings(max_examples=200)
def test_records_are_those_of_the_csv_module(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], piece: int, order: list[str], extra: bool
) -> None:
    """Whatever is quoted and wherever a piece ends."""
    path = tmp_path_factory.mktemp("csv") / "in.csv"
    columns = [*order, "note"] if extra else order
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *(row + ("n",) * extra for row in rows)])
    seen = []
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as source:
        patch.setattr(resolve_csv, "PIECE", piece)
        table = Table(source, "in.csv", ("text", "commune"))
        for part in table.pieces():
            fields = [dict(zip(table.names, row, strict=True)) for row in table.rows(part.keys, part)]
            ids = [next(csv.reader([one.decode()]), [""]) for one in part.ids]
            seen += [{**row, "id": (one or [""])[0]} for row, one in zip(fields, ids, strict=True)]
    assert seen == [dict(zip(order, row, strict=False)) for row in rows]


def test_the_codes_say_which_system_they_are_of(tmp_path: Path) -> None:
    lines: list[str] = []
    new = [unit for unit in registry().instances if unit.level == "commune" and unit.valid_from == REFORM][::40]
    (tmp_path / "in.csv").write_text("id,commune_code\n" + "".join(f"{n},{unit.code}\n" for n, unit in enumerate(new)), "utf-8")
    resolve_file(tmp_path / "in.csv", tmp_path / "out.csv", say=lines.append)
    assert len(lines) == 1
    assert lines[0].startswith("era: the units are new")
    assert "--era new" in lines[0]
    resolve_file(tmp_path / "in.csv", tmp_path / "out.csv", era="old", say=lines.append)
    assert lines[1].startswith("era: declared old, but the units are new")


def test_peak_memory_of_the_command(tmp_path: Path) -> None:
    """6,000 different addresses, clean, damaged and in legacy bytes, in the process that a script starts."""
    rng = random.Random(1)
    units = {unit.code: unit for unit in registry().instances if unit.valid_to == REFORM}
    communes = rng.sample(sorted(code for code in units if len(code) == 5), 3_000)
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "text"])
        for code in communes:
            district = units[units[code].parent_code]
            text = f"{units[code].name}, {district.name}, {units[district.parent_code].name}"
            at = rng.randrange(len(text) // 2)
            out.writerow([code, f"Số {code} {text}"])
            out.writerow([code, text[:at] + text[at + 1 :] if rng.random() < 0.8 else text.encode().decode("latin-1")])
    command = [sys.executable, "-c", MEASURE, "-m", "hopnhat", "resolve", str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    status, peak = map(int, done.stdout.split())
    assert status == 0
    assert peak <= PEAK
    assert len((tmp_path / "out.csv").read_text("utf-8").splitlines()) == 6_001


def test_no_arrays_and_frames_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('id,text\n1,"X· T¶n LÜnh, HuyÖn Ba V×, Thµnh phè Hµ Néi"\n', "utf-8")
    code = (
        "import sys; from hopnhat.resolve import resolve_file; "
        f"resolve_file({str(tmp_path / 'in.csv')!r}, {str(tmp_path / 'out.csv')!r}); "
        "print([name for name in ('pandas', 'pyarrow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
