"""What an unknown file is, by its first bytes and not by its name, and which reader options it needs."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hopnhat.assess.unreadable import UnreadableError
from hopnhat.extract.files import readable

_HEAD = 1 << 18
_DBF_VERSIONS = (0x02, 0x03, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0xCB, 0xF5, 0xFB)
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".tab")
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13})
_DELIMITERS = ",;\t|"
_MOST_CONTROL = 0.03
"""Share of control bytes above which bytes are no text: VISCII, the worst text, has under 0.01, random bytes 0.11."""


@dataclass(frozen=True)
class Sniffed:
    technology: str
    options: dict[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def sniff(path: Path) -> Sniffed:
    """Raises UnreadableError for what is no file of a kind we read."""
    name = path.name
    _require_plain(path)
    with readable(path, ""), path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise UnreadableError(f"{name}: tệp rỗng (0 byte)", hint="xin lại tệp")
    found = _by_magic(path, head) or _by_text(path, head)
    if found is None:
        raise UnreadableError(
            f"{name}: không nhận ra loại tệp (nội dung nhị phân lạ)",
            hint="đọc được: dbf, xls, xlsx, csv, tsv, mdb, accdb, sqlite, jsonl, xml",
        )
    return found


def _require_plain(path: Path) -> None:
    """A folder, a pipe (which would be waited for) or a device (read without end) is no file; nor is a name nobody can write."""
    try:
        os.fsdecode(path).encode()
        folder, special = path.is_dir(), path.exists() and not path.is_file()
        unusable = "\0" in str(path)
    except OSError as error:
        unusable, folder, special = error.errno == errno.ENAMETOOLONG, False, False  # another one is told when the file is opened
    except ValueError:
        unusable = True
    if unusable:
        raise UnreadableError("tên tệp không dùng được (quá dài hoặc có ký tự hỏng)", hint="đổi tên tệp rồi khảo sát lại")
    if folder:
        raise UnreadableError(f"{path.name}: là thư mục, không phải tệp", hint="chỉ một tệp cho mỗi lần --file")
    if special:
        raise UnreadableError(f"{path.name}: không phải tệp thường (đường ống, thiết bị hoặc socket)", hint="chép thành tệp rồi khảo sát")


def _by_magic(path: Path, head: bytes) -> Sniffed | None:
    if head.startswith(b"SQLite format 3\0"):
        return Sniffed("sqlite")
    if head[4:19] in (b"Standard Jet DB", b"Standard ACE DB"):
        return Sniffed("access")
    if head.startswith(b"PK\x03\x04"):
        return _package(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in head + _tail(path):
            raise UnreadableError(f"{path.name}: tệp được đặt mật khẩu", hint="đề nghị chủ tệp lưu lại không mật khẩu")
        return Sniffed("excel")
    suffix = path.suffix.lower()
    if suffix in (".mdb", ".accdb", ".xls", ".xlsx", ".xlsm", ".xlsb", ".sqlite", ".db", ".sqlite3") and not _is_text(head):
        raise UnreadableError(f"{path.name}: nội dung không phải là tệp {suffix} (hỏng hoặc đổi đuôi)", hint="xin bản sao nguyên vẹn")
    if head[0] in _DBF_VERSIONS and (suffix == ".dbf" or _is_dbf(head)):
        return Sniffed("dbf")
    if suffix == ".dbf":
        raise UnreadableError(f"{path.name}: phần đầu không phải của tệp DBF", hint="xin bản sao nguyên vẹn")
    return None


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _HEAD))
        return file.read(_HEAD)


def require_sound_database(path: Path) -> None:
    """A damaged tree of pages can give the same rows for ever: SQLite's own check finds it."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            (said,) = base.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # locked, or not to be opened: the reader tells which
        return
    except sqlite3.DatabaseError:
        said = "damaged"
    if said != "ok":
        raise UnreadableError(
            f"{path.name}: cơ sở dữ liệu SQLite bị hỏng", hint="xin bản sao nguyên vẹn, chép khi chương trình ghi tệp đã dừng"
        )


def _is_dbf(head: bytes) -> bool:
    length = int.from_bytes(head[8:10], "little")
    return (
        len(head) > 33
        and 33 <= length < len(head)
        and head[2] in range(1, 13)
        and head[3] in range(1, 32)
        and b"\r" in head[length - 264 : length + 1]
    )


def _package(path: Path) -> Sniffed:
    try:
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise UnreadableError(f"{path.name}: gói nén (xlsx) hỏng hoặc bị cắt", hint="xin bản sao nguyên vẹn") from None
    if names & {"xl/workbook.xml", "xl/workbook.bin"} or any(name.startswith("xl/") for name in names):
        return Sniffed("excel")
    raise UnreadableError(f"{path.name}: là gói nén nhưng không phải bảng tính xlsx", hint="giải nén rồi khảo sát từng tệp")


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return sum(head.count(bytes([byte])) for byte in _CONTROL) <= _MOST_CONTROL * len(head)


def _by_text(path: Path, head: bytes) -> Sniffed | None:
    if not _is_text(head):
        return None
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise UnreadableError(f"{path.name}: văn bản UTF-32", hint="lưu lại ở UTF-8")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = path.suffix.lower()
    if start.startswith(b"<") and (suffix in (".xml", ".edxml") or re.match(rb"<\?xml|<[\w:]+[\s>]", start)):
        return Sniffed("xml")
    if start.startswith(b"{") or suffix in (".jsonl", ".ndjson"):
        return Sniffed("jsonl")
    if suffix == ".json" and start.startswith(b"["):
        raise UnreadableError(f"{path.name}: là một mảng JSON", hint="xuất lại mỗi dòng một đối tượng JSON (JSON lines)")
    if not start:
        raise UnreadableError(f"{path.name}: tệp chỉ có khoảng trắng", hint="xin lại tệp")
    return _delimited(path, head, suffix)


def _delimited(path: Path, head: bytes, suffix: str) -> Sniffed:
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16", "replace") if is_wide else head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    lines = [line for line in re.split(r"\r\n|\r|\n", text, maxsplit=200)[:200] if line.strip()]  # splitlines() cuts at bytes of letters
    lines = lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines
    if lines and len(lines[0]) >= csv.field_size_limit():
        raise UnreadableError(
            f"{path.name}: dòng đầu dài hơn {csv.field_size_limit()} ký tự",
            hint="không phải bảng, hoặc tệp mất dấu xuống dòng: xin bản xuất khác",
        )
    if any(len(line) >= csv.field_size_limit() for line in lines):
        delimiter = next((sign for sign in _DELIMITERS if sign in lines[0]), None)
        lines = [line for line in lines if len(line) < csv.field_size_limit()]
    else:
        delimiter = _delimiter(text, lines)
    if delimiter is None:
        if suffix not in _TEXT_SUFFIXES:
            raise UnreadableError(
                f"{path.name}: là văn bản nhưng không thấy dấu phân cách cột", hint="xuất ra CSV có dấu phẩy hoặc chấm phẩy"
            )
        delimiter = ","
    rows = list(csv.reader(io.StringIO("\n".join(lines[:30])), delimiter=delimiter))
    options: dict[str, object] = {} if delimiter == "," else {"delimiter": "tab" if delimiter == "\t" else delimiter}
    if rows and _is_data(rows[0]):
        options |= {"header_row": 0, "columns": [f"cot_{n}" for n in range(1, len(rows[0]) + 1)]}
        return Sniffed("csv", options, ("Tệp không có dòng tiêu đề: các cột được đặt tên cot_1, cot_2, …",))
    return Sniffed("csv", options)


def _delimiter(text: str, lines: list[str]) -> str | None:
    """The sign that cuts most lines into the same number of cells, at least two."""
    best: tuple[float, int, str] | None = None
    for sign in _DELIMITERS:
        rows = [len(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=sign)] if sign in text else []
        if not rows:
            continue
        width, often = Counter(rows).most_common(1)[0]
        if width > 1 and (best is None or (often / len(rows), width) > best[:2]):
            best = (often / len(rows), width, sign)
    return best[2] if best and best[0] >= 0.6 else None


def _is_data(cells: list[str]) -> bool:
    """Whether a first row is data: names of columns hold no long numbers and no dates."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    typed = sum(bool(re.fullmatch(r"[\d.,/:\- ]{2,}", cell)) or bool(re.search(r"\d{6,}", cell)) for cell in filled)
    return len(filled) > 1 and typed >= max(2, 0.3 * len(filled))
