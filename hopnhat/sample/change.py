"""What happens in the city system after a first load: clerks go on working. For delta and re-run tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from hopnhat.sample.build import CITY
from hopnhat.sample.database import open_database
from hopnhat.sample.opencps import FIRST_ID
from hopnhat.sample.opencps_schema import DOSSIER

_AT_ONCE = 2_000
_PHONE = {True: "'0' || {number}", False: "concat('0', {number})"}


def change(home: Path, share: float = 0.01, seed: int = 1) -> list[str]:
    """Give a share of the city's dossiers another phone number and a later modifiedDate; their keys, sorted as text.

    The outcome of a row and its place stay what its label says. `seed` picks the rows: another seed, other rows. The
    new modifiedDate is an hour after the latest one in the table, so that every call is a new delta.
    """
    rows = int(json.loads((home / "sample.json").read_text("utf-8"))["rows"])
    url = json.loads((home / "connections.json").read_text("utf-8"))[CITY]
    wanted = max(1, round(rows * share))
    keys = np.sort(np.random.default_rng([seed, 9]).choice(rows, wanted, replace=False)) + FIRST_ID
    number = f"(900000000 + dossierId + {int(seed)})"
    phone = _PHONE[url.startswith("sqlite")].format(number=number)
    with open_database(url) as database:
        latest = database.query(f"select max(modifiedDate) from {DOSSIER.name}")[0][0]
        moment = datetime.fromisoformat(str(latest)) + timedelta(hours=1)
        for start in range(0, wanted, _AT_ONCE):
            some = ", ".join(str(key) for key in keys[start : start + _AT_ONCE].tolist())
            database.query(
                f"update {DOSSIER.name} set contactTelNo = {phone}, modifiedDate = %s where dossierId in ({some})", (str(moment),)
            )
    return sorted(str(key) for key in keys.tolist())
