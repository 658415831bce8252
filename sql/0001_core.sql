-- The unified database: schemas by purpose. Run by hopnhat.load.schema; safe to run again.
-- Keys are COLLATE "C": they are compared, never shown in Vietnamese order, and byte order costs a third less to index.
create schema if not exists unified;
create schema if not exists staging;
create schema if not exists quarantine;
create schema if not exists ledger;
create schema if not exists verify;

-- What a batch was made with. Same source bytes and same version = same result, so such rows need not be looked at again.
create table if not exists ledger.version (
    version_id bigint primary key,
    system text not null,
    mapping_sha text not null,
    registry_version text not null,
    code_version text not null,
    until date not null,
    made_at timestamptz not null default now()
);

create table if not exists ledger.run (
    run_id text not null,
    system text not null,
    mode text not null check (mode in ('rehearsal', 'bulk', 'delta')),
    as_of date not null,
    state text not null check (state in ('open', 'published', 'rehearsed', 'failed', 'abandoned')),
    version_id bigint not null references ledger.version,
    snapshot text,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    message text,
    primary key (run_id, system)
);
-- One open run per system: two runs can never stage the same source side by side.
create unique index if not exists run_open on ledger.run (system) where state = 'open';

-- One part of one source, staged in one target transaction together with this row (law 2).
create table if not exists ledger.batch (
    batch_id bigint generated always as identity primary key,
    run_id text not null,
    system text not null,
    source text not null,
    entity text not null,
    part_number int not null,
    key_low text[],
    key_high text[],
    part text not null,
    part_sha text not null,
    version_id bigint not null references ledger.version,
    extracted bigint not null,
    published bigint not null,
    unchanged bigint not null,
    merged bigint not null,
    quarantined bigint not null,
    filtered bigint not null,
    held_again bigint not null default 0,
    whole boolean not null default true,  -- false: a delta, which says nothing about the rows it did not read
    high_mark text,                       -- greatest watermark read, as the source writes it
    era jsonb,                            -- what the distinct unit codes say of their era, by kind; null where there are none
    state text not null check (state in ('staged', 'published', 'rehearsed', 'abandoned')),
    staged_at timestamptz not null default now(),
    published_at timestamptz,
    unique (run_id, source, part_number),
    foreign key (run_id, system) references ledger.run,
    -- Law 1: a batch that does not balance cannot be written.
    constraint conservation check (extracted = published + unchanged + merged + quarantined + filtered)
);
create index if not exists batch_source on ledger.batch (source, state);

-- The same count by old unit and outcome; rule names why a filtered row was left out. A line holds all units of one
-- outcome (a row per unit costs a part more than its quarantine). Append-only: what a set check moves to another outcome
-- is a later line, negative on one side; what holds is the sum.
create table if not exists ledger.unit_tally (
    batch_id bigint not null references ledger.batch on delete cascade,
    outcome text not null check (outcome in ('published', 'unchanged', 'merged', 'quarantined', 'filtered')),
    rule text not null default '',
    old_units text[] not null,
    rows bigint[] not null check (cardinality(rows) = cardinality(old_units))
);
create index if not exists unit_tally_batch on ledger.unit_tally (batch_id);

create or replace view ledger.unit_count as
select t.batch_id, u.old_unit, t.outcome, t.rule, u.rows
from ledger.unit_tally t cross join lateral unnest(t.old_units, t.rows) as u (old_unit, rows);

create or replace view ledger.balance as
select b.run_id, b.system, b.source, b.entity, b.state,
       sum(b.extracted) as extracted, sum(b.published) as published, sum(b.unchanged) as unchanged,
       sum(b.merged) as merged, sum(b.quarantined) as quarantined, sum(b.filtered) as filtered,
       sum(b.extracted - b.published - b.unchanged - b.merged - b.quarantined - b.filtered) as balance
from ledger.batch b
group by b.run_id, b.system, b.source, b.entity, b.state;

create or replace view ledger.unit_balance as
select b.run_id, b.system, b.source, u.old_unit,
       sum(u.rows) as extracted,
       sum(u.rows) filter (where u.outcome = 'published') as published,
       sum(u.rows) filter (where u.outcome = 'unchanged') as unchanged,
       sum(u.rows) filter (where u.outcome = 'merged') as merged,
       sum(u.rows) filter (where u.outcome = 'quarantined') as quarantined,
       sum(u.rows) filter (where u.outcome = 'filtered') as filtered
from ledger.unit_count u join ledger.batch b using (batch_id)
where b.state in ('published', 'rehearsed')
group by b.run_id, b.system, b.source, u.old_unit;

-- Every row that does not fit, whole, with all its reasons; append-only, never capped (F36).
-- problems: [{"field": ours, "column": theirs, "reason": code, "value": raw text, null where it is personal}]
create table if not exists quarantine.row (
    quarantine_id bigint generated always as identity primary key,
    batch_id bigint not null references ledger.batch on delete cascade,
    source text not null,
    source_key text not null collate "C",
    source_hash bigint not null,
    entity text not null,
    old_unit text not null,
    month text,
    status text,
    resolution_id bigint,
    problems jsonb not null,
    raw jsonb not null,
    held_at timestamptz not null default now(),
    released_by bigint references ledger.batch
);
create index if not exists quarantine_open on quarantine.row (source, source_key) where released_by is null;
create index if not exists quarantine_batch on quarantine.row (batch_id);

-- Keys that waited and that a later batch leaves out by a filter rule: publishing that batch closes their entries.
create table if not exists quarantine.left_out (
    batch_id bigint not null references ledger.batch on delete cascade,
    source_key text not null collate "C",
    primary key (batch_id, source_key)
);

create or replace view quarantine.open as
select q.* from quarantine.row q join ledger.batch b using (batch_id)
where q.released_by is null and b.state = 'published';

-- One explained answer per distinct unit value (law 6). A unified row points here.
create table if not exists unified.unit_resolution (
    resolution_id bigint primary key,
    registry_version text not null,
    inputs jsonb not null,
    status text not null check (status in ('resolved', 'ambiguous', 'unmatched')),
    era text,
    old_code text, old_valid_from date, old_name text,
    new_code text, new_name text, new_province_code text,
    rule text, score real,
    runner_up text, runner_up_score real, margin real,
    candidates text[] not null default '{}',
    path text, evidence text,
    decision_id bigint
);

-- The same dossier seen in two systems: linked and reported, never overwritten.
create table if not exists unified.dossier_link (
    dossier_no text not null collate "C",
    source_a text not null, key_a text not null collate "C",
    source_b text not null, key_b text not null collate "C",
    agrees boolean not null,
    differences text[] not null default '{}',
    run_id text not null,
    linked_at timestamptz not null default now(),
    primary key (source_a, key_a, source_b, key_b)
);

create table if not exists verify.result (
    run_id text not null,
    system text not null,
    source text not null,
    leg text not null,
    measure text not null,
    old_unit text not null default '',
    new_unit text not null default '',
    month text not null default '',
    status text not null default '',
    source_value numeric,
    landing_value numeric,
    published_value numeric,
    quarantined_value numeric,
    other_value numeric,
    difference numeric not null,
    verdict text not null check (verdict in ('pass', 'fail', 'not applicable', 'error')),
    note text not null default ''
);
create index if not exists result_run on verify.result (run_id, system);
