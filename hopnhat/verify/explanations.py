"""Does every published row explain itself (law 6), and was no split guessed (law 5)? One anti-join, expected empty."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from psycopg2.extensions import connection

from hopnhat.verify.legs import Proof
from validators.reconciliation import LANDING_EXPECTED, Line, compared, not_applicable

_PLACES = "select pr as r, po as o, pn as n, sum(rows) as rows from pair_unit where side in (0, 2, 4) group by all"

# Code and name never divide a split commune: the answer must rest on an address, a parcel, coordinates or a decision.
_GUESSED = """
select coalesce(sum(x.rows), 0)
from placed x join commune c on c.code = x.o left join resolution t on t.id = x.r
where len(c.wanted) > 1 and x.n is not null and not coalesce(t.decided or t.evidence, false)
"""
_UNEXPLAINED = "select coalesce(sum(x.rows), 0) from placed x left join resolution t on t.id = x.r where x.n is not null and t.id is null"
_CONTRADICTED = """
select coalesce(sum(x.rows), 0) from placed x join resolution t on t.id = x.r
where x.n is distinct from t.new_code or x.o is distinct from t.old_code or t.status <> 'resolved'
"""
_KEYS = """
select j.k from j left join resolution t on t.id = j.pr left join commune c on c.code = j.po
where j.side in (0, 2, 4) and j.pn is not null and (t.id is null or j.pn is distinct from t.new_code or j.po is distinct from t.old_code or t.status <> 'resolved'
      or (len(c.wanted) > 1 and not coalesce(t.decided or t.evidence, false)))
order by 1 limit 20
"""


def explanations(proof: Proof, conn: connection) -> Iterator[Line]:
    """Lines `units-unexplained`, `units-contradicted`, `split-without-evidence`: published rows that break a law."""
    if not proof.shape.has_unit:
        yield not_applicable(proof.source, LANDING_EXPECTED, "split-without-evidence", "rows of this kind belong to no unit")
        return
    proof.db.execute(f"create table placed as {_PLACES}")
    _load_resolutions(proof, conn)
    total = proof.number("select sum(rows) from placed")
    for measure, query in (("units-unexplained", _UNEXPLAINED), ("units-contradicted", _CONTRADICTED), ("split-without-evidence", _GUESSED)):
        yield compared(proof.source, LANDING_EXPECTED, measure, proof.number(query), published_value=total)


def unexplained_keys(proof: Proof) -> list[str]:
    return [str(key) for (key,) in proof.rows(_KEYS)]


def _load_resolutions(proof: Proof, conn: connection) -> None:
    wanted = [int(r) for (r,) in proof.rows("select distinct r from placed where r is not null")]
    with conn.cursor() as cursor:
        cursor.execute(
            "select resolution_id, status, nullif(old_code, ''), nullif(new_code, ''), decision_id is not null,"
            " inputs ?| array['text', 'lat', 'parcel', 'hamlet', 'street'] from unified.unit_resolution where resolution_id = any(%s)",
            (wanted,),
        )
        rows = cursor.fetchall()
    types = {"id": pa.int64(), "status": pa.string(), "old_code": pa.string(), "new_code": pa.string(), "decided": pa.bool_(), "evidence": pa.bool_()}
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    frame = pa.table({name: pa.array(values, kind) for (name, kind), values in zip(types.items(), columns, strict=True)})
    proof.db.register("resolution_frame", frame)
    proof.db.execute("create table resolution as select * from resolution_frame")
    proof.db.unregister("resolution_frame")
