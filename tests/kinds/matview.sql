CREATE SCHEMA "Odd ""schema""";
CREATE TABLE items (id integer PRIMARY KEY, name varchar(20) COLLATE "C", "select" text, price numeric(10,2));
INSERT INTO items VALUES (1, 'one', 'x', 1.5);

CREATE MATERIALIZED VIEW "Odd ""schema"""."Mat; 'view'" ("Column ""one""", "from") AS
SELECT id, name || '%;' FROM items;
ALTER MATERIALIZED VIEW "Odd ""schema"""."Mat; 'view'" OWNER TO alice;
CREATE MATERIALIZED VIEW unpopulated AS SELECT id FROM items WITH NO DATA;
CREATE MATERIALIZED VIEW no_columns AS SELECT;
CREATE MATERIALIZED VIEW renamed AS SELECT id, name FROM items;
ALTER MATERIALIZED VIEW renamed RENAME COLUMN name TO "New Name";

CREATE MATERIALIZED VIEW with_options
  WITH (fillfactor = 70, autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0.25, parallel_workers = 3
      , toast.autovacuum_enabled = true, toast.autovacuum_vacuum_threshold = 500) AS SELECT id, "select" FROM items;
CREATE MATERIALIZED VIEW with_toast_options AS SELECT "select" FROM items;
ALTER MATERIALIZED VIEW with_toast_options SET (toast.autovacuum_vacuum_cost_limit = 77);

CREATE ACCESS METHOD "Odd heap" TYPE TABLE HANDLER heap_tableam_handler;
CREATE MATERIALIZED VIEW with_method USING "Odd heap" WITH (fillfactor = 50) AS SELECT 1 AS one;
SET allow_in_place_tablespaces = on; --15+
SELECT $$CREATE TABLESPACE "Odd space" LOCATION ''$$
 WHERE current_setting('server_version_num')::integer >= 150000
   AND NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = 'Odd space')
\gexec
CREATE MATERIALIZED VIEW in_tablespace USING "Odd heap" TABLESPACE "Odd space" AS SELECT id FROM items; --15+

-- What other kinds set on them.
ALTER MATERIALIZED VIEW renamed ALTER COLUMN id SET STATISTICS 77;
ALTER MATERIALIZED VIEW renamed ALTER COLUMN "New Name" SET STORAGE EXTERNAL;
ALTER MATERIALIZED VIEW renamed ALTER COLUMN "New Name" SET COMPRESSION pglz; --14+
ALTER MATERIALIZED VIEW renamed ALTER COLUMN "New Name" SET (n_distinct = -0.5);
CREATE UNIQUE INDEX renamed_id ON renamed (id);
ALTER MATERIALIZED VIEW renamed CLUSTER ON renamed_id;
ALTER TABLE with_options REPLICA IDENTITY FULL;
CREATE STATISTICS of_matview ON id, "select" FROM with_options;

ALTER MATERIALIZED VIEW with_options DEPENDS ON EXTENSION plpgsql;

CREATE MATERIALIZED VIEW grouped AS SELECT i.id, i.name, count(*) AS n FROM items i GROUP BY i.id;
CREATE MATERIALIZED VIEW a_over AS SELECT n, name, g AS whole FROM grouped g;
CREATE VIEW view_over AS SELECT * FROM a_over;
CREATE FUNCTION rows_of_grouped() RETURNS SETOF grouped LANGUAGE sql AS 'SELECT * FROM public.grouped';
CREATE MATERIALIZED VIEW over_function AS SELECT * FROM rows_of_grouped();
