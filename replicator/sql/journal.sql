-- The journal: one row for the run, one for each step of its plan.
CREATE SCHEMA replicator;
CREATE TABLE replicator.run (
    source text NOT NULL,
    state text NOT NULL DEFAULT 'running',
    error text,
    started timestamptz NOT NULL DEFAULT now(),
    ended timestamptz
);
CREATE TABLE replicator.step (
    number integer PRIMARY KEY,
    name text NOT NULL,
    phase text NOT NULL,
    done_at timestamptz,
    seconds double precision,
    rows bigint,
    bytes bigint,
    snapshot text,
    lsn pg_lsn
);
