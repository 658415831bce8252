"""Schema drift, pure: what changed between two shapes of a table, and what the table's contract says about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hopnhat.extract.contract import Column, TableShape

ChangeKind = Literal["added", "dropped", "retyped", "nullable", "moved", "key"]
Policy = Literal["freeze", "quarantine", "accept"]
_STRICTEST: Sequence[Policy] = ("freeze", "quarantine", "accept")

DEFAULT: Mapping[ChangeKind, Policy] = {
    "added": "freeze", "dropped": "freeze", "retyped": "freeze", "nullable": "accept", "moved": "accept", "key": "freeze",
}  # fmt: skip
"""Without a contract: everything that can lose or bend a value stops the run."""


@dataclass(frozen=True)
class Change:
    kind: ChangeKind
    column: str
    before: str
    after: str

    def __str__(self) -> str:
        sign = {"added": "+", "dropped": "-"}.get(self.kind, "~")
        said = " → ".join(part for part in (self.before, self.after) if part)
        return f"{sign} {self.column}: {self.kind}" + (f" ({said})" if said else "")


@dataclass(frozen=True)
class Verdict:
    """`outcome` is the strictest policy that any change meets; `accept` when nothing changed."""

    outcome: Policy
    changes: tuple[Change, ...]

    @property
    def text(self) -> str:
        return "\n".join(str(change) for change in self.changes) or "no change"


def compare(before: TableShape, after: TableShape) -> tuple[Change, ...]:
    """Every difference, in a stable order. Reordered columns count once each, relative to the columns both have."""
    old = {column.name: column for column in before.columns}
    new = {column.name: column for column in after.columns}
    changes = [Change("dropped", name, old[name].declared_type, "") for name in old if name not in new]
    changes += [Change("added", name, "", new[name].declared_type) for name in new if name not in old]
    shared = [name for name in old if name in new]
    for name in shared:
        changes += _changed(old[name], new[name])
    moved = [name for name in new if name in old]
    changes += [
        Change("moved", name, f"place {at + 1}", f"place {moved.index(name) + 1}")
        for at, name in enumerate(shared)
        if moved.index(name) != at
    ]
    if before.primary_key != after.primary_key:
        changes.append(Change("key", "primary key", ", ".join(before.primary_key) or "none", ", ".join(after.primary_key) or "none"))
    return tuple(changes)


def judge(changes: Sequence[Change], contract: Policy | Mapping[ChangeKind, Policy] = "freeze") -> Verdict:
    """`contract`: one word for every kind of change, or a word per kind (missing kinds as in DEFAULT).

    One word never tightens what is harmless: `freeze` lets a moved or newly nullable column pass.
    """
    if isinstance(contract, str):
        policies: dict[ChangeKind, Policy] = {kind: contract if DEFAULT[kind] == "freeze" else "accept" for kind in DEFAULT}
    else:
        policies = {**DEFAULT, **contract}
    met = {policies[change.kind] for change in changes}
    outcome: Policy = next((policy for policy in _STRICTEST if policy in met), "accept")
    return Verdict(outcome, tuple(changes))


def said(changes: Sequence[Change]) -> str:
    """The changes on one line, what is lost first.

    >>> said([Change("added", "GHICHU", "", "C(20)"), Change("dropped", "MAXA", "", ""), Change("retyped", "SOBN", "N(5,0)", "C(9)")])
    'gone: MAXA; new: GHICHU (C(20)); retyped: SOBN (N(5,0) → C(9))'
    """
    words: Mapping[ChangeKind, str] = {"dropped": "gone", "added": "new", "retyped": "retyped", "key": "key", "nullable": "nullable", "moved": "moved"}
    groups = []
    for kind, word in words.items():
        found = [(change.column, " → ".join(part for part in (change.before, change.after) if part)) for change in changes if change.kind == kind]
        if found:
            groups.append(f"{word}: " + ", ".join(name + (f" ({detail})" if detail else "") for name, detail in found))
    return "; ".join(groups)


def shape_to_json(shape: TableShape) -> dict[str, Any]:
    """Without the row estimate: it changes by itself."""
    return {
        "columns": [[c.name, c.declared_type, c.nullable, c.transport] for c in shape.columns],
        "primary_key": list(shape.primary_key),
    }


def shape_from_json(data: Mapping[str, Any]) -> TableShape:
    columns = tuple(Column(str(n), str(t), bool(null), transport) for n, t, null, transport in data["columns"])
    return TableShape(columns, tuple(data["primary_key"]), None)


def _changed(old: Column, new: Column) -> list[Change]:
    changes = []
    if (old.declared_type, old.transport) != (new.declared_type, new.transport):
        before, after = (f"{c.declared_type}{' as ' + c.transport if old.transport != new.transport else ''}" for c in (old, new))
        changes.append(Change("retyped", old.name, before, after))
    if old.nullable != new.nullable:
        words = {True: "may be NULL", False: "never NULL"}
        changes.append(Change("nullable", old.name, words[old.nullable], words[new.nullable]))
    return changes
