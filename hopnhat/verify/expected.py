"""Small tables that say what each distinct raw value should become; then the landed rows meet the published ones.

Tables in DuckDB after `load_expected`: status_map, day_map, unit_map, m1_map …; after `compare`: odd (rows that do not
simply agree), rest (landed rows that are not published, with their class).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import pyarrow as pa

from hopnhat.verify.landed import Shape, strptime_formats

_UNITS = """
create table unit_map as
with seen as (select distinct cu, split_part(cu, chr(31), 1) as c, split_part(cu, chr(31), 2) as u from e),
coded as (select *, case when regexp_matches(trim(c), '^[0-9]{4,5}$') then lpad(trim(c), 5, '0') end as wanted_code from seen),
judged as (
    select x.cu, m.code, m.old_code, coalesce(nullif(m.wanted, []), m.every) as candidates,
           case when m.code is null then 'unknown'
                when x.u like 'hex:%' then case when m.reused then 'unknown' else 'known' end
                when x.u <> '' and fold_unit(x.u) <> m.name then 'unknown' else 'known' end as certain
    from coded x left join commune m on m.code = x.wanted_code)
select cu, judged.code, old_code, candidates, candidates[1] as new_code, p.component,
       case when certain = 'unknown' or candidates is null then 'unknown' when len(candidates) > 1 then 'split' else 'known' end as stratum
from judged left join component p on p.side = 'old' and p.code = judged.code
"""
_NO_UNITS = """
create table unit_map as select distinct cu, null::varchar as code, null::varchar as old_code, null::varchar[] as candidates,
    null::varchar as new_code, null::varchar as component, 'none' as stratum from e
"""
_AMOUNT = """
create table m{n}_map as
select x.v as m{n}, case when y = '' then null
       when regexp_matches(y, '^[0-9]{{1,15}}([.]0{{1,2}})?$') then split_part(y, '.', 1)::bigint
       when regexp_matches(y, '^[0-9]{{1,3}}([.][0-9]{{3}})+$') or regexp_matches(y, '^[0-9]{{1,3}}(,[0-9]{{3}})+$')
           then replace(replace(y, '.', ''), ',', '')::bigint end as m{n}_value,
       y = '' or regexp_matches(y, '^[0-9]{{1,15}}([.]0{{1,2}})?$') or regexp_matches(y, '^[0-9]{{1,3}}([.][0-9]{{3}})+$')
           or regexp_matches(y, '^[0-9]{{1,3}}(,[0-9]{{3}})+$') as m{n}_ok
from (select distinct m{n} as v, trim(m{n}) as y from e) x
"""


def load_expected(
    db: duckdb.DuckDBPyConnection, shape: Shape, *, codes: Mapping[str, str], formats: Sequence[str], as_of: date
) -> None:
    """Say, for every distinct raw value in e, what it should become and whether the prover can know."""
    pairs = list(codes.items())
    code_map = pa.table({"raw": pa.array([p[0] for p in pairs], pa.string()), "ours": pa.array([p[1] for p in pairs], pa.string())})
    db.register("code_map", code_map)
    db.execute(
        "create table status_map as select s, c.ours as expected, s not like 'hex:%' as known"
        " from (select distinct s from e) x left join code_map c on c.raw = trim(x.s)"
    )
    db.unregister("code_map")
    db.execute(_day_map(strptime_formats(formats), as_of))
    db.execute(_UNITS if shape.unit_code else _NO_UNITS)
    for n, _ in enumerate(shape.measures, 1):
        db.execute(_AMOUNT.format(n=n))


def _day_map(formats: Sequence[str], as_of: date) -> str:
    """A day counts as read when every declared format that fits it names the same month of a plausible year."""
    tries = ", ".join(f"strftime(try_strptime(day, '{f}'), '%Y-%m')" for f in formats if "'" not in f)
    return (
        "create table day_map as with seen as (select distinct d, split_part(split_part(trim(d), ' ', 1), 'T', 1) as day from e),"
        f" read as (select d, day, list_distinct(list_filter([{tries or 'null::varchar'}], lambda x: x is not null)) as months from seen)"
        " select d, case when len(months) = 1 then months[1] end as month,"
        f" day = '' or (len(months) = 1 and months[1] between '1950-01' and '{as_of.year + 1:04d}-12') as readable from read"
    )


def compare(db: duckdb.DuckDBPyConnection, shape: Shape) -> dict[str, int]:
    """Join landed with published by key; fills odd, again (keys met more than once) and returns the plain counts."""
    measures = [f"m{n}" for n, _ in enumerate(shape.measures, 1)]
    landed, distinct_landed = _counts(db, "e")
    published, distinct_published = _counts(db, "p")
    db.execute("create table again (k varchar)")
    for table, all_rows, distinct in (("e", landed, distinct_landed), ("p", published, distinct_published)):
        if all_rows != distinct:
            db.execute(f"insert into again select k from {table} where k is not null group by k having count(*) > 1")
    once = " anti join again using (k)" if db.execute("select count(*) from again").fetchone() != (0,) else ""
    bad = _bad(measures)
    flags = ", ".join(f"{condition} as bad_{name}" for name, condition in bad.items())
    maps = "".join(f" join {m}_map using ({m})" for m in measures)
    joined = (
        "from (select * from e join status_map using (s) join day_map using (d) join unit_map using (cu)" + maps + "{once}) e"
        " full join (select * from p{once}) p on e.k = p.k"
    )
    raw = ", ".join(f"e.{m}" for m in measures)
    db.execute(
        f"create table odd as select e.k as ek, p.k as pk, e.s, e.d, e.cu, e.f{', ' + raw if raw else ''}, {flags} {joined.format(once=once)}"
        f" where e.k is null or p.k is null or e.f <> '' or {' or '.join(bad.values())}"
    )
    if once:
        _compare_repeated(db, bad, joined)
    return {"landed": landed, "published": published, "twice": published - distinct_published}


def _bad(measures: Sequence[str]) -> dict[str, str]:
    """SQL conditions under which a matched pair disagrees, per dimension. Null where one side is absent."""
    unit = (
        "case e.stratum when 'known' then p.n is distinct from e.new_code or p.o is distinct from e.old_code"
        " when 'split' then p.o is distinct from e.old_code or not coalesce(list_contains(e.candidates, p.n), true) else false end"
    )
    both = "(e.k is not null and p.k is not null and "
    return {
        "status": f"{both}e.known and p.s is distinct from e.expected)",
        "month": f"{both}e.readable and left(p.t, 7) is distinct from e.month)",
        "unit": f"{both}{unit})",
        **{m: f"{both}e.{m}_ok and p.{m} is distinct from e.{m}_value)" for m in measures},
    }


def _compare_repeated(db: duckdb.DuckDBPyConnection, bad: Mapping[str, str], joined: str) -> None:
    """Keys met more than once: the published row must agree with at least one of the landed ones."""
    only = " semi join again using (k)"
    flags = ", ".join(f"bool_and({condition}) as bad_{name}" for name, condition in bad.items())
    db.execute(
        f"insert into odd by name select any_value(e.k) as ek, p.k as pk, '' as f, {flags} {joined.format(once=only)}"
        f" where p.k is not null group by p.k having any_value(e.k) is null or bool_and({' or '.join(bad.values())})"
    )


def _counts(db: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int]:
    rows = db.execute(f"select count(*), count(distinct k) + count(*) filter (where k is null) from {table}").fetchone()
    assert rows is not None
    return int(rows[0]), int(rows[1])


REST = """
create table rest as
with copies as (
    select e.*, row_number() over (partition by e.k, e.f <> '' order by e.s, e.d, e.cu) as nth,
           coalesce(q.n, 0) as held, p.k is not null and not coalesce(x.k is not null, false) as live
    from e left join q on q.k = e.k left join (select distinct k from p) p on p.k = e.k left join stale x on x.k = e.k
    where e.k in (select k from again where k is not null))
select e.* exclude (ek), e.ek as k, case when f <> '' then 'filtered' when trim(coalesce(ek, '')) = '' or q.k is not null then 'quarantined'
       else 'missing' end as class
from (select ek, s, d, cu, f{measures} from odd where ek is not null and (pk is null or f <> '') and not coalesce(ek in (select k from again), false)) e
left join q on q.k = e.ek
union all by name
select e.*, 'quarantined' as class from e semi join stale on stale.k = e.k where not coalesce(e.k in (select k from again), false) and e.f = ''
union all by name
select * exclude (nth, held, live), case when f <> '' then 'filtered' when nth - live::int <= held then 'quarantined'
       when nth = 1 then 'missing' else 'merged' end as class
from copies where f <> '' or not live or nth > 1
"""


def classify(db: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Give every landed row that is not published its class: filtered, quarantined, merged or missing."""
    measures = "".join(f", m{n}" for n, _ in enumerate(shape.measures, 1))
    db.execute(REST.replace("{measures}", measures))
