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
    -- What tells the snapshot from another of the same name: pg_current_snapshot(), and when the server was started.
    moment text NOT NULL,
    source_start text NOT NULL,
    held_until timestamptz,
    options jsonb NOT NULL,
    rows_only boolean NOT NULL,
    kept text[] NOT NULL,
    -- What the destination refused of the schema, with reasons: not jsonb, whose strings not every encoding allows.
    tried json NOT NULL,
    checked boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'running',
    error text,
    -- What differed when the copy was compared: only a comparison takes a name away.
    differs text[] NOT NULL DEFAULT '{}',
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
    -- Which rows, where a table goes in parts: from here on, and before there. Numbers of blocks, or values of the key.
    part_key text,
    part_since text,
    part_before text,
    targets text[],
    -- It is done when all else is there: a crash took its rows away, or they were refused at first.
    forgotten boolean NOT NULL DEFAULT false,
    -- Why the destination refused it, in the words of its server: nothing but text to show.
    refused text,
    done_at timestamptz,
    seconds double precision,
    rows bigint,
    bytes bigint,
    snapshot text,
    lsn pg_lsn,
    -- The transaction that did it: all rows that it copied are its own.
    txid bigint
);
-- What the sequences were given, in the transaction of that step: the source's go on counting.
CREATE TABLE replicator.sequence (
    name text PRIMARY KEY,
    last_value bigint NOT NULL,
    is_called boolean NOT NULL
);
-- The foreign keys that were taken away from a schema that stays. Each comes back in the transaction in which its row
-- goes. All that defines one, as pg_constraint has it: no text of this is ever executed.
CREATE TABLE replicator.taken (
    name text PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    partitioned boolean NOT NULL,
    constraint_name text NOT NULL,
    column_names text[] NOT NULL,
    referenced_schema text NOT NULL,
    referenced_table text NOT NULL,
    referenced_columns text[] NOT NULL,
    period boolean NOT NULL,
    match_type text NOT NULL,
    on_update text NOT NULL,
    on_delete text NOT NULL,
    set_column_names text[] NOT NULL,
    may_be_deferred boolean NOT NULL,
    begins_deferred boolean NOT NULL,
    enforced boolean NOT NULL,
    validated boolean NOT NULL,
    comment_text text
);
-- What is done when the copy is open: see tasks.py for what these statements can be.
CREATE TABLE replicator.deferred (
    number integer PRIMARY KEY,
    name text NOT NULL,
    statements text[] NOT NULL,
    needs text[] NOT NULL,
    sorts bigint NOT NULL,
    refused text,
    done_at timestamptz
);
-- One row. A crash of the server takes it away, as it empties every unlogged table; so does a failover.
CREATE UNLOGGED TABLE replicator.witness (here boolean NOT NULL);
INSERT INTO replicator.witness VALUES (true);
-- The extensions that were there before: `clean` leaves them.
CREATE TABLE replicator.before (
    extension text PRIMARY KEY
);
INSERT INTO replicator.before SELECT extname FROM pg_extension;
-- One row as soon as anything that was there before may have been dropped.
CREATE TABLE replicator.dropping (
    since timestamptz PRIMARY KEY
);
