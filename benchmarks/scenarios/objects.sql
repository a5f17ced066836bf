-- Objects: 10,000 empty tables with all that goes with them, and some code.
-- Some hundred at a time: each holds its lock to the end.
DO $$
BEGIN
  FOR i IN 0..19 LOOP EXECUTE format('CREATE SCHEMA s%s', i); END LOOP;
END $$;

DO $$
DECLARE
  name text;
BEGIN
  FOR i IN 1..pg_temp.scaled(10000) LOOP
    name := format('s%s.t%s', i % 20, i);
    EXECUTE format('CREATE TABLE %s (id %s PRIMARY KEY, parent int, name text NOT NULL DEFAULT ''none'','
                   ' amount numeric(10, 2) CHECK (amount >= 0), made timestamptz DEFAULT now(), note varchar(80))'
                  , name, CASE i % 2 WHEN 0 THEN 'serial' ELSE 'int GENERATED ALWAYS AS IDENTITY' END);
    EXECUTE format('CREATE INDEX ON %s (name)', name);
    EXECUTE format('ALTER TABLE %s ADD FOREIGN KEY (parent) REFERENCES s%s.t%s'
                  , name, greatest(1, i / 2) % 20, greatest(1, i / 2));
    IF i % 2 = 0 THEN
      EXECUTE format('CREATE INDEX ON %s (parent, made) WHERE amount > 0', name);
      EXECUTE format('COMMENT ON TABLE %s IS %L', name, 'Table number ' || i);
      EXECUTE format('COMMENT ON COLUMN %s.name IS ''What it is called''', name);
    END IF;
    IF i % 5 = 0 THEN EXECUTE format('GRANT SELECT, INSERT ON %s TO pg_monitor', name); END IF;
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;

DO $$
BEGIN
  FOR i IN 1..pg_temp.scaled(10000) / 5 LOOP
    EXECUTE format('CREATE FUNCTION s%1$s.f%2$s (a int, b text DEFAULT ''b'') RETURNS bigint LANGUAGE plpgsql STABLE'
                   ' AS ''BEGIN RETURN (SELECT count(*) FROM s%1$s.t%2$s WHERE parent = a AND name = b); END'''
                  , i % 20, i);
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;

DO $$
BEGIN
  FOR i IN 1..pg_temp.scaled(10000) / 10 LOOP
    EXECUTE format('CREATE VIEW s%1$s.v%2$s AS SELECT t.id, t.name, p.name AS parent, t.amount * 2 AS twice'
                   ' FROM s%1$s.t%2$s t JOIN s%3$s.t%4$s p ON p.id = t.parent WHERE t.amount > 1'
                  , i % 20, i, greatest(1, i / 2) % 20, greatest(1, i / 2));
    IF i % 100 = 0 THEN COMMIT; END IF;
  END LOOP;
END $$;
