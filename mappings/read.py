"""Read and check mapping files. Every complaint names the file and the line to open."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hopnhat.model.errors import MappingError
from mappings.spec import WITH_CHANGES, Domain, Entity, System, Table

HERE = Path(__file__).parent
M = TypeVar("M", bound=BaseModel)
_TEXT_KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")


def systems_dir() -> Path:
    return HERE / "systems"


def system_ids(folder: Path | None = None) -> list[str]:
    return sorted(p.stem for p in (folder or systems_dir()).glob("*.yml"))


def load_system(system_id: str, folder: Path | None = None) -> System:
    """Read one system and check it against its domain.

    Raises:
        MappingError: with file and line, for anything that the file leaves open or gets wrong.
    """
    path = (folder or systems_dir()) / f"{system_id}.yml"
    if not path.exists():
        known = ", ".join(system_ids(folder)) or "none yet"
        raise MappingError(f"no legacy system {system_id!r}", file=path.name, hint=f"known: {known}")
    system, lines = _parse(path, System)
    if system.id != path.stem:
        raise MappingError(f"id {system.id!r} is not the file name", file=path.name, line=lines.get(("id",), 1))
    if system.domain not in domain_ids():
        raise MappingError(f"no domain {system.domain!r}", file=path.name, line=lines.get(("domain",), 1), hint=f"known: {', '.join(domain_ids())}")
    domain = load_domain(system.domain)
    for number, table in enumerate(system.tables):
        _check_table(system, table, domain, path.name, lines, ("tables", number))
    return system


def domain_ids() -> list[str]:
    return sorted(p.stem for p in (HERE / "domains").glob("*.yml"))


@cache
def load_domain(domain: str) -> Domain:
    path = HERE / "domains" / f"{domain}.yml"
    if not path.exists():
        raise MappingError(f"no domain {domain!r}", hint=f"known: {', '.join(domain_ids())}")
    return _parse(path, Domain)[0]


def checksum(system: System) -> str:
    """Identity of what a system's mapping says of its values: not comments or layout, nor when and how gently it is read."""
    said = system.model_dump_json(exclude={"schedule": True, "governor": True, "tables": {"__all__": {"expect": True, "changes": True}}})
    return hashlib.sha256(said.encode()).hexdigest()


def _parse(path: Path, model: type[M]) -> tuple[M, dict[tuple[Any, ...], int]]:
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        lines = _lines(node) if node is not None else {}
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except UnicodeDecodeError as exc:
        raise MappingError("not UTF-8 text", file=path.name, hint="save the file as UTF-8") from exc
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 0
        raise MappingError(f"not readable as YAML: {exc.problem}", file=path.name, line=line) from exc
    if unquoted := lines.get(("__unquoted__",)):
        raise MappingError("a key that is not text", file=path.name, line=unquoted, hint="write it in quotes: codes are text, 05 is not 5")
    if duplicate := lines.get(("__duplicate__",)):
        raise MappingError("the same key twice", file=path.name, line=duplicate)
    try:
        return model.model_validate(data), lines
    except ValidationError as exc:
        first = exc.errors()[0]
        more = f" (and {exc.error_count() - 1} more)" if exc.error_count() > 1 else ""
        where = ".".join(str(part) for part in first["loc"])
        raise MappingError(f"{where}: {first['msg']}{more}", file=path.name, line=_nearest(lines, first["loc"])) from exc


def _lines(node: yaml.Node, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], int]:
    """Line of every key and item, by its path. Noted too: a key given twice, of which YAML would silently keep the last,
    and an unquoted key that YAML would read as a number or a truth value (05 → 5, yes → true)."""
    found = {path: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag not in _TEXT_KEYS:
                found.setdefault(("__unquoted__",), key.start_mark.line + 1)
            if key.value in seen:
                found[("__duplicate__",)] = key.start_mark.line + 1
            seen.add(key.value)
            inner = _lines(value, (*path, key.value))
            found |= inner | {(*path, key.value): key.start_mark.line + 1}
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            found |= _lines(value, (*path, number))
    return found


def _nearest(lines: dict[tuple[Any, ...], int], loc: tuple[Any, ...]) -> int:
    """The deepest known place on the way to an error: a missing key is reported at its parent."""
    for end in range(len(loc), -1, -1):
        if line := lines.get(tuple(loc[:end])):
            return line
    return 1


def _check_table(
    system: System, table: Table, domain: Domain, file: str, lines: dict[tuple[Any, ...], int], at: tuple[Any, ...]
) -> None:
    def wrong(problem: str, *place: Any, hint: str = "") -> MappingError:
        return MappingError(problem, file=file, line=_nearest(lines, (*at, *place)), hint=hint)

    entity = domain.entities.get(table.entity)
    if entity is None:
        raise wrong(f"no entity {table.entity!r} in domain {domain.domain}", "entity", hint=f"one of {', '.join(domain.entities)}")
    for name, column in table.columns.items():
        if name not in entity.columns:
            raise wrong(f"{table.entity} has no column {name!r}", "columns", name, hint=f"one of {', '.join(entity.columns)}")
        _check_codes(system, entity, name, column.codes, wrong)
        if entity.columns[name].kind == "timestamp" and not column.formats:
            raise wrong(f"{name} is a date without `formats`", "columns", name, hint="e.g. formats: [dd/mm/yyyy]")
    missing = [n for n, c in entity.columns.items() if c.required and n not in table.columns]
    if missing:
        raise wrong(f"required column not mapped: {', '.join(missing)}", "columns")
    if entity.has_unit and table.unit is None:
        raise wrong(f"{table.entity} belongs to a place: say which columns name it", hint="add `unit:`")
    _check_changes(system, table, wrong)
    both = sorted(set(table.used_columns()) & set(table.ignored))
    if both:
        raise wrong(f"column used and ignored at once: {', '.join(both)}", "ignored", both[0])


def _check_changes(system: System, table: Table, wrong: Any) -> None:
    if table.changes is None:
        return
    if system.technology not in WITH_CHANGES:
        raise wrong(f"{system.technology} has no change table", "changes", hint=f"only {', '.join(WITH_CHANGES)} can have one")
    if table.watermark:
        raise wrong("`changes` and `watermark` both say where a delta starts", "changes", hint="keep `changes`: it knows deletes too")
    if len(table.changes.key) != len(table.key):
        raise wrong(f"the table's key has {len(table.key)} columns, that of its change table {len(table.changes.key)}", "changes", "key")


def _check_codes(system: System, entity: Entity, name: str, codes: str | None, wrong: Any) -> None:
    codelist = entity.columns[name].codelist
    if codelist is None:
        return
    if codes is None:
        raise wrong(f"{name} is a code: its values mean different things in different systems", "columns", name, hint="add `codes:`")
    if codes not in system.codes:
        raise wrong(f"no code map {codes!r} under `codes:`", "columns", name)
    strange = sorted(set(system.codes[codes].values()) - set(codelist))
    if strange:
        raise wrong(f"code map {codes!r} gives {', '.join(strange)}, not in the code list of {name}", "columns", name)
