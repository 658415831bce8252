"""The same dossier in two systems (change of vendor): linked and reported, never overwritten.

Same public number and same day of receipt = the same dossier; same number and another day is reported as a difference,
for a steward to judge. Rule: DOMAIN natural key of a dossier (MaHoSo + NgayTiepNhan).
"""

from __future__ import annotations

from psycopg2.extensions import connection as Connection

_LINK = """
insert into unified.dossier_link (dossier_no, source_a, key_a, source_b, key_b, agrees, differences, run_id)
select a.dossier_no, a.source, a.source_key, b.source, b.source_key, d.differences = '{}', d.differences, %(run)s
from unified.dossier a
join unified.dossier b on b.dossier_no = a.dossier_no and b.source > a.source,
lateral (select array_remove(array[
    case when a.received_at::date is distinct from b.received_at::date then 'received_at' end,
    case when a.status is distinct from b.status then 'status' end,
    case when a.finished_at::date is distinct from b.finished_at::date then 'finished_at' end,
    case when a.new_commune_code is distinct from b.new_commune_code then 'new_commune_code' end,
    case when a.procedure_code is distinct from b.procedure_code then 'procedure_code' end], null) as differences) d
on conflict (source_a, key_a, source_b, key_b) do update
set agrees = excluded.agrees, differences = excluded.differences, run_id = excluded.run_id, linked_at = now()
where (unified.dossier_link.agrees, unified.dossier_link.differences) is distinct from (excluded.agrees, excluded.differences)
"""


def link_dossiers(connection: Connection, run_id: str) -> int:
    """Link what is published. Returns how many links are new or changed."""
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('unified.dossier')")
        if (cursor.fetchone() or (None,))[0] is None:
            return 0
        cursor.execute(_LINK, {"run": run_id})
        return int(cursor.rowcount)
