CREATE TABLE by_range (id integer NOT NULL, "T" text DEFAULT 't', d date, CONSTRAINT positive CHECK (id > 0)) PARTITION BY RANGE (id, d);
CREATE TABLE child PARTITION OF by_range FOR VALUES FROM (1, MINVALUE) TO (10, '2020-01-01');
CREATE TABLE top PARTITION OF by_range FOR VALUES FROM (100, '2020-01-01') TO (MAXVALUE, MAXVALUE) WITH (fillfactor = 50);
CREATE TABLE rest PARTITION OF by_range DEFAULT;

-- Partitions in another schema, with their columns in another order, defaults, checks and owners of their own.
CREATE SCHEMA "Odd schema";
CREATE TABLE "Odd schema"."Odd ""partition""" (dropped integer, d date DEFAULT now(), "T" text COLLATE "default" NOT NULL, id integer NOT NULL
                                              , CONSTRAINT positive CHECK (id > 0), CHECK ("T" <> ''));
ALTER TABLE "Odd schema"."Odd ""partition""" DROP dropped;
ALTER TABLE by_range ATTACH PARTITION "Odd schema"."Odd ""partition""" FOR VALUES FROM (20, '2020-01-01') TO (20, '2021-01-01');
ALTER TABLE "Odd schema"."Odd ""partition""" OWNER TO alice;

-- Partitions of partitions; a name that sorts before its parent's.
CREATE TABLE by_list (a text COLLATE "C", b integer DEFAULT 5 CHECK (b > 0), c timestamptz NOT NULL) PARTITION BY LIST (a);
CREATE TABLE a_list PARTITION OF by_list FOR VALUES IN ('x', 'it''s', NULL) PARTITION BY HASH (b, c);
CREATE TABLE a_list_0 PARTITION OF a_list (b DEFAULT 6, CHECK (b < 100)) FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE UNLOGGED TABLE a_list_1 PARTITION OF a_list FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE a_default PARTITION OF by_list DEFAULT PARTITION BY RANGE (c);
CREATE TABLE a_2020 PARTITION OF a_default FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2021-01-01 00:00+00');

CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE moods (m mood, g integer, h integer GENERATED ALWAYS AS (g * 2) STORED) PARTITION BY LIST (m);
CREATE TABLE sad PARTITION OF moods FOR VALUES IN ('sad');
CREATE TABLE happy (g integer, h integer GENERATED ALWAYS AS (g * 2) STORED, m mood);
ALTER TABLE moods ATTACH PARTITION happy FOR VALUES IN ('happy');
CREATE TABLE by_expression (a integer, t text) PARTITION BY RANGE (abs(a));
CREATE TABLE under_ten PARTITION OF by_expression FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE flags (b boolean) PARTITION BY LIST (b);
CREATE TABLE set PARTITION OF flags FOR VALUES IN (true);

CREATE TABLE identities (i integer GENERATED ALWAYS AS IDENTITY, b integer) PARTITION BY LIST (b); --17+
CREATE TABLE identities_1 PARTITION OF identities FOR VALUES IN (1); --17+
CREATE TABLE not_nulls (a integer CONSTRAINT parents_name NOT NULL, b integer CONSTRAINT parents_b NOT NULL) PARTITION BY LIST (a); --18+
CREATE TABLE not_nulls_1 PARTITION OF not_nulls FOR VALUES IN (1); --18+
CREATE TABLE not_nulls_2 (a integer CONSTRAINT childs_name NOT NULL, b integer NOT NULL); --18+
ALTER TABLE not_nulls ATTACH PARTITION not_nulls_2 FOR VALUES IN (2); --18+
