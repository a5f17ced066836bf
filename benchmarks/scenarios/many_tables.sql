-- Many small tables: 5,000 of 100 rows, each with a primary key and an index.
DO $$
BEGIN
  FOR i IN 1..pg_temp.scaled(5000) LOOP
    EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text NOT NULL, made timestamptz)', i);
    EXECUTE format('INSERT INTO t%s SELECT j, ''row '' || j, timestamptz ''2020-01-01'' FROM generate_series(1, 100) j', i);
    EXECUTE format('CREATE INDEX ON t%s (name)', i);
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;
