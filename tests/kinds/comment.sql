-- requires: fuzzystrmatch, unaccent
-- Every type of object that can have a comment.
CREATE SCHEMA comment;
CREATE SCHEMA "Odd ""comment"" schema";
COMMENT ON SCHEMA "Odd ""comment"" schema" IS E'It''s a\nmultiline \\ comment with a "quote", %s, $1 and é';
COMMENT ON SCHEMA comment IS 'schema';
COMMENT ON SCHEMA public IS 'no longer standard';
COMMENT ON LANGUAGE plpgsql IS 'built in: not copied, as by pg_dump';

CREATE TABLE comment."Odd ""table" (a integer PRIMARY KEY, "select" integer UNIQUE, "Odd "".column" integer, d integer
    , CONSTRAINT "Odd check" CHECK (a > 0)
    , CONSTRAINT "Odd foreign" FOREIGN KEY (d) REFERENCES comment."Odd ""table"
    , CONSTRAINT excluded EXCLUDE (d WITH =));
ALTER TABLE comment."Odd ""table" ADD CONSTRAINT not_valid CHECK (d > 0) NOT VALID;
COMMENT ON TABLE comment."Odd ""table" IS 'table';
COMMENT ON COLUMN comment."Odd ""table".a IS 'column a';
COMMENT ON COLUMN comment."Odd ""table"."select" IS 'column select';
COMMENT ON COLUMN comment."Odd ""table"."Odd "".column" IS 'column with dots';
COMMENT ON TYPE comment."Odd ""table" IS 'row type: not dumped by pg_dump';
COMMENT ON CONSTRAINT "Odd ""table_pkey" ON comment."Odd ""table" IS 'primary key';
COMMENT ON INDEX comment."Odd ""table_pkey" IS 'index of a primary key';
COMMENT ON CONSTRAINT "Odd check" ON comment."Odd ""table" IS 'check';
COMMENT ON CONSTRAINT not_valid ON comment."Odd ""table" IS 'check, not valid';
COMMENT ON CONSTRAINT "Odd foreign" ON comment."Odd ""table" IS 'foreign key';
COMMENT ON CONSTRAINT excluded ON comment."Odd ""table" IS 'exclusion';
CREATE TABLE comment.filled (a integer CONSTRAINT filled_a NOT NULL, b integer NOT NULL);  --18+
COMMENT ON CONSTRAINT filled_a ON comment.filled IS 'not null'; --18+
COMMENT ON CONSTRAINT filled_b_not_null ON comment.filled IS 'not null, unnamed'; --18+
CREATE TABLE comment.parent (a integer PRIMARY KEY, b integer CHECK (b > 0)) PARTITION BY LIST (a);
CREATE TABLE comment.child PARTITION OF comment.parent FOR VALUES IN (1);
COMMENT ON TABLE comment.parent IS 'partitioned table';
COMMENT ON TABLE comment.child IS 'partition';
COMMENT ON COLUMN comment.child.b IS 'column of a partition';
COMMENT ON INDEX comment.parent_pkey IS 'partitioned index';
COMMENT ON INDEX comment.child_pkey IS 'index of a partition';
COMMENT ON CONSTRAINT child_pkey ON comment.child IS 'primary key of a partition';
CREATE TABLE comment.heir (c integer) INHERITS (comment."Odd ""table");
COMMENT ON COLUMN comment.heir.a IS 'inherited column';
COMMENT ON CONSTRAINT "Odd check" ON comment.heir IS 'inherited check: not dumped by pg_dump';
CREATE TABLE comment.dropped (a integer, b integer);
COMMENT ON COLUMN comment.dropped.a IS 'dropped';
COMMENT ON COLUMN comment.dropped.b IS 'kept';
ALTER TABLE comment.dropped DROP COLUMN a;
CREATE INDEX "Odd index" ON comment.parent (b);
COMMENT ON INDEX comment."Odd index" IS 'index';
CREATE STATISTICS comment."Odd statistics" ON a, b FROM comment.parent;
COMMENT ON STATISTICS comment."Odd statistics" IS 'statistics';
CREATE VIEW comment.view AS SELECT 1 AS a, 2 AS "Odd";
COMMENT ON VIEW comment.view IS 'view';
COMMENT ON COLUMN comment.view."Odd" IS 'column of a view';
COMMENT ON RULE "_RETURN" ON comment.view IS 'rule of a view: not dumped by pg_dump';
CREATE MATERIALIZED VIEW comment.matview AS SELECT 1 AS a;
COMMENT ON MATERIALIZED VIEW comment.matview IS 'materialized view';
COMMENT ON COLUMN comment.matview.a IS 'column of a materialized view';
CREATE SEQUENCE comment.sequence;
COMMENT ON SEQUENCE comment.sequence IS 'sequence';
CREATE RULE "Odd rule" AS ON INSERT TO comment.view DO INSTEAD NOTHING;
COMMENT ON RULE "Odd rule" ON comment.view IS 'rule';
CREATE POLICY "Odd policy" ON comment.parent;
COMMENT ON POLICY "Odd policy" ON comment.parent IS 'policy';

CREATE TYPE comment.composite AS (a integer, "Odd" text);
COMMENT ON TYPE comment.composite IS 'composite type';
COMMENT ON COLUMN comment.composite."Odd" IS 'attribute';
CREATE TYPE comment."Odd enum" AS ENUM ('a');
COMMENT ON TYPE comment."Odd enum" IS 'enum';
COMMENT ON TYPE comment."Odd enum"[] IS 'array: not dumped by pg_dump';
CREATE TYPE comment.range AS RANGE (SUBTYPE = integer);
COMMENT ON TYPE comment.range IS 'range';
CREATE TYPE comment.shell;
CREATE FUNCTION comment.shell_in(cstring) RETURNS comment.shell LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION comment.shell_out(comment.shell) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE comment.shell (INPUT = comment.shell_in, OUTPUT = comment.shell_out, LIKE = integer);
COMMENT ON TYPE comment.shell IS 'base type';
CREATE DOMAIN comment."Odd domain" AS integer CONSTRAINT "Odd positive" CHECK (VALUE > 0);
COMMENT ON DOMAIN comment."Odd domain" IS 'domain';
COMMENT ON CONSTRAINT "Odd positive" ON DOMAIN comment."Odd domain" IS 'domain constraint';
CREATE DOMAIN comment.filled_domain AS integer CONSTRAINT is_there NOT NULL; --18+
COMMENT ON CONSTRAINT is_there ON DOMAIN comment.filled_domain IS 'domain not null'; --18+
CREATE COLLATION comment."Odd collation" FROM "C";
COMMENT ON COLLATION comment."Odd collation" IS 'collation';

CREATE FUNCTION comment."Odd function"(a integer, OUT b text, VARIADIC c text[]) LANGUAGE sql AS 'SELECT ''x''';
COMMENT ON FUNCTION comment."Odd function"(integer, text[]) IS 'function';
CREATE FUNCTION comment.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
COMMENT ON FUNCTION comment.on_row() IS 'function without arguments';
CREATE PROCEDURE comment.procedure(INOUT a integer) LANGUAGE sql AS 'SELECT 1';
COMMENT ON PROCEDURE comment.procedure IS 'procedure';
CREATE AGGREGATE comment.sum(integer) (SFUNC = int4pl, STYPE = integer);
COMMENT ON AGGREGATE comment.sum(integer) IS 'aggregate';
CREATE AGGREGATE comment.count(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
COMMENT ON AGGREGATE comment.count(*) IS 'aggregate without arguments';
CREATE AGGREGATE comment.percentile(double precision ORDER BY double precision) (SFUNC = ordered_set_transition
    , STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA = true);
COMMENT ON AGGREGATE comment.percentile(double precision ORDER BY double precision) IS 'ordered-set aggregate';
CREATE TRIGGER "Odd trigger" BEFORE INSERT ON comment.child FOR EACH ROW EXECUTE FUNCTION comment.on_row();
COMMENT ON TRIGGER "Odd trigger" ON comment.child IS 'trigger';
CREATE FUNCTION comment.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER "Odd comment event" ON ddl_command_end WHEN TAG IN ('DROP RULE') EXECUTE FUNCTION comment.on_ddl();
COMMENT ON EVENT TRIGGER "Odd comment event" IS 'event trigger';

CREATE CAST (comment.composite AS text) WITH INOUT;
COMMENT ON CAST (comment.composite AS text) IS 'cast';
CREATE FUNCTION comment.plus(comment.composite, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION comment.minus(comment.composite) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR comment.+ (FUNCTION = comment.plus, LEFTARG = comment.composite, RIGHTARG = integer);
COMMENT ON OPERATOR comment.+ (comment.composite, integer) IS 'operator';
CREATE OPERATOR comment.- (FUNCTION = comment.minus, RIGHTARG = comment.composite);
COMMENT ON OPERATOR comment.- (NONE, comment.composite) IS 'prefix operator';
CREATE OPERATOR CLASS comment."Odd class" FOR TYPE integer USING btree
    AS OPERATOR 1 <, FUNCTION 1 btint4cmp(integer, integer);
COMMENT ON OPERATOR CLASS comment."Odd class" USING btree IS 'operator class';
COMMENT ON OPERATOR FAMILY comment."Odd class" USING btree IS 'operator family of the same name';
CREATE ACCESS METHOD "Odd comment method" TYPE INDEX HANDLER bthandler;
COMMENT ON ACCESS METHOD "Odd comment method" IS 'access method';
CREATE OPERATOR FAMILY comment."Odd family" USING "Odd comment method";
COMMENT ON OPERATOR FAMILY comment."Odd family" USING "Odd comment method" IS 'operator family of an access method';
CREATE CONVERSION comment."Odd conversion" FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
COMMENT ON CONVERSION comment."Odd conversion" IS 'conversion';
CREATE TRANSFORM FOR comment."Odd enum" LANGUAGE sql (FROM SQL WITH FUNCTION varchar_support(internal));
COMMENT ON TRANSFORM FOR comment."Odd enum" LANGUAGE sql IS 'transform';
CREATE LANGUAGE "Odd language" HANDLER plpgsql_call_handler;
COMMENT ON LANGUAGE "Odd language" IS 'language';
CREATE TEXT SEARCH PARSER comment."Odd parser" (START = prsd_start
    , GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
COMMENT ON TEXT SEARCH PARSER comment."Odd parser" IS 'parser';
CREATE TEXT SEARCH TEMPLATE comment."Odd template" (LEXIZE = dsimple_lexize, INIT = dsimple_init);
COMMENT ON TEXT SEARCH TEMPLATE comment."Odd template" IS 'template';
CREATE TEXT SEARCH DICTIONARY comment."Odd dictionary" (TEMPLATE = simple);
COMMENT ON TEXT SEARCH DICTIONARY comment."Odd dictionary" IS 'dictionary';
CREATE TEXT SEARCH CONFIGURATION comment."Odd configuration" (PARSER = "default");
COMMENT ON TEXT SEARCH CONFIGURATION comment."Odd configuration" IS 'configuration';
CREATE FOREIGN DATA WRAPPER "Odd comment wrapper";
COMMENT ON FOREIGN DATA WRAPPER "Odd comment wrapper" IS 'wrapper';
CREATE SERVER "Odd comment server" FOREIGN DATA WRAPPER "Odd comment wrapper";
COMMENT ON SERVER "Odd comment server" IS 'server';
CREATE FOREIGN TABLE comment.foreign_table (a integer) SERVER "Odd comment server";
COMMENT ON FOREIGN TABLE comment.foreign_table IS 'foreign table';
COMMENT ON COLUMN comment.foreign_table.a IS 'column of a foreign table';
CREATE PUBLICATION "Odd comment publication";
COMMENT ON PUBLICATION "Odd comment publication" IS 'publication';
CREATE SUBSCRIPTION "Odd comment subscription" CONNECTION 'dbname=none' PUBLICATION p
    WITH (connect = false, slot_name = 'comment_slot');
COMMENT ON SUBSCRIPTION "Odd comment subscription" IS 'subscription';

-- Of what a partition got from its parent.
CREATE TABLE comment.referenced (a integer PRIMARY KEY);
CREATE TABLE comment.whole (a integer CONSTRAINT to_referenced REFERENCES comment.referenced) PARTITION BY LIST (a);
CREATE TABLE comment.half PARTITION OF comment.whole FOR VALUES IN (1, 2) PARTITION BY LIST (a);
CREATE TABLE comment.quarter PARTITION OF comment.half FOR VALUES IN (1);
CREATE FUNCTION comment.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER fires AFTER INSERT ON comment.whole FOR EACH ROW EXECUTE FUNCTION comment.fires();
COMMENT ON TRIGGER fires ON comment.half IS 'a trigger of a partition';
COMMENT ON TRIGGER fires ON comment.quarter IS 'a trigger of a partition''s partition';
COMMENT ON CONSTRAINT to_referenced ON comment.half IS 'a foreign key of a partition';
COMMENT ON CONSTRAINT to_referenced ON comment.quarter IS 'a foreign key of a partition''s partition';
ALTER TABLE comment.quarter ADD CONSTRAINT quarter_to_referenced FOREIGN KEY (a) REFERENCES comment.referenced ON DELETE CASCADE;

-- An extension brings a comment of its own, which may have been changed or removed; so do its members.
CREATE EXTENSION fuzzystrmatch SCHEMA comment;
COMMENT ON EXTENSION fuzzystrmatch IS NULL;
COMMENT ON FUNCTION comment.soundex(text) IS 'a member: not copied, as by pg_dump';
CREATE EXTENSION unaccent SCHEMA comment;
COMMENT ON EXTENSION unaccent IS 'accents';
