-- Many indexes: one table of a million rows with twelve.
CREATE TABLE indexed (id bigint PRIMARY KEY, a int, b int, c text, d text, e timestamptz, f numeric, g uuid UNIQUE, h int[]);
INSERT INTO indexed
SELECT i, i % 1000, (i * 7919) % 1000003, 'c' || i % 5000, md5(i::text), timestamptz '2020-01-01' + i * interval '1 second'
     , i / 7.0, md5(i::text)::uuid, ARRAY[i % 10, i % 100]
  FROM generate_series(1, pg_temp.scaled(1000000)::int) i;
CREATE INDEX ON indexed (a);
CREATE INDEX ON indexed (b);
CREATE INDEX ON indexed (c);
CREATE INDEX ON indexed (d);
CREATE INDEX ON indexed (e);
CREATE INDEX ON indexed (f);
CREATE INDEX ON indexed (a, b) INCLUDE (c);
CREATE INDEX ON indexed (lower(d));
CREATE INDEX ON indexed USING gin (h);
CREATE INDEX ON indexed USING hash (c);
