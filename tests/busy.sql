-- The world of tests/busy.py: what its actors change. Whatever they change they also write into busy.log, in the same
-- transaction, so that the log tells what a database must hold, in any snapshot of it.
CREATE SCHEMA busy;
CREATE TABLE busy.log (
    writer text,
    number int,
    what text NOT NULL,
    key text NOT NULL,
    value text,
    seen jsonb,
    PRIMARY KEY (writer, number)
);

-- Rows alone. The pad makes the tables large enough for --max-rate and for parts.
CREATE TABLE busy.account (id int PRIMARY KEY, balance int NOT NULL);
CREATE TABLE busy.booking (id bigserial PRIMARY KEY, account int REFERENCES busy.account, amount int, writer text, number int);
CREATE TABLE busy.receipt (writer text, number int, PRIMARY KEY (writer, number));
INSERT INTO busy.account SELECT g, 100 FROM generate_series(1, 200) g;
CREATE TABLE busy.item_1 (key int PRIMARY KEY, value text, pad text);
CREATE TABLE busy.item_2 (key int PRIMARY KEY, value text, pad text);
CREATE TABLE busy.item_3 (key int PRIMARY KEY, value text, pad text);
INSERT INTO busy.item_1 SELECT g, 'first', repeat(md5(g::text), 8) FROM generate_series(1, 4000) g;
INSERT INTO busy.item_2 SELECT g, 'first', repeat(md5(g::text), 8) FROM generate_series(1, 4000) g;
INSERT INTO busy.item_3 SELECT g, 'first', repeat(md5(g::text), 8) FROM generate_series(1, 4000) g;
CREATE TABLE busy.still AS SELECT g AS a, repeat(md5(g::text), 8) AS b FROM generate_series(1, 6000) g;
CREATE INDEX item_3_value ON busy.item_3 (value);

-- Tables that are altered, emptied, written anew.
CREATE TABLE busy.shape_1 (key int PRIMARY KEY, value text);
CREATE TABLE busy.shape_2 (key int PRIMARY KEY, value text);
CREATE TABLE busy.slow_shape (key int PRIMARY KEY, value text);
CREATE TABLE busy.emptied (key int PRIMARY KEY, value text);
CREATE TABLE busy.vacuumed (key int PRIMARY KEY, value text);
INSERT INTO busy.shape_1 SELECT g, 'first' FROM generate_series(1, 1000) g;
INSERT INTO busy.shape_2 SELECT g, 'first' FROM generate_series(1, 1000) g;
INSERT INTO busy.slow_shape SELECT g, 'first' FROM generate_series(1, 1000) g;
INSERT INTO busy.emptied SELECT g, 'first' FROM generate_series(1, 1000) g;
INSERT INTO busy.vacuumed SELECT g, 'first' FROM generate_series(1, 1000) g;
CREATE INDEX vacuumed_value ON busy.vacuumed (value);
CLUSTER busy.vacuumed USING vacuumed_value;

CREATE TABLE busy.measure (part int, n int) PARTITION BY LIST (part);
CREATE TABLE busy.part_0 PARTITION OF busy.measure FOR VALUES IN (0);
INSERT INTO busy.measure SELECT 0, g FROM generate_series(1, 100) g;

-- Names that change places. None of these takes a lock that a reader notices, but the last.
CREATE SCHEMA app;
CREATE SCHEMA app_new;
CREATE TABLE app.t AS SELECT g AS a FROM generate_series(1, 1000) g;
CREATE TABLE app_new.t (a int);
CREATE TYPE busy.state AS ENUM ('paid', 'open');
CREATE TABLE busy.orders AS SELECT g AS id, (CASE WHEN g <= 10 THEN 'paid' ELSE 'open' END)::busy.state AS state FROM generate_series(1, 1000) g;
CREATE TYPE busy.pair AS (a int, b int);
CREATE TABLE busy.pairs AS SELECT g AS id, ROW(g, -g)::busy.pair AS pair FROM generate_series(1, 100) g;
CREATE TABLE busy.full_side AS SELECT g AS a FROM generate_series(1, 100) g;
CREATE TABLE busy.empty_side (a int);

CREATE FUNCTION busy.version() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 0';
CREATE VIEW busy.version_seen AS SELECT 0 AS version;
CREATE TABLE busy.numbered (a bigint);
CREATE SEQUENCE busy.number;
CREATE TABLE busy.granted (a int);
CREATE MATERIALIZED VIEW busy.counted AS SELECT balance, count(*) AS accounts FROM busy.account GROUP BY balance;
CREATE UNIQUE INDEX ON busy.counted (balance);
SELECT lo_from_bytea(n, convert_to('large ' || n, 'UTF8')) FROM generate_series(5001, 5010) n;
