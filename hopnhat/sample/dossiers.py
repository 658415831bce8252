"""The truth behind the legacy tables: clean dossiers in chronological order, before each vendor writes them its own way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample import people
from hopnhat.sample import vocabulary as words
from hopnhat.sample.people import Ints, Rng, choose, digits, joined, pick
from hopnhat.sample.places import Communes

FIRST_DAY = np.datetime64("2019-01-02")
REFORM_DAY = np.datetime64("2025-07-01")
LAST_DAY = np.datetime64("2025-08-15")
NOW = np.datetime64("2025-08-20T17:00:00")
"""What the systems took for the present; dossiers with a later step are still open."""
NEW_ERA_SHARE = 0.005
Times = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.str_]
DAY = np.timedelta64(1, "D")


@dataclass(eq=False)
class Dossiers:
    """`n` dossiers; times are NaT where a step was not reached. `commune` points into places.communes()."""

    index: Ints
    commune: Ints
    number: pa.Array
    kind: Ints
    name: pa.Array
    id_no: pa.Array
    phone: pa.Array
    email: pa.Array
    house: pa.Array
    procedure: Ints
    online: Mask
    submitted: Times
    received: Times
    due: Times
    finished: Times
    returned: Times
    status: npt.NDArray[np.str_]
    """National status code, DVCQG list."""

    def __len__(self) -> int:
        return len(self.index)


def dossiers(rng: Rng, index: Ints, total: int, commune: Ints, organ: pa.Array, places: Communes) -> Dossiers:
    """Dossiers number `index` of `total`. `organ` is the organ id that heads the public number."""
    n = len(index)
    kind = people.kinds(rng, n)
    name, female = people.names(rng, kind)
    home_province = places.province_code.take(pa.array(commune))
    procedure = rng.choice(len(words.PROCEDURES), n, p=_shares([p.weight for p in words.PROCEDURES]))
    online = rng.random(n) < 0.3
    day, rank = days(index, total)
    times = _times(rng, day, np.array([p.days for p in words.PROCEDURES])[procedure], online)
    status = _statuses(rng, times)
    return Dossiers(
        index, commune, numbers(organ, day, rank), kind, name, people.id_numbers(rng, kind, female, home_province),
        people.phones(rng, n), people.emails(rng, n), people.houses(rng, n), procedure, online, *times, status,
    )  # fmt: skip


def days(index: Ints, total: int) -> tuple[Times, Ints]:
    """Day of each dossier and its rank within the day. The last half per cent came after the reform."""
    before = max(1, int(total * (1 - NEW_ERA_SHARE)))
    old_days = int((REFORM_DAY - FIRST_DAY).astype(int))
    new_days = int((LAST_DAY - REFORM_DAY).astype(int)) + 1
    late = index >= before
    place = np.where(late, index - before, index)
    size = np.where(late, max(1, total - before), before)
    span = np.where(late, new_days, old_days)
    number = place * span // size
    first = -(-number * size // span)
    return FIRST_DAY + np.where(late, old_days + number, number) * DAY, place - first + 1


def is_new_era(index: Ints, total: int) -> Mask:
    return index >= max(1, int(total * (1 - NEW_ERA_SHARE)))


def numbers(organ: pa.Array, day: Times, rank: Ints) -> pa.Array:
    """Public dossier number: organ id, day of filing, number of the day."""
    stamp = pc.replace_substring(pc.utf8_slice_codeunits(pc.cast(pa.array(day), pa.string()), 2, 10), "-", "")
    return joined(organ, stamp, digits(rank, 4), by="-")


def text_times(times: Times) -> pa.Array:
    """ISO-8601 with a blank, null where there is none."""
    return pc.cast(pa.array(times.astype("datetime64[s]")), pa.string())


def value_labels(d: Dossiers, upper: Mask) -> dict[str, pa.Array]:
    """What a published row must say; `upper` = rows whose name was typed in capitals."""
    received = pa.array(d.received.astype("datetime64[D]"))
    return {"applicant_name": choose(upper, pc.utf8_upper(d.name), d.name), "status": pa.array(d.status), "received_on": received}


def _shares(weights: list[int]) -> npt.NDArray[np.float64]:
    return np.array(weights) / sum(weights)


def _times(rng: Rng, day: Times, term: Ints, online: Mask) -> tuple[Times, Times, Times, Times, Times]:
    n = len(day)
    start = day.astype("datetime64[s]")
    submitted = start + rng.integers(7 * 3600 + 1800, 16 * 3600 + 1800, n).astype("timedelta64[s]")
    wait = np.where(online, rng.integers(600, 2 * 86400, n), rng.integers(0, 1200, n)).astype("timedelta64[s]")
    received = submitted + wait
    due = received.astype("datetime64[D]").astype("datetime64[s]") + (term * 7 // 5 + 1) * DAY + np.timedelta64(17 * 3600, "s")
    length = term * rng.gamma(4.0, 0.2, n) * 86400
    finished = received + (length + 900).astype("timedelta64[s]")
    returned = finished + rng.integers(300, 3 * 86400, n).astype("timedelta64[s]")
    return submitted, received, due, finished, returned


def _statuses(rng: Rng, times: tuple[Times, Times, Times, Times, Times]) -> npt.NDArray[np.str_]:
    """Status by how far the dossier came; blanks the times it had not reached (in place)."""
    _, received, _, finished, returned = times
    n = len(received)
    ended = np.array([s for s, _ in words.ENDED])[rng.choice(len(words.ENDED), n, p=_shares([w for _, w in words.ENDED]))]
    still = np.array([s for s, _ in words.OPEN])[rng.choice(len(words.OPEN), n, p=_shares([w for _, w in words.OPEN]))]
    status = np.where(returned > NOW, np.where(finished > NOW, still, "9"), ended)
    received[np.isin(status, ["1", "3"])] = np.datetime64("NaT")
    finished[~np.isin(status, ["9", "10"])] = np.datetime64("NaT")
    returned[status != "10"] = np.datetime64("NaT")
    return status


def organ_names(places: Communes, commune: Ints) -> pa.Array:
    return joined("UBND ", places.district.take(pa.array(commune)))


def applicant_address(d: Dossiers, places: Communes) -> pa.Array:
    """House, commune, district, province: the usual order, names as they were before 1 July 2025."""
    at = pa.array(d.commune)
    return joined(d.house, places.name.take(at), places.district.take(at), places.province.take(at), by=", ")


__all__ = [
    "Dossiers",
    "applicant_address",
    "choose",
    "days",
    "dossiers",
    "is_new_era",
    "numbers",
    "organ_names",
    "pick",
    "text_times",
    "value_labels",
]
