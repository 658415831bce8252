"""Take the sample through the mapping as the migration will: what it would hold back, and how long it takes."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pyarrow.compute as pc

from hopnhat.assess.filters import kept_rows
from hopnhat.assess.model import Rehearsal
from hopnhat.assess.sample import Sample
from mappings.read import load_domain
from mappings.spec import System, Table
from mappings.units.registry import Registry
from transforms.conform import conform
from transforms.places import Placer
from transforms.units import Scope

LOAD_PER_ROW = 8e-6
"""Seconds per row for copying into the target and building its keys and indexes: the measured floor, docs/runbooks/assess.md."""


def rehearse(system: System, table: Table, sample: Sample, registry: Registry) -> Rehearsal:
    """Needs a valid mapping. Rows that a filter leaves out are not counted as held."""
    entity = load_domain(system.domain).entities[table.entity]
    frame = sample.frame
    placer = (
        Placer(registry, Scope(provinces=tuple(system.provinces)), table.unit.carries, system.units_as_of.isoformat())
        if table.unit
        else None
    )
    conform(frame.slice(0, 20), system, table, entity, placer)  # the resolver builds its index once per process
    began = time.perf_counter()
    done = conform(frame, system, table, entity, placer)
    seconds = time.perf_counter() - began
    kept = kept_rows(frame, table, {name: column.transport for name, column in sample.columns.items()})
    held = np.zeros(frame.num_rows, bool)
    reasons = Counter[tuple[str, str]]()
    undecided = {name for name, column in table.columns.items() if column.codes and not system.codes[column.codes]}
    for problem in done.problems:
        if problem.field in undecided:  # an empty code map is a finding of its own
            continue
        mask = problem.reasons.is_valid().to_numpy(zero_copy_only=False).astype(bool) & kept
        held |= mask
        for code in pc.unique(problem.reasons.drop_null()).to_pylist():
            rows = pc.fill_null(pc.equal(problem.reasons, code), False).to_numpy(zero_copy_only=False).astype(bool)
            if count := int((rows & kept).sum()):
                reasons[problem.field, code] += count
    return Rehearsal(int(kept.sum()), int(held.sum()), tuple((*key, rows) for key, rows in reasons.most_common(20)), seconds)
