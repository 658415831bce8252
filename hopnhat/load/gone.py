"""Rows that have left a source since it was last read whole. Found as a difference of keys in the landing zone."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extensions import connection as Connection
from psycopg2.extras import execute_values

from hopnhat.landing.parts import has_part, read_part
from hopnhat.load.contribution import Contribution
from hopnhat.load.ledger import Run
from transforms.fingerprints import source_keys

_PARTS = """
select distinct part_sha, part from ledger.batch b where source = %(source)s and run_id = %(run)s and state = 'staged'
"""
_PARTIAL = "select exists (select 1 from ledger.batch where source = %(source)s and run_id = %(run)s and state = 'staged' and not whole)"
_BEFORE = """
with whole as (select distinct on (part_number) * from ledger.batch
               where source = %(source)s and state = 'published' and whole order by part_number, batch_id desc)
select part_sha, part from whole union
select d.part_sha, d.part from ledger.batch d
where d.source = %(source)s and d.state = 'published' and not d.whole and d.batch_id > (select min(batch_id) from whole)
"""


def note_gone(connection: Connection, run: Run, contribution: Contribution, landing: str) -> int:
    """Write down the keys that were read before and are not there now. Parts that did not change need no look.

    A source of which only the changes were read says nothing about deletes.
    """
    if contribution.first:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_PARTIAL, {"source": contribution.source, "run": run.run_id})
        if (cursor.fetchone() or (False,))[0]:
            return 0
        cursor.execute(_PARTS, {"source": contribution.source, "run": run.run_id})
        now = dict(cursor.fetchall())
        cursor.execute(_BEFORE, {"source": contribution.source})
        before = dict(cursor.fetchall())
    old = _keys(contribution, landing, (part for sha, part in before.items() if sha not in now))
    new = _keys(contribution, landing, (part for sha, part in now.items() if sha not in before))
    gone = pc.unique(old.filter(pc.invert(pc.is_in(old, value_set=new)))).to_pylist()
    with connection.cursor() as cursor:
        execute_values(
            cursor, "insert into ledger.gone (source, source_key, run_id) values %s on conflict do nothing",
            [(contribution.source, key, run.run_id) for key in gone if key is not None], page_size=1000,
        )  # fmt: skip
    return len(gone)


def _keys(contribution: Contribution, landing: str, parts: Iterable[str]) -> pa.Array:
    """Keys of the given parts; a part that retention has removed says nothing."""
    found = [source_keys(read_part(landing, part, list(contribution.key)), contribution.key) for part in parts if has_part(landing, part)]
    return pa.concat_arrays(found) if found else pa.array([], pa.string())
