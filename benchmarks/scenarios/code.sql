-- Code: 21,000 functions, 4,000 views, 3,000 types, their comments, triggers and privileges, and 1,000 empty tables.
-- Some hundred at a time: each holds its lock to the end.
DO $$
BEGIN
  FOR i IN 0..19 LOOP EXECUTE format('CREATE SCHEMA s%s', i); END LOOP;
END $$;

DO $$
DECLARE
  name text;
BEGIN
  FOR i IN 1..pg_temp.scaled(10000) / 10 LOOP
    name := format('s%s.t%s', i % 20, i);
    EXECUTE format('CREATE TYPE %s_state AS ENUM (''new'', ''open'', ''closed'')', name);
    EXECUTE format('CREATE DOMAIN %s_code AS text CHECK (VALUE ~ ''^[A-Z]+$'')', name);
    EXECUTE format('CREATE TYPE %s_pair AS (id int, note text)', name);
    EXECUTE format('CREATE TABLE %1$s (id int PRIMARY KEY, code %1$s_code, state %1$s_state DEFAULT ''new'', note text)'
                  , name);
    EXECUTE format('COMMENT ON TABLE %s IS %L', name, 'Table number ' || i);
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;

DO $$
DECLARE
  name text;
  target text;
BEGIN
  FOR i IN 1..pg_temp.scaled(10000) * 2 LOOP
    name := format('s%s.f%s', i % 20, i);
    target := format('s%s.t%s', (1 + i % (pg_temp.scaled(10000) / 10)) % 20, 1 + i % (pg_temp.scaled(10000) / 10));
    EXECUTE format('CREATE FUNCTION %1$s (a int, b text DEFAULT ''b'', OUT total bigint) LANGUAGE plpgsql STABLE AS %3$L'
                  , name, target, format(E'DECLARE\n  found %1$s%%ROWTYPE;\nBEGIN\n  SELECT * INTO found FROM %1$s'
                                         ' WHERE id = a;\n  total := length(found.note) + length(b);\nEND', target));
    EXECUTE format('COMMENT ON FUNCTION %s IS %L', name, 'Function number ' || i);
    IF i % 4 = 0 THEN EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_monitor', name); END IF;
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;

DO $$
DECLARE
  name text;
BEGIN
  FOR i IN 1..pg_temp.scaled(10000) / 10 LOOP
    name := format('s%s.t%s', i % 20, i);
    EXECUTE format('CREATE FUNCTION %s_changed () RETURNS trigger LANGUAGE plpgsql AS %L'
                  , name, 'BEGIN NEW.note := now()::text; RETURN NEW; END');
    EXECUTE format('CREATE TRIGGER changed BEFORE UPDATE ON %1$s FOR EACH ROW EXECUTE FUNCTION %1$s_changed()', name);
    EXECUTE format('CREATE TRIGGER made AFTER INSERT ON %1$s FOR EACH ROW WHEN (NEW.id > 0)'
                   ' EXECUTE FUNCTION %1$s_changed()', name);
    FOR n IN 1..4 LOOP
      EXECUTE format('CREATE VIEW %1$s_v%2$s AS SELECT id, upper(code) AS code, state, length(note) + %2$s AS length'
                     ' FROM %1$s WHERE id %% 4 = %2$s', name, n);
    END LOOP;
    IF i % 50 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;
