-- Long texts that are stored compressed and out of line: 40,000 of 20 kB.
CREATE TABLE documents (id int PRIMARY KEY, title text NOT NULL, body text NOT NULL);
INSERT INTO documents
SELECT i, 'document ' || i, string_agg(md5((i * 1000 + j % 150)::text) || ' lorem ipsum dolor sit amet ', '')
  FROM generate_series(1, pg_temp.scaled(40000)::int) i, generate_series(1, 330) j GROUP BY i;
