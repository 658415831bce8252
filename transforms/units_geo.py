"""Which candidate commune a point lies in. WGS84 degrees, or VN-2000 metres of the old province's 3° zone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

# pyproj and shapely are loaded by the first point: they cost 14 MB, and most columns have no coordinates.

NEAR_BORDER = 0.0005  # degrees, about 55 m: the boundaries are simplified to about 30 m
_NORTHING, _EASTING = (900_000.0, 2_650_000.0), (300_000.0, 750_000.0)
_LATITUDE, _LONGITUDE = (6.0, 24.0), (101.0, 118.0)


@dataclass(eq=False)
class Boundaries:
    """`features`: new commune code → GeoJSON feature text; `zones`: old province code → EPSG of its VN-2000 zone."""

    features: Mapping[str, str]
    zones: Mapping[str, int]
    _shapes: dict[str, Any] = field(default_factory=dict)

    def shape_of(self, code: str) -> Any:
        from shapely.geometry import shape

        if code not in self._shapes:
            feature = self.features.get(code)
            self._shapes[code] = shape(json.loads(feature)["geometry"]) if feature else None
        return self._shapes[code]


def to_wgs84(first: str, second: str, epsg: int | None) -> tuple[float, float] | None:
    """(longitude, latitude) of two columns in either order, or None when they are no point in Viet Nam.

    Metres need the zone of the province that surveyed them: a merged province has several.
    """
    try:
        one, two = float(first.replace(",", ".")), float(second.replace(",", "."))
    except ValueError:
        return None
    for a, b in ((one, two), (two, one)):
        if _within(a, _LATITUDE) and _within(b, _LONGITUDE):
            return b, a
        if epsg and _within(a, _NORTHING) and _within(b, _EASTING):
            longitude, latitude = _transformer(epsg).transform(b, a)
            return float(longitude), float(latitude)
    return None


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


@lru_cache(maxsize=32)
def _transformer(epsg: int) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(epsg, 4326, always_xy=True)


def locate(boundaries: Boundaries, point: tuple[float, float], candidates: Iterable[str]) -> tuple[str, str]:
    """(code, why) of the candidate that holds the point; code '' when none does or the next one's border is too near."""
    from shapely.geometry import Point

    place = Point(point)
    shapes = [(code, boundaries.shape_of(code)) for code in candidates]
    if any(area is None for _, area in shapes):
        return "", "no boundary of a candidate is known"
    inside = [code for code, area in shapes if area.contains(place)]
    if len(inside) != 1:
        return "", "the point lies in none of the candidates" if not inside else "the boundaries overlap at the point"
    if any(area.distance(place) < NEAR_BORDER for code, area in shapes if code != inside[0]):
        return "", "the point lies on the border of two candidates"
    return inside[0], f"the point lies in {inside[0]}"
