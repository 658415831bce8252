"""Facts that settle a split beyond names and codes: rules on places, boundaries, the meridians of land coordinates.

All three are optional: a province may bring its own boundary file and its own rules (from the resolutions' hamlet lists
or from its stewards' decisions); without them a split stays open.
"""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hopnhat.model.errors import MappingError

_CODE = re.compile(r'"code":"(\d{5})"')
HERE = Path(__file__).parent
PLACES = HERE / "rules" / "places.csv"
POLYGONS = HERE / "polygons" / "communes_2025.geojson.gz"


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """In the old unit, records that name this hamlet, street or area belong to this new unit; `decision` cites why."""

    old_code: str
    place: str
    new_code: str
    decision: str
    decided_by: str
    decided_on: str


def load_rules(path: Path = PLACES) -> tuple[PlaceRule, ...]:
    """The place rules of a file. Raises MappingError for a rule without a decision to cite."""
    with path.open(encoding="utf-8", newline="") as file:
        rules = tuple(PlaceRule(**row) for row in csv.DictReader(file))
    for line, rule in enumerate(rules, start=2):
        if not (rule.old_code and rule.place and rule.new_code and rule.decision):
            raise MappingError("a place rule needs old_code, place, new_code and decision", file=str(path), line=line)
    return rules


@lru_cache(maxsize=2)
def load_shapes(path: Path = POLYGONS) -> dict[str, str]:
    """New commune code → its GeoJSON feature (WGS84) as text, parsed only where needed; empty without the optional file.

    The file holds one feature a line. A province's own boundaries go into a file of the same form.
    """
    if not path.exists():
        return {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = (line.rstrip(",\n") for line in file)
        return {_CODE.search(line)[1]: line for line in lines if line.startswith('{"type":"Feature",')}  # type: ignore[index]


@lru_cache(maxsize=1)
def meridians() -> dict[str, int]:
    """Old province code → EPSG code of its VN-2000 3° zone."""
    with (HERE / "central_meridians.csv").open(encoding="utf-8", newline="") as file:
        return {row["province_code"]: int(row["epsg"]) for row in csv.DictReader(file)}
