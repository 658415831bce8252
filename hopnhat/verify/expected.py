"""Landed rows meet published rows, once, by key; then every distinct pair of values is judged instead of every row.

`join_sides` makes one table jc, a row per landed or published row, its cells as numbers, and the view j, the same as text:
  side 0 = both, 1 = landed only, 2 = published only, 3 = both, but a newer version of the row is held and the older one
  stays published, 4 = published once more under a key that was paired already.
  s raw status · d raw day · cu raw commune code and name, joined by SEPARATOR · f name of the rule that leaves the row out,
  '' if none · mN raw measures · ps, pt, po, pn, pr, pmN what is published.
`judge` then groups jc by raw value and published value, a few thousand groups for a million rows, and says of each group
what the raw value should have become and whether the prover can know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import pyarrow as pa

from hopnhat.verify.landed import Shape, literal, strptime_formats
from hopnhat.verify.legacytext import decoded
from mappings.codelists import sentinels

BOTH, LANDED, PUBLISHED, STALE, TWICE = range(5)

# Value and readability of an amount as text: plain digits, digits with zero decimals, or groups of three.
_AMOUNTS = """
create table m{n}_map as
with read as (select code as m{n}, v, trim(v) as y, regexp_matches(trim(v), '^[0-9]{{1,15}}([.]0{{1,2}})?$') as digits,
         regexp_matches(trim(v), '^[0-9]{{1,3}}([.][0-9]{{3}})+$') or regexp_matches(trim(v), '^[0-9]{{1,3}}(,[0-9]{{3}})+$') as grouped
         from cell_m{n})
select m{n}, y = '' or digits or grouped as m{n}_ok,
       case when digits then split_part(y, '.', 1)::bigint when grouped then replace(replace(y, '.', ''), ',', '')::bigint end as m{n}_value
from read
"""
_UNITS = """
create table unit_map as
with raw as (select distinct cu, split_part(cu, chr(31), 1) as c, trim(split_part(cu, chr(31), 2)) as u from pair_unit where cu is not null),
seen as (select cu, c, trim(coalesce(t.text, u)) as u from raw left join decoded t on t.raw = raw.u),
coded as (select *, case when regexp_matches(trim(c), '^[0-9]{1,5}$') then lpad(trim(c), 5, '0') end as wanted_code from seen),
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
    null::varchar as new_code, null::varchar as component, 'none' as stratum from pair_unit where cu is not null
"""
_JOIN = """
select coalesce(e.k, p.k) as k, (case when p.k is null then 1 when e.f is null then 2 else 0 end)::tinyint as side, {columns}
from (select * from lf{maps}{once}) e full join (select * from p{once}) p on e.k = p.k
"""
_REPEATED = """
insert into jc by name
with ours as (select *, row_number() over (partition by k order by f <> 0{cells}) as nth from lf semi join again using (k)),
theirs as (select *, row_number() over (partition by k order by k) as nth from p semi join again using (k))
select coalesce(e.k, p.k) as k, case when e.k is null then case when p.nth > 1 then 4 else 2 end when p.k is null then 1 else 0 end as side,
       {columns} from (select * from ours{maps}) e full join theirs p on e.k = p.k and e.nth = p.nth
"""
_PUBLISHED = ("ps", "pt", "po", "pn")
_CELLS = {"cu": ("c", "u")}


def join_sides(db: duckdb.DuckDBPyConnection, shape: Shape, rules: Sequence[str]) -> dict[str, int]:
    """Fill jc from the tables lf (landed, with the number of its filter rule) and p. Returns the plain row counts of both."""
    numbers = range(1, len(shape.measures) + 1)
    for n in numbers:
        db.execute(_AMOUNTS.format(n=n))
    maps = "".join(f" join m{n}_map using (m{n})" for n in numbers)
    cells = "".join(f", {name}" for name in landed_cells(shape))
    columns = f"e.f{cells.replace(', ', ', e.')}, p.s as ps, p.t as pt, p.o as po, p.n as pn, p.r as pr"
    columns += "".join(f", e.m{n}_ok, e.m{n}_value, p.m{n} as pm{n}" for n in numbers)
    db.execute("create table again (k varchar)")
    db.execute("create table jc as " + _JOIN.format(columns=columns, maps=maps, once=""))
    counts = {"landed": _number(db, "select count(*) from lf"), "published": _number(db, "select count(*) from p")}
    if _has_repeated_keys(db, sum(counts.values())):  # rare, and then jc is made anew without those keys
        db.execute("insert into again select k from jc where k is not null group by k having count(*) > 1")
        db.execute("create or replace table jc as " + _JOIN.format(columns=columns, maps=maps, once=" anti join again using (k)"))
        db.execute(_REPEATED.format(columns=columns, maps=maps, cells=cells))
    texts, joins = _as_text(shape, "jc", ("s", "d", "cu", *_PUBLISHED))
    names = " ".join(f"when {number} then {literal(rule)}" for number, rule in enumerate(rules, 1))
    rule = f"case f when 0 then '' {names} end as f"
    amounts = "".join(f", m{n}_ok, m{n}_value, pm{n}" for n in numbers)
    db.execute(f"create view j as select jc.k, side, {rule}, {texts}, pr{amounts}, jc.rowid as place from jc {joins}")
    return counts


def _has_repeated_keys(db: duckdb.DuckDBPyConnection, rows: int) -> bool:
    """A key with a landed and b published rows gives a·b rows of jc, where one of each gives one: only then do the rows of
    both sides exceed those of jc by exactly the matched ones. Keys of one side alone are counted."""
    matched, alone = _number(db, "select count(*) from jc where side = 0"), _number(db, "select count(*) from jc where side <> 0")
    return matched + alone != rows - matched or _number(db, "select count(k) - count(distinct k) from jc where side <> 0") > 0


def landed_cells(shape: Shape) -> list[str]:
    """The cells that a landed row of this shape has, measures aside."""
    there = {"s": shape.status, "d": shape.month, "c": shape.unit_code, "u": shape.unit_name}
    return [name for name, column in there.items() if column]


def _as_text(shape: Shape, table: str, names: Sequence[str]) -> tuple[str, str]:
    """SQL that turns the numbers of `table` back into text: (the named columns, the joins they need)."""
    cells = {name: [c for c in _CELLS.get(name, (name,)) if c in (*landed_cells(shape), *_PUBLISHED)] for name in names}
    joins = [f"left join cell_{cell} x{cell} on x{cell}.code = {table}.{cell}" for cell in (c for found in cells.values() for c in found)]
    nothing = f"case when {table}.f is not null then '' end"
    texts = [f"{' || chr(31) || '.join(f'x{cell}.v' for cell in found) or nothing} as {name}" for name, found in cells.items()]
    return ", ".join(texts), " ".join(joins)


def _number(db: duckdb.DuckDBPyConnection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row[0]) if row else 0


_REST = """
create table rest as
select j.k, s, d, cu, {values}, case
    when f <> '' then 'filtered' when side = 3 or trim(coalesce(j.k, '')) = '' then 'quarantined'
    when q.k is not null and coalesce(c.nth, 1) <= q.n then 'quarantined'
    when coalesce(c.first, false) then 'missing' when c.k is not null then 'merged' else 'missing' end as class
from j left join q on q.k = j.k
left join (select k, row_number() over (partition by k) as nth, row_number() over (partition by k) = 1 and not bool_or(side = 0) over (partition by k) as first,
                  place from j semi join again using (k) where side in (0, 1) and f = '') c on c.place = j.place
where side in (1, 3) or (side = 0 and f <> '')
"""


def classify(db: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Give every landed row that is not published its class: filtered, quarantined, merged (a copy) or missing."""
    values = ", ".join(f"m{n}_ok, m{n}_value" for n, _ in enumerate(shape.measures, 1)) or "1 as one"
    db.execute(_REST.replace("{values}", values))


def judge(
    db: duckdb.DuckDBPyConnection, shape: Shape, *, codes: Mapping[str, str], formats: Sequence[str], as_of: date, encodings: Mapping[str, str]
) -> None:
    """Group j into pair_status, pair_month and pair_unit, and say what each distinct raw value should become."""
    for name, ours, theirs in (("status", "s", ("ps",)), ("month", "d", ("pt",)), ("unit", "cu", ("po", "pn"))):
        db.execute(_grouped(shape, name, ours, theirs))
    _decode_distinct(db, encodings)
    pairs = list(codes.items())
    code_map = pa.table({"raw": pa.array([p[0] for p in pairs], pa.string()), "ours": pa.array([p[1] for p in pairs], pa.string())})
    db.register("code_map", code_map)
    db.execute(
        "create table status_map as with seen as (select distinct s, trim(regexp_replace(nfc_normalize(coalesce(t.text, s)), '\\s+', ' ', 'g')) as y"
        " from pair_status left join decoded t on t.raw = s where s is not null)"
        # A value with control or joining characters may have been repaired: what it should have become is not known here.
        " select s, c.ours as expected, c.raw is not null or (s not like 'hex:%' and not regexp_matches(y, '[\\p{C}\\p{M}<&]')) as known"
        " from seen x left join code_map c on c.raw = x.y"
    )
    db.unregister("code_map")
    db.execute(_day_map(strptime_formats(formats), as_of))
    db.execute(_UNITS if shape.unit_code else _NO_UNITS)


def _grouped(shape: Shape, name: str, ours: str, theirs: Sequence[str]) -> str:
    """SQL of pair_<name>: jc grouped by number first, then by the texts behind the numbers."""
    numbers = range(1, len(shape.measures) + 1)
    totals = "".join(
        f", sum(m{n}_value)::bigint as e{n}, sum(pm{n})::bigint as p{n}, count(*) filter (where side = 0 and f = 0 and m{n}_ok and m{n}_value"
        f" is distinct from pm{n}) as bad{n}, count(*) filter (where not m{n}_ok) as unread{n}"
        for n in numbers
    )
    again = "".join(f", sum({t}{n})::bigint as {t}{n}" for n in numbers for t in ("e", "p", "bad", "unread"))
    keys = [cell for cell in (*_CELLS.get(ours, (ours,)), *theirs) if cell in (*landed_cells(shape), *_PUBLISHED)]
    texts, joins = _as_text(shape, "g", (ours, *theirs))
    resolution = ", pr" if name == "unit" else ""
    return (
        f"create table pair_{name} as with g as (select {', '.join(keys)}{resolution}, side, f, count(*) as rows{totals} from jc group by all)"
        f" select {texts}{resolution}, side, f <> 0 as filtered, sum(rows)::bigint as rows{again} from g {joins} group by all"
    )


def _decode_distinct(db: duckdb.DuckDBPyConnection, encodings: Mapping[str, str]) -> None:
    """Table decoded (raw, text): the marked values of status and commune name that the byte tables read for certain."""
    queries = {
        "status": "select distinct s from pair_status where s like 'hex:%'",
        "unit": "select distinct trim(split_part(cu, chr(31), 2)) from pair_unit where cu like '%hex:%'",
    }
    found = {str(raw): decoded(str(raw), encodings.get(name, "utf-8")) for name, query in queries.items() for (raw,) in db.execute(query).fetchall()}
    read = {raw: text for raw, text in found.items() if text is not None}
    db.register("decoded_frame", pa.table({"raw": pa.array(list(read), pa.string()), "text": pa.array(list(read.values()), pa.string())}))
    db.execute("create table decoded as select * from decoded_frame")
    db.unregister("decoded_frame")


def _day_map(formats: Sequence[str], as_of: date) -> str:
    """A day counts as read when every declared format that fits it names the same month of a plausible year."""
    nothing = ", ".join(f"'{day}'" for day in sorted(sentinels("date")))
    tries = ", ".join(f"strftime(try_strptime(day, '{f}'), '%Y-%m-%d')" for f in formats) or "null::varchar"
    return (
        "create table day_map as with seen as (select distinct d, split_part(split_part(trim(d), ' ', 1), 'T', 1) as day from pair_month"
        " where d is not null),"
        f" read as (select d, day, list_distinct(list_filter([{tries}], lambda x: x is not null)) as days from seen)"
        " select d, case when len(days) = 1 then left(days[1], 7) end as month,"
        f" day = '' or (len(days) = 1 and days[1] not in ({nothing}) and days[1] between '1950-01-01' and '{as_of.year + 1:04d}-12-31') as readable"
        " from read"
    )


UNIT_WRONG = (
    "case stratum when 'known' then pn is distinct from new_code or po is distinct from old_code"
    " when 'split' then po is distinct from old_code or not coalesce(list_contains(candidates, pn), true) else false end"
)
WRONG = {
    "status": "known and ps is distinct from expected",
    "month": "readable and pt is distinct from month",
    "unit": UNIT_WRONG,
}
MAPS = {"status": "join status_map using (s)", "month": "join day_map using (d)", "unit": "join unit_map using (cu)"}
