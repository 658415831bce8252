-- The parts that a run will read, fixed when it starts: a resumed run does exactly the rest.
create table if not exists ledger.plan (
    run_id text not null,
    system text not null,
    source text not null,
    part_number int not null,
    key_low text[],
    key_high text[],
    primary key (run_id, source, part_number),
    foreign key (run_id, system) references ledger.run
);

create table if not exists ledger.source_count (
    run_id text not null,
    system text not null,
    source text not null,
    rows bigint not null,
    counted_at timestamptz not null default now(),
    primary key (run_id, source),
    foreign key (run_id, system) references ledger.run
);
