-- Keys that a whole reading no longer met: deleted at the source. The published row stays; people decide what it means (F9).
create table if not exists ledger.gone (
    source text not null,
    source_key text not null collate "C",
    run_id text not null,
    noticed_at timestamptz not null default now(),
    primary key (source, source_key, run_id)
);
