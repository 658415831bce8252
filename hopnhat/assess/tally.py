"""What is counted of one column while its table streams by. Memory does not grow with the rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.assess.masking import shown_value
from hopnhat.assess.model import Activity, ColumnFacts, Hit, Role
from hopnhat.assess.probes import found_faults
from hopnhat.assess.sample import SampleColumn
from mappings.spec import DomainColumn
from transforms.dates import parse_timestamps
from transforms.text import decode

KEPT_VALUES = 1_000
_SHOWN_VALUES = 60
_KEYS, _SAMPLES = 5, 3
_CROWD = 5
_CODELIKE = re.compile(r"[A-Za-z0-9_.\-]{1,8}|[a-z_]{1,20}")
"""A value of a column that nobody knows is shown when it looks like a code and so many rows share it. Words with capitals or
marks are never shown: the name of an official repeats on many rows."""
Rows = npt.NDArray[np.int64]


@dataclass
class _Count:
    rows: int = 0
    keys: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)


class ColumnTally:
    """Adds up one column, range by range."""

    def __init__(self, sample: SampleColumn, role: Role | None, domain_column: DomainColumn | None, today: datetime) -> None:
        self.sample, self.role, self.domain_column, self.today = sample, role, domain_column, today
        self.encoding = role.encoding if role is not None else sample.encoding
        self.rows = self.nulls = self.blanks = self.longest = 0
        self.shortest: int | None = None
        self.values: Counter[str] | None = Counter()
        self.hits: dict[str, _Count] = {}
        self.months: Counter[str] = Counter()
        self.greatest: datetime | None = None
        self.undated = self.future = 0

    def add(self, column: pa.Array, keys: Callable[[Rows], list[str]]) -> None:
        """One range; `keys(rows)` names the rows at these places."""
        coded = column.dictionary_encode()
        indices = coded.indices
        places = pc.fill_null(indices, len(coded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
        counts = np.bincount(places, minlength=len(coded.dictionary) + 1)
        self.rows += len(column)
        self.nulls += int(counts[-1])
        distinct, counts = coded.dictionary, counts[:-1]
        if not len(distinct):
            return
        decoded = decode(distinct, transport=self.sample.transport, encoding=self.encoding)
        self._measure(distinct, counts)
        self._keep(decoded.values, counts)
        self._date(decoded.values, counts)
        for code, mask in found_faults(distinct, decoded.values, decoded, self.role, self.encoding):
            self._hit(code, mask, distinct, decoded.values, counts, places, keys)

    def _measure(self, distinct: pa.Array, counts: Rows) -> None:
        blank = pc.match_substring_regex(distinct, r"^\s*$").to_numpy(zero_copy_only=False).astype(bool)
        self.blanks += int(counts[blank].sum())
        lengths = pc.binary_length(distinct).to_numpy(zero_copy_only=False)
        self.longest = max(self.longest, int(lengths.max()))
        if not blank.all():
            least = int(lengths[~blank].min())
            self.shortest = least if self.shortest is None else min(self.shortest, least)

    def _keep(self, texts: pa.Array, counts: Rows) -> None:
        if self.values is None or len(texts) > KEPT_VALUES:
            self.values = None
            return
        for value, rows in zip(texts.to_pylist(), counts.tolist(), strict=True):
            if value is not None and value.strip():
                self.values[value.strip()] += rows
        if len(self.values) > KEPT_VALUES:
            self.values = None

    def _date(self, texts: pa.Array, counts: Rows) -> None:
        if self.role is None or self.role.kind not in ("timestamp", "watermark") or not self.role.formats:
            return
        read = parse_timestamps(texts, formats=list(self.role.formats)).values
        for moment, rows in zip(read.to_pylist(), counts.tolist(), strict=True):
            if moment is None:
                self.undated += rows
            elif moment > self.today:
                self.future += rows
            else:
                self.months[f"{moment:%Y-%m}"] += rows
                self.greatest = moment if self.greatest is None else max(self.greatest, moment)

    def _hit(
        self, code: str, mask: npt.NDArray[np.bool_], distinct: pa.Array, texts: pa.Array, counts: Rows, places: Rows,
        keys: Callable[[Rows], list[str]],
    ) -> None:  # fmt: skip
        count = self.hits.setdefault(code, _Count())
        count.rows += int(counts[mask].sum())
        if len(count.keys) < _KEYS:
            rows = np.flatnonzero(np.append(mask, False)[places])[: _KEYS - len(count.keys)]
            count.keys += keys(rows)
        for at in np.flatnonzero(mask)[: _SAMPLES - len(count.samples)]:
            kind = "timestamp" if code == "zero-date" else self._kind()
            count.samples.append(shown_value(distinct[at].as_py(), texts[at].as_py(), kind, self.domain_column))

    def _kind(self) -> str:
        """How to mask: names and codes of places are nobody's data, an address is."""
        if self.role is None:
            return ""
        return "place" if self.role.kind == "unit" and self.role.name != "text" else self.role.kind

    def facts(self) -> ColumnFacts:
        hits = tuple(Hit(code, one.rows, tuple(one.keys), tuple(one.samples)) for code, one in sorted(self.hits.items()))
        found = self.sample.detection
        return ColumnFacts(
            self.sample.name, self.sample.declared_type, self.nulls, self.blanks, self.shortest or 0, self.longest,
            None if self.values is None else len(self.values), self.encoding, found.encoding,
            found.evidence, self.role, hits, self._shown(),
        )  # fmt: skip

    def _shown(self) -> tuple[tuple[str, int], ...]:
        """The values of a column of few values. Codes in full; of unknown columns only what many rows share."""
        if self.values is None or len(self.values) > _SHOWN_VALUES:
            return ()
        shown = Counter[str]()
        for value, rows in self.values.items():
            is_code = self._kind() in ("code", "place")
            plain = is_code or (self.role is None and rows >= _CROWD and _CODELIKE.fullmatch(value) is not None)
            shown[shown_value(None, value, "code" if plain else self._kind(), None if plain else self.domain_column)] += rows
        return tuple(shown.most_common(_SHOWN_VALUES))

    def activity(self) -> Activity | None:
        if self.greatest is None:
            return None
        recent = [(f"{month[5:]}/{month[:4]}", rows) for month, rows in sorted(self.months.items())[-12:]]
        return Activity(self.sample.name, f"{self.greatest:%Y-%m-%d %H:%M:%S}", self.undated, self.future, tuple(recent))
