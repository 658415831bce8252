-- Which window of a vendor's change table a run reads: from `since` (null = the table was read whole) up to what it held at the start.
create table if not exists ledger.change_mark (
    run_id text not null,
    system text not null,
    source text not null,
    since text,
    until text,
    primary key (run_id, source),
    foreign key (run_id, system) references ledger.run
);
