-- Large objects: 100,000 of 4 kB.
DO $$
DECLARE
  body bytea := (SELECT string_agg(sha512(j::text::bytea), '') FROM generate_series(1, 63) j);
BEGIN
  FOR i IN 1..pg_temp.scaled(100000) LOOP
    PERFORM lo_from_bytea(0, sha512(i::text::bytea) || body);
    IF i % 1000 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;
