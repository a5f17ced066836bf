CREATE SCHEMA "Odd ""schema""";
CREATE TABLE items (id integer PRIMARY KEY, name varchar(20), "select" text COLLATE "C", price numeric(10,2)
                  , note char(3));
CREATE TABLE "Odd ""schema"""."Items; -- ''" ("Odd column" integer, "from" text);

CREATE VIEW "Odd ""schema"""."A View; 'quoted'" ("Column ""one""", "group") AS
SELECT "Odd column", "from" || ';' FROM "Odd ""schema"""."Items; -- ''" WHERE "from" <> '%;';
ALTER VIEW "Odd ""schema"""."A View; 'quoted'" OWNER TO alice;
CREATE VIEW no_columns AS SELECT;
CREATE VIEW renamed_column AS SELECT id, name FROM items;
ALTER TABLE renamed_column RENAME COLUMN name TO "New Name";
ALTER TABLE items RENAME COLUMN note TO remark;

CREATE VIEW barrier WITH (security_barrier) AS SELECT id FROM items;
CREATE VIEW no_barrier WITH (security_barrier = false) AS SELECT id FROM items;
CREATE VIEW invoker WITH (security_invoker, security_barrier = true) AS SELECT id FROM items; --15+
CREATE VIEW local_check AS SELECT id FROM items WHERE id > 0 WITH LOCAL CHECK OPTION;
CREATE VIEW cascaded_check WITH (security_barrier) AS SELECT id FROM local_check WHERE id < 9
  WITH CASCADED CHECK OPTION;
CREATE VIEW check_then_barrier AS SELECT id FROM items WITH CHECK OPTION;
ALTER VIEW check_then_barrier SET (security_barrier = on);

CREATE SEQUENCE numbers;
CREATE VIEW with_defaults AS SELECT id, name, price AS "Price in €" FROM items;
ALTER VIEW with_defaults ALTER COLUMN id SET DEFAULT nextval('numbers');
ALTER VIEW with_defaults ALTER COLUMN "Price in €" SET DEFAULT 100 * 0.5;
ALTER VIEW with_defaults ALTER COLUMN name SET DEFAULT 'it''s 100%';

-- 'a' needs 'z'; a recursive one; what the parser has to offer.
CREATE VIEW z_first AS SELECT i AS item, i.id FROM items i;
CREATE VIEW a_second AS SELECT (z.item).name, z AS whole FROM z_first z;
CREATE RECURSIVE VIEW countdown (n) AS VALUES (10) UNION ALL SELECT n - 1 FROM countdown WHERE n > 0;
CREATE VIEW literals AS SELECT NULL AS nothing, 'text' AS unknown, 'x'::char(5) AS padded, B'101'::bit(3) AS bits
     , interval '1 day' day AS days, '2026-01-01 10:00:00.123'::timestamp(2) AS at, ARRAY['{a}'::text[]] AS nested;
CREATE VIEW sampled AS SELECT DISTINCT ON (id) * FROM ONLY items TABLESAMPLE bernoulli (10) REPEATABLE (3)
 ORDER BY id, name COLLATE "POSIX" DESC NULLS LAST LIMIT 5 OFFSET 1;
CREATE VIEW windows AS SELECT id, rank() OVER w, sum(price) FILTER (WHERE id > 1) OVER (w ROWS 2 PRECEDING) AS total
  FROM items WINDOW w AS (PARTITION BY name ORDER BY price);
CREATE VIEW joins AS SELECT b.name, g.* FROM (items a JOIN items b USING (id))
  LEFT JOIN LATERAL generate_series(1, a.id) WITH ORDINALITY AS g (value, place) ON true;

-- Its GROUP BY needs the primary key, which is built late; so must all that needs the view.
CREATE VIEW grouped AS SELECT id, name, count(*) AS n, items.price FROM items GROUP BY id;
CREATE VIEW over_grouped AS SELECT n, name FROM grouped;
CREATE FUNCTION returns_grouped() RETURNS SETOF grouped LANGUAGE sql AS 'SELECT * FROM public.grouped';
CREATE VIEW over_function AS SELECT * FROM returns_grouped();

-- A view that selects from a function returning the view's own rows: all it has must survive the stub.
CREATE VIEW looped WITH (security_barrier) AS
SELECT id, name, "select", price, remark, '1'::bit(7) AS bits, interval '1' hour AS hours FROM items WHERE id > 0;
CREATE FUNCTION rows_of_looped() RETURNS SETOF looped LANGUAGE sql AS 'SELECT NULL::public.looped';
CREATE OR REPLACE VIEW looped WITH (security_barrier) AS
SELECT id, name, "select", price, remark, bits, hours FROM rows_of_looped();
ALTER VIEW looped ALTER COLUMN id SET DEFAULT 7;
ALTER VIEW looped OWNER TO "Odd Role";
CREATE VIEW over_looped AS SELECT id, remark FROM looped;

CREATE VIEW looped_with_pk AS SELECT id, name FROM items;
CREATE FUNCTION of_looped_with_pk(looped_with_pk) RETURNS text LANGUAGE sql AS 'SELECT ($1).name';
CREATE OR REPLACE VIEW looped_with_pk AS
SELECT id, name FROM items GROUP BY id HAVING of_looped_with_pk(ROW(1, 'a')::looped_with_pk) = 'a';

-- Views that need one another.
CREATE VIEW mutual_a AS SELECT 1 AS x, 'a'::text COLLATE "C" AS y;
CREATE VIEW mutual_b AS SELECT x, y FROM mutual_a;
CREATE VIEW mutual_c WITH (security_barrier) AS SELECT x, y, b.*::text AS z FROM mutual_b b;
CREATE OR REPLACE VIEW mutual_a AS SELECT x, y FROM mutual_c;
CREATE OR REPLACE VIEW itself AS SELECT 1 AS one;
CREATE OR REPLACE VIEW itself AS SELECT one FROM itself;

-- A default that needs a function that needs the view; with a check option.
CREATE VIEW default_looped AS SELECT id, name FROM items WHERE id <> 3 WITH CASCADED CHECK OPTION;
CREATE FUNCTION next_of(default_looped) RETURNS integer LANGUAGE sql AS 'SELECT 1';
ALTER VIEW default_looped ALTER COLUMN id SET DEFAULT next_of(NULL);
-- A table's default that needs a function that takes a view of that table.
CREATE FUNCTION first_name(renamed_column) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
ALTER TABLE items ALTER COLUMN name SET DEFAULT first_name(NULL);
-- The same by way of the primary key.
CREATE VIEW by_key AS SELECT id, name FROM items GROUP BY id;
CREATE FUNCTION last_name(by_key) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
ALTER TABLE items ALTER COLUMN "select" SET DEFAULT last_name(NULL);
CREATE TABLE of_by_key (whole by_key, other looped[] DEFAULT '{}');
-- A view of its own type, and one that a function written in SQL-standard form needs and that needs it.
CREATE VIEW own_type AS SELECT 1 AS one;
CREATE OR REPLACE VIEW own_type AS SELECT 1 AS one WHERE NULL::own_type IS NULL;
CREATE VIEW of_atomic AS SELECT 1 AS one;                                            --14+
CREATE FUNCTION atomic() RETURNS integer BEGIN ATOMIC SELECT one FROM of_atomic; END; --14+
CREATE OR REPLACE VIEW of_atomic AS SELECT atomic() AS one;                          --14+
