"""Fills the city's database chunk by chunk and keeps what the district system will hold too."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopnhat.sample.database import open_database
from hopnhat.sample.labels import LabelFile
from hopnhat.sample.opencps import CHUNK, CityChunk, city_chunks
from hopnhat.sample.opencps_children import files, steps
from hopnhat.sample.opencps_schema import ACTION, DOSSIER, FILE
from hopnhat.sample.people import joined
from hopnhat.sample.places import Mask, communes

SYSTEM = "hn_motcua"
CITY_TABLES = (DOSSIER, ACTION, FILE)
DISTRICTS = frozenset({"020", "278", "279", "280"})
"""Thanh Trì and its neighbours Thanh Oai, Thường Tín, Phú Xuyên: whom the district system serves."""
SHARED = 0.02
"""The city took over this share of its dossiers from the district system, at the change of vendor (seed 002 VII)."""


def fill_city(url: str, labels: Path, *, rows: int, seed: int, bad_share: float, children: bool = True) -> pa.Table:
    """Create and fill the tables; gives the dossiers that the district system holds too (see shared_dossiers)."""
    shared: list[pa.Table] = []
    makers = {ACTION: steps, FILE: files} if children else {}
    with ExitStack() as stack:
        database = stack.enter_context(open_database(url))
        out = {t: stack.enter_context(LabelFile(labels / f"{SYSTEM}.{t.name}.parquet")) for t in (DOSSIER, *makers)}
        for table in (DOSSIER, *makers):
            database.create(table)
        for number, chunk in enumerate(city_chunks(rows, seed, bad_share)):
            taken = shared_dossiers(chunk)
            shared.append(taken)
            database.append(DOSSIER, chunk.frame)
            out[DOSSIER].write(_with_twins(chunk.labels, taken))
            for table, make in makers.items():
                frame, told = make(chunk, seed, number)
                database.append(table, frame)
                out[table].write(told)
        for table in (DOSSIER, *makers):
            database.finish(table)
    return pa.concat_tables(shared)


def shared_dossiers(chunk: CityChunk) -> pa.Table:
    """Sound dossiers of the district system's area, at most SHARED of the chunk, as the district knew them."""
    places = communes()
    serving = np.isin(places.district_code.to_numpy(zero_copy_only=False).astype(str), sorted(DISTRICTS))
    plain = pc.equal(pc.utf8_length(chunk.frame["serviceCode"]), 8).to_numpy(zero_copy_only=False)
    able = np.flatnonzero(plain & chunk.clean & serving[chunk.facts.commune] & ~np.isnat(chunk.facts.received))
    wanted = max(1, int(len(chunk.facts) * SHARED))
    at = able[:: max(1, len(able) // wanted)][:wanted]
    facts = chunk.facts
    rows = pa.array(at)
    return pa.table(
        {
            "city_key": chunk.frame["dossierId"].take(rows), "place": pa.array(at), "number": facts.number.take(rows),
            "commune": pa.array(facts.commune[at]), "kind": pa.array(facts.kind[at]), "name": facts.name.take(rows),
            "id_no": facts.id_no.take(rows), "phone": facts.phone.take(rows), "house": facts.house.take(rows),
            "procedure": pa.array(facts.procedure[at]), "online": pa.array(facts.online[at]), "status": pa.array(facts.status[at]),
            "submitted": pa.array(facts.submitted[at]), "received": pa.array(facts.received[at]), "due": pa.array(facts.due[at]),
            "finished": pa.array(facts.finished[at]), "returned": pa.array(facts.returned[at]),
            # Every fourth was still open when it was handed over: the two systems now disagree on its end.
            "stale": pa.array((facts.index[at] % 4 == 0) & (facts.status[at] == "10")),
        }
    )  # fmt: skip


def twin_columns(rows: int, at: npt.NDArray[np.int64], keys: pa.Array, stale: Mask) -> dict[str, pa.Array]:
    """Label columns of a source of `rows` rows whose rows `at` are also held elsewhere, under `keys`."""
    where = np.full(rows, -1, np.int64)
    where[at] = np.arange(len(at))
    differs = np.zeros(rows, np.int64)
    differs[at] = stale
    told = pa.array([[], ["status", "finished_at", "returned_at"]], pa.list_(pa.string()))
    return {"twin": keys.take(pa.array(where, mask=where < 0)), "twin_differs": told.take(pa.array(differs))}


def _with_twins(labels: pa.Table, shared: pa.Table) -> pa.Table:
    """Label the city's side of the shared dossiers with the district's key."""
    keys = joined("thanhtri_motcua.HOSO|", shared["number"].combine_chunks())
    stale = shared["stale"].to_numpy().astype(bool)
    for name, column in twin_columns(labels.num_rows, shared["place"].to_numpy(), keys, stale).items():
        labels = labels.set_column(labels.schema.get_field_index(name), name, column)
    return labels


__all__ = ["CHUNK", "CITY_TABLES", "DISTRICTS", "fill_city", "shared_dossiers", "twin_columns"]
