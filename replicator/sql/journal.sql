-- The journal: one row for the run, one for each step of its plan. All have keys: a publication FOR ALL TABLES that
-- the copy brings along forbids updates of tables without.
CREATE SCHEMA replicator;
CREATE TABLE replicator.run (
    id integer PRIMARY KEY DEFAULT 1,
    source text NOT NULL,
    system text NOT NULL,
    database text NOT NULL,
    sessions text NOT NULL,
    snapshot text NOT NULL,
    rows_only boolean NOT NULL,
    kept text[] NOT NULL,
    state text NOT NULL DEFAULT 'running',
    error text,
    started timestamptz NOT NULL DEFAULT now(),
    ended timestamptz
);
CREATE TABLE replicator.step (
    number integer PRIMARY KEY,
    name text NOT NULL,
    phase text NOT NULL,
    digest text NOT NULL,
    relation text,
    cost bigint NOT NULL,
    part text,
    targets text[],
    forgotten boolean NOT NULL DEFAULT false,
    done_at timestamptz,
    seconds double precision,
    rows bigint,
    bytes bigint,
    snapshot text,
    lsn pg_lsn
);
-- What was taken away from a schema that stays, and comes back in the transaction in which its row goes.
CREATE TABLE replicator.taken (
    name text PRIMARY KEY,
    take text NOT NULL,
    give_back text NOT NULL
);
-- One row. A crash of the server takes it away, as it empties every unlogged table; so does a failover.
CREATE UNLOGGED TABLE replicator.witness (here boolean NOT NULL);
INSERT INTO replicator.witness VALUES (true);
