-- One big table, 1 GB and 6 million rows with three indexes: more than one worker has to share it.
CREATE TABLE big (id bigint PRIMARY KEY, grp int NOT NULL, made timestamptz NOT NULL, amount numeric(12, 2), note text);
INSERT INTO big
SELECT i, (i * 7919) % 100000, timestamptz '2020-01-01' + i * interval '10 seconds', i / 3.0, repeat(md5(i::text), 2)
  FROM generate_series(1, pg_temp.scaled(6000000)) i;
CREATE INDEX ON big (grp);
CREATE INDEX ON big (made);
