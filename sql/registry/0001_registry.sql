-- The administrative-unit registry, one set of rows per version. Safe to run again. A unit's key is (code, valid_from).
-- A version and its rows are written in one transaction, so they need no reference to it: 46,000 look-ups of one row.
create schema if not exists registry;

create table if not exists registry.version (
    version text primary key,
    checksum text not null,
    loaded_at timestamptz not null default now()
);
-- Which version the applications see; one row.
create table if not exists registry.active (
    only_row boolean primary key default true check (only_row),
    version text not null references registry.version
);

create table if not exists registry.unit (
    version text collate "C" not null,
    code text collate "C" not null,
    valid_from date not null,
    valid_to date,                       -- first day on which it is no longer so; null = still so
    level text not null check (level in ('province', 'district', 'commune')),
    name text not null,
    type text not null,
    parent_code text collate "C",
    primary key (version, code, valid_from),
    check (valid_to is null or valid_from < valid_to)
);

create table if not exists registry.event (
    version text collate "C" not null,
    event_no int not null,
    kind text not null,                  -- identity, rename, retype, transfer, merge, split, recode, created, abolished, or several with +
    effective_date date not null,
    notice_date date,
    date_basis text not null check (date_basis in ('effective', 'resolution', 'registry')),
    code_before text collate "C",
    valid_from_before date,
    code_after text collate "C",
    valid_from_after date,
    carries text not null check (carries in ('both', 'area', 'people')),
    part_kind text,
    legal_ref text,
    confidence text,
    sources text,
    final_codes text,
    area_shares text,
    primary key (version, event_no)
);

-- What became of every unit that ended before or at the reform: its new communes, with what each received.
create table if not exists registry.successor (
    version text collate "C" not null,
    old_code text collate "C" not null,
    old_valid_from date not null,
    new_code text collate "C" not null,
    carries text not null check (carries in ('both', 'area', 'people')),
    legal_ref text,
    primary key (version, old_code, old_valid_from, new_code)
);
create index if not exists successor_by_new on registry.successor (version, new_code);

create or replace function registry.last_day(u registry.unit) returns date
language sql immutable as $$ select coalesce(u.valid_to - 1, date '9999-12-31') $$;

-- The names on the last day of an instance, parents included.
create or replace view registry.named as
select u.version, u.code, u.valid_from, u.valid_to, u.level, u.name, p.name as parent_name, g.name as grandparent_name,
       p.code as parent_code, g.code as grandparent_code
from registry.unit u
left join registry.unit p on p.version = u.version and p.code = u.parent_code and p.valid_from <= registry.last_day(u)
     and (p.valid_to is null or registry.last_day(u) < p.valid_to)
left join registry.unit g on g.version = p.version and g.code = p.parent_code and g.valid_from <= registry.last_day(u)
     and (g.valid_to is null or registry.last_day(u) < g.valid_to);

-- Both addresses side by side, in both directions: what applications join on. n_new = 1: the old unit settles the new one.
create or replace view registry.lookup as
select s.old_code, s.old_valid_from, o.valid_to as old_valid_to, o.name as old_name, o.parent_name as old_district,
       coalesce(o.grandparent_name, o.parent_name) as old_province,
       s.new_code, n.name as new_name, n.parent_code as new_province_code, n.parent_name as new_province,
       s.carries, s.legal_ref, count(*) over one as n_new, count(*) filter (where s.carries <> 'area') over one as n_new_people,
       s.version
from registry.successor s
join registry.active a on a.version = s.version
join registry.named o on o.version = s.version and o.code = s.old_code and o.valid_from = s.old_valid_from
join registry.named n on n.version = s.version and n.code = s.new_code and n.valid_to is null
window one as (partition by s.version, s.old_code, s.old_valid_from);

-- What a code named on a day: `select * from registry.unit_on('00004', '2025-06-30')`.
create or replace function registry.unit_on(wanted text, day date)
returns table (code text, name text, type text, level text, parent_code text, valid_from date, valid_to date)
language sql stable as $$
    select u.code, u.name, u.type, u.level, u.parent_code, u.valid_from, u.valid_to
    from registry.unit u join registry.active a on a.version = u.version
    where u.code = wanted and u.valid_from <= day and (u.valid_to is null or day < u.valid_to)
$$;
