-- Binary values that cannot be compressed: 2,000 of 100 kB, and 8 of 10 MB.
CREATE TABLE blobs (id int PRIMARY KEY, body bytea NOT NULL);
ALTER TABLE blobs ALTER body SET STORAGE EXTERNAL;
INSERT INTO blobs
SELECT i, string_agg(sha512((i * 10000 + j)::text::bytea), '')
  FROM generate_series(1, pg_temp.scaled(2000)::int) i, generate_series(1, 1600) j GROUP BY i;
INSERT INTO blobs
SELECT -i, string_agg(body, '') FROM generate_series(1, pg_temp.scaled(8)::int) i
  JOIN blobs ON id BETWEEN 1 + i * 3 AND 100 + i * 3 GROUP BY i;
