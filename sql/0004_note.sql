-- What a person should know about a run's source besides its counts: a tolerated change of columns, an accepted volume,
-- unit codes of both eras.
create table if not exists ledger.note (
    run_id text not null,
    system text not null,
    source text not null,
    kind text not null check (kind in ('drift-accepted', 'drift-quarantined', 'volume-accepted', 'read-whole', 'era')),
    note text not null,
    primary key (run_id, source, kind),
    foreign key (run_id, system) references ledger.run
);
-- The columns a source had when a run started: what the next run compares with.
create table if not exists ledger.shape (
    run_id text not null,
    system text not null,
    source text not null,
    shape jsonb not null,
    primary key (run_id, source),
    foreign key (run_id, system) references ledger.run
);
