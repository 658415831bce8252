"""A proposal of `mappings/systems/<id>.yml`: what is sure stands as YAML, what a person must decide stands in comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from hopnhat.assess.draft_codes import code_maps
from hopnhat.assess.masking import printed
from hopnhat.assess.model import ColumnFacts, Role, TableFacts
from hopnhat.assess.naming import UNIT_INPUTS, WATERMARK, folded
from hopnhat.assess.wording import ERAS, encoding_words
from hopnhat.extract.contract import ROW
from mappings.spec import Domain, Entity

_PLAIN = re.compile(r"[^\W\d][\w/()%]*(?: [\w/()%]+)*")
_RESERVED = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
ASK_WHY = "cần chủ quản dữ liệu ghi lý do không chuyển cột này, hoặc ánh xạ cột"


def system_id(name: str) -> str:
    """A file or system name as an identifier of the mapping files.

    >>> system_id("Sổ tiếp nhận 2024.xlsx"), system_id("123")
    ('so_tiep_nhan_2024_xlsx', 's_123')
    """
    words = [folded(word) for word in re.split(r"[^\w]+|_", name)]
    plain = "_".join(word for word in words if word)
    plain = plain if plain[:1].isalpha() and len(plain) > 1 else f"s_{plain or 'x'}"
    return plain[:41].rstrip("_")


def quoted(text: str) -> str:
    """A YAML scalar that reads back as this very text.

    >>> quoted("MAHS"), quoted("Số CCCD/CMND"), quoted("001"), quoted("no")
    ('MAHS', 'Số CCCD/CMND', '"001"', '"no"')
    """
    return text if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED else json.dumps(text, ensure_ascii=False)


def draft(system: str, title: str, domain: Domain, technology: str, options: dict[str, object], tables: Sequence[TableFacts]) -> str:
    """The whole file. Tables whose required columns are not found are written as comments: they would not parse."""
    usable = [facts for facts in tables if is_usable(facts, domain)]
    lines = [
        "# Bản nháp do lượt khảo sát đề xuất. Người phụ trách đọc từng dòng, sửa, rồi chép vào mappings/systems/.",
        "# Số sau mỗi cột là độ tin cậy của phỏng đoán (1 là chắc chắn); dòng có dấu (?) cần người quyết định.",
        f"id: {system}", f"title: {quoted(title)}", f"domain: {domain.domain}", f"technology: {technology}",
        f"connection: {system}", f"server: {system}", *_units_as_of(usable),
        "provinces: []  # (?) mã tỉnh cũ mà hệ thống phục vụ; để trống là mọi tỉnh",
    ]  # fmt: skip
    if options:
        lines += ["options:", *(f"  {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in options.items())]
    lines += code_maps(usable, domain)
    lines += ["tables:"] if usable else ["tables: []  # (?) chưa bảng nào đủ cột bắt buộc: hoàn thiện một khối bên dưới rồi bỏ dấu #"]
    for facts in usable:
        lines += _table(facts, domain.entities[facts.plan.entity or ""] if facts.plan else None)
    for facts in tables:
        if facts not in usable:
            lines += _unusable(facts, domain)
    return "\n".join(lines) + "\n"


def is_usable(facts: TableFacts, domain: Domain) -> bool:
    """Whether the sure roles fill the entity's required columns."""
    if facts.plan is None or facts.plan.entity is None or facts.error:
        return False
    sure = {role.name for role in facts.plan.roles.values() if role.sure}
    return all(name in sure for name, column in domain.entities[facts.plan.entity].columns.items() if column.required)


def draft_key(facts: TableFacts) -> tuple[tuple[str, ...], str]:
    """The key to propose and why: declared, else the best unique column, else the row number."""
    numbers = {column for column, role in facts.plan.roles.items() if role.name == "dossier_no"} if facts.plan else set()
    unique = sorted((key for key in facts.keys if key.unique), key=lambda key: (key.origin != "declared", key.columns[0] not in numbers))
    if unique:
        why = (
            "khóa khai báo ở nguồn"
            if unique[0].origin == "declared"
            else "không trùng, không trống trên toàn bảng; (?) nhà cung cấp xác nhận"
        )
        return unique[0].columns, why
    if facts.plan and facts.plan.key == (ROW,):
        return (ROW,), "(?) không cột nào không trùng: tạm dùng số dòng của tệp"
    nearest = min(facts.keys, key=lambda key: key.duplicates + key.missing, default=None)
    if nearest is not None:
        return nearest.columns, f"(?) còn trùng {nearest.duplicates} dòng, thiếu {nearest.missing} dòng: chọn lại cùng nhà cung cấp"
    return (facts.columns[0].name,), "(?) chưa tìm thấy khóa: chọn cùng nhà cung cấp"


def _units_as_of(tables: Sequence[TableFacts]) -> Iterator[str]:
    eras = [facts.units.era for facts in tables if facts.units is not None]
    era = eras[0] if eras else "undecided"
    day = "2025-07-01" if era == "new" else "2025-06-30"
    mark = "" if era in ("old", "new") else "(?) "
    yield f"units_as_of: {day}  # {mark}cột đơn vị: {ERAS.get(era, era)}"


def _table(facts: TableFacts, entity: Entity | None) -> Iterator[str]:
    plan = facts.plan
    assert plan is not None
    assert entity is not None
    key, why = draft_key(facts)
    encoding = table_encoding(facts)
    yield f"  - name: {quoted(facts.name)}  # {facts.rows} dòng"
    yield f"    entity: {plan.entity}  # {entity.label}"
    yield f"    key: [{', '.join(quoted(part) for part in key)}]  # {why}"
    if plan.watermark:
        yield f"    watermark: {quoted(plan.watermark)}  # (?) mốc nạp phần thay đổi: hỏi nhà cung cấp có luôn được cập nhật không"
    if encoding != "utf-8":
        yield f"    encoding: {encoding}  # {encoding_words(encoding)}"
    yield f"    expect: {{min_rows: {int(facts.rows * 0.8)}, max_rows: {max(1, facts.rows * 2)}}}  # (?) theo số dòng lúc khảo sát"
    yield "    columns:"
    roles = {role.name: (column, role) for column, role in plan.roles.items() if role.sure}
    for name in entity.columns:
        if name in roles:
            yield _column(name, *roles[name], plan.name, encoding)
    for name, column in entity.columns.items():
        if name not in roles:
            yield f"      # {name}: chưa thấy cột nào cho {column.label}{_suggestion(name, plan.roles)}"
    if entity.has_unit:
        yield from _unit(facts, encoding)
    yield from _ignored(facts, key)


def _column(name: str, column: str, role: Role, table: str, encoding: str) -> str:
    extra = [f"from: {quoted(column)}"]
    if role.formats:
        extra.append(f"formats: [{', '.join(role.formats)}]")
    if role.kind == "code":
        extra.append(f"codes: {code_map_name(table, name)}")
    if role.encoding not in (encoding, "utf-8") or (role.encoding == "utf-8" != encoding and role.kind in ("text", "name")):
        extra.append(f"encoding: {role.encoding}")
    told = f"  # {role.confidence:.2f} {_one_line(role.why)}".replace(".", ",", 1)
    return f"      {name}: {quoted(column) if len(extra) == 1 else '{' + ', '.join(extra) + '}'}{told}"


def code_map_name(table: str, field: str) -> str:
    return f"{system_id(table)[: 40 - len(field)]}_{field}"


def _suggestion(name: str, roles: object) -> str:
    weak = [(column, role) for column, role in dict(roles).items() if role.name == name]  # type: ignore[call-overload]
    return f"; có thể là {quoted(weak[0][0])} ({weak[0][1].confidence:.2f})".replace(".", ",") if weak else ""


def _unit(facts: TableFacts, encoding: str) -> Iterator[str]:
    plan = facts.plan
    assert plan is not None
    yield "    unit:"
    yield "      carries: people  # (?) people: theo nơi ở của người; area: theo đất đai, công trình"
    for name in UNIT_INPUTS:
        if name in plan.unit and not (name == "text" and len(plan.unit) > 1):
            role = plan.roles[plan.unit[name]]
            yield f"      {name}: {quoted(plan.unit[name])}  # {role.confidence:.2f} {_one_line(role.why)}".replace(".", ",", 1)
    if "text" in plan.unit and len(plan.unit) > 1:
        yield f"      address: {quoted(plan.unit['text'])}  # địa chỉ giữ nguyên văn"
    encodings = {plan.roles[column].encoding for name, column in plan.unit.items() if not name.endswith("_code")} - {"utf-8"}
    if encodings and encodings != {encoding}:
        yield f"      encoding: {min(encodings)}"
    elif not plan.unit:
        yield "      # (?) chưa thấy cột nào chỉ xã, huyện, tỉnh hay địa chỉ: mọi dòng sẽ bị giữ lại cho đến khi có"


def _ignored(facts: TableFacts, key: Sequence[str]) -> Iterator[str]:
    plan = facts.plan
    assert plan is not None
    used = {column for column, role in plan.roles.items() if role.sure and role.name != WATERMARK} | set(key) | {plan.watermark}
    left = [column for column in facts.columns if column.name not in used]
    if left:
        yield "    ignored:"
        yield from (f"      {quoted(column.name)}: {_why_left(column.name)}  # {_told(column)}" for column in left)


def _why_left(column: str) -> str:
    is_secret = any(word in folded(column) for word in ("password", "matkhau", "passwd"))
    return "mật khẩu, không bao giờ rời hệ thống cũ" if is_secret else ASK_WHY


def _told(column: ColumnFacts) -> str:
    filled = "cột nhị phân, không đọc" if not column.read else f"dài nhất {column.longest} byte, {column.nulls + column.blanks} dòng trống"
    weak = (
        f"; có thể là {column.role.name} ({column.role.confidence:.2f})".replace(".", ",") if column.role and not column.role.sure else ""
    )
    return f"{printed(column.declared_type)}, {filled}{weak}"


def _unusable(facts: TableFacts, domain: Domain) -> Iterator[str]:
    yield f"# (?) Bảng {_one_line(facts.name)} ({facts.rows} dòng): " + (
        "không đọc được" if facts.error else "chưa đủ cột bắt buộc; chọn đối tượng đích hoặc bỏ qua"
    )
    if facts.plan is not None and facts.plan.entity is not None and facts.plan.roles:
        yield from (f"#{line}" for line in _table(facts, domain.entities[facts.plan.entity]))
    elif facts.columns:
        yield f"#   cột: {_one_line(', '.join(column.name for column in facts.columns))}"


def table_encoding(facts: TableFacts) -> str:
    """The encoding of most of the table's text columns that have more than ASCII."""
    found = [c.role.encoding for c in facts.columns if c.role is not None and c.role.sure and "ascii-only" not in c.evidence and c.longest]
    return max(set(found), key=lambda name: (found.count(name), name)) if found else "utf-8"


def _one_line(text: str) -> str:
    return printed(" ".join(text.split())) if len(text) <= 60 else printed(" ".join(text.split())[:57]) + "…"
