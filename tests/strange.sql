-- What no single kind's fixture shows: odd things that need one another. Roles: fix_servers.ROLES.

-- A base table and a function of its row type in its own check and index; a view that reads itself through a function.
CREATE TABLE row_typed (id int PRIMARY KEY, v int);
CREATE FUNCTION of_row(row_typed) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.v > 0';
ALTER TABLE row_typed ADD CONSTRAINT itself CHECK (of_row(row_typed));
CREATE INDEX ON row_typed (of_row(row_typed));
CREATE VIEW itself AS SELECT 1 AS x, 'a'::text AS y;
CREATE FUNCTION of_itself() RETURNS SETOF itself LANGUAGE sql AS 'SELECT * FROM public.itself';
CREATE OR REPLACE VIEW itself AS SELECT x + 1 AS x, y FROM of_itself();
CREATE VIEW one AS SELECT NULL::int AS i;
CREATE VIEW two AS SELECT i FROM one;
CREATE OR REPLACE VIEW one AS SELECT i FROM two;
CREATE VIEW grouped AS SELECT id, v, count(*) FROM row_typed GROUP BY id;
CREATE VIEW on_grouped AS SELECT * FROM grouped;
CREATE FUNCTION takes_grouped(grouped) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE of_grouped (a grouped, b on_grouped[]);

-- A check that reads another table; a default that does; circular foreign keys.
CREATE TABLE looked_up (k int PRIMARY KEY);
INSERT INTO looked_up VALUES (1), (2);
CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.looked_up WHERE k = $1)';
CREATE TABLE a_looks_up (k int CHECK (known(k)), n bigint DEFAULT known(1)::int);
INSERT INTO a_looks_up VALUES (1), (2);
CREATE TABLE hen (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen ON DELETE SET NULL);
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO hen VALUES (1, 1);
INSERT INTO egg VALUES (1, 1);
COMMIT;
ALTER TABLE hen DISABLE TRIGGER ALL;

-- Domains over composites over arrays.
CREATE TYPE pair AS (a int, b text[]);
CREATE DOMAIN good_pair AS pair CHECK ((VALUE).a > 0);
CREATE DOMAIN few_pairs AS good_pair[] CHECK (array_length(VALUE, 1) < 5);
CREATE TYPE heap AS (x few_pairs, y good_pair, z pair[]);
CREATE DOMAIN good_heap AS heap;
CREATE TABLE heaps (a good_heap, b few_pairs, c good_pair[]);
INSERT INTO heaps VALUES (ROW(ARRAY[ROW(1, ARRAY['x'])::good_pair]::few_pairs, ROW(2, '{}')::good_pair,
                              ARRAY[ROW(3, NULL)::pair]), NULL, NULL);

-- Partitions whose columns are in another order, dropped, of their own default; parents of many levels and names.
CREATE SCHEMA "select";
CREATE TABLE p (a int NOT NULL, gone text, b text COLLATE "C" DEFAULT 'p', c numeric, d int NOT NULL) PARTITION BY RANGE (a);
ALTER TABLE p DROP COLUMN gone;
CREATE TABLE p1 (d int NOT NULL, c numeric, extra int, b text COLLATE "C", a int NOT NULL);
ALTER TABLE p1 DROP COLUMN extra;
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE p2 PARTITION OF p (b DEFAULT 'p2', CONSTRAINT own CHECK (c > 0)) FOR VALUES FROM (10) TO (20) PARTITION BY LIST (b);
CREATE TABLE "select".p1 PARTITION OF p2 FOR VALUES IN ('p1', NULL);
CREATE TABLE rest PARTITION OF p DEFAULT PARTITION BY HASH (a, b);
CREATE TABLE rest_0 PARTITION OF rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE rest_1 PARTITION OF rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO p SELECT i, 'x' || i, i + 1, i % 50 FROM generate_series(20, 90) AS i;
INSERT INTO p1 (a, d) SELECT -i, i FROM generate_series(0, 9) AS i;
CREATE UNIQUE INDEX p_unique ON p (a, b, d);
ALTER TABLE p1 ALTER b SET DEFAULT 'p1';
CREATE TABLE refers (a int, b text COLLATE "C", d int, FOREIGN KEY (a, b, d) REFERENCES p (a, b, d));

-- Tables without columns but with rows; one with 1,600; views on system columns and catalogs.
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE once (a int, b int);
INSERT INTO once VALUES (1, 2);
ALTER TABLE once DROP COLUMN a, DROP COLUMN b;
SELECT format('CREATE TABLE wide (%s)', string_agg(format('c%s smallint', i), ',')) FROM generate_series(1, 1600) AS i \gexec
INSERT INTO wide (c1, c1600) VALUES (1, 2);
CREATE VIEW system AS SELECT tableoid, ctid, xmin, cmin, xmax, cmax, a FROM p;
CREATE VIEW catalogs AS SELECT c.oid, c.relname, n.ctid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace;

-- A function that names what is gone, and one whose settings are lists.
SET check_function_bodies = off;
CREATE FUNCTION names_what_is_gone() RETURNS int LANGUAGE sql AS 'SELECT x FROM not_there';
RESET check_function_bodies;
CREATE FUNCTION safe(VARIADIC a json[]) RETURNS json LANGUAGE plpgsql SECURITY DEFINER SET search_path = "$user", "select", pg_temp
    SET DateStyle = 'SQL, DMY' SET "my.custom" = 'a, b''c' AS 'BEGIN END';
COMMENT ON FUNCTION safe IS 'json has another name from 16 on';

-- Owners that are not the caller, who keep nothing for themselves; row security that is forced.
CREATE TYPE complex AS (r float8, i float8);
ALTER TYPE complex OWNER TO alice;
SET ROLE alice;
CREATE CAST (complex AS json) WITH INOUT;
RESET ROLE;
COMMENT ON CAST (complex AS json) IS 'in and out';
CREATE VIEW kept_from_its_owner AS SELECT 1 AS a;
ALTER VIEW kept_from_its_owner OWNER TO alice;
GRANT SELECT ON kept_from_its_owner TO bob;
REVOKE ALL ON kept_from_its_owner FROM alice;
CREATE TABLE guarded (a int, owner name DEFAULT current_user);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "p ""1""" ON guarded AS RESTRICTIVE FOR UPDATE TO alice, bob USING (owner = current_user) WITH CHECK (known(a));
ALTER TABLE guarded OWNER TO alice;
INSERT INTO guarded VALUES (1), (2);

-- Nobody may do anything any more.
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no %', tg_tag; END$$;
CREATE EVENT TRIGGER forbid_before ON ddl_command_start EXECUTE FUNCTION forbid();
CREATE EVENT TRIGGER forbid_after ON ddl_command_end EXECUTE FUNCTION forbid();
