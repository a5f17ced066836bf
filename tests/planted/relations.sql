-- What belongs to tables. Each block is one plant: `-- kinds` of which a mismatch must be, then what both sides have,
-- but for one of the braces: there each side has another one of the alternatives. xN is a name of the plant's own;
-- `14:` before an alternative and --14+ at the end of a line: since that version. `plain`: no odd names; `undumped`: pg_dump
-- says it elsewhere, or not at all.

-- table
CREATE TABLE xN (a {int ~ bigint ~ smallint ~ oid ~ "char" ~ xid}, b {text ~ varchar ~ varchar(9) ~ varchar(10) ~ char(9) ~ bpchar ~ name}
  , c {numeric ~ numeric(9) ~ numeric(9,2) ~ numeric(9,3) ~ float4 ~ float8 ~ money}
  , d {timestamp ~ timestamptz ~ timestamp(3) ~ date ~ time ~ timetz ~ timetz(2) ~ interval ~ interval hour ~ interval(3) ~ interval day to second(2)}
  , e {bit ~ bit(2) ~ varbit ~ varbit(3) ~ bytea ~ uuid}, f {int[] ~ int ~ text[] ~ bigint[] ~ int4range ~ int8range ~ numrange}
  , g {json ~ jsonb ~ jsonpath ~ tsvector ~ tsquery ~ point ~ box ~ inet ~ cidr ~ macaddr ~ macaddr8})

-- table
CREATE TABLE xN ({a int, b int ~ b int, a int ~ a int ~ b int ~ a int, b int, c int ~ "A" int, b int ~ aa int, b int})

-- table
CREATE TABLE xN (a int {DEFAULT 1 ~ DEFAULT 2 ~ DEFAULT -1 ~ NOT NULL ~ ~ DEFAULT length('a') ~ DEFAULT (1 + 2) * 3 ~ DEFAULT 1 + 2 * 3}
  , b text {DEFAULT '' ~ DEFAULT 'a' ~ DEFAULT 'a ' ~ DEFAULT 'A' ~ DEFAULT CURRENT_USER ~ DEFAULT SESSION_USER ~ DEFAULT md5('a') ~ DEFAULT '1'::int::text}
  , c timestamptz DEFAULT {now() ~ clock_timestamp() ~ statement_timestamp() ~ '2026-01-01 00:00+00'})

-- table
CREATE TABLE xN (a int {NOT NULL ~ }, b text NOT NULL, c numeric {~ NOT NULL})

-- table
CREATE TABLE xN (b int, a int GENERATED ALWAYS AS ({b + 1 ~ b + 2 ~ b - 1 ~ b * (b + 1) ~ b * b + 1 ~ -b ~ b / 2 ~ b % 2}) STORED, c text {COLLATE "C" ~ COLLATE "POSIX" ~ ~ COLLATE "ucs_basic"})

-- table
CREATE TABLE xN (b int, a int {GENERATED ALWAYS AS (b + 1) STORED ~ DEFAULT 1 ~ ~ 18:GENERATED ALWAYS AS (b + 1) VIRTUAL})

-- table
CREATE TABLE xN (a int {CHECK (a > 0) ~ CHECK (a >= 0) ~ ~ CONSTRAINT other CHECK (a > 0) ~ CHECK (a > 0) NO INHERIT ~ CHECK (a > 0 AND a < 9)}
  , b text CHECK (b {= ~ <> ~ < ~ LIKE ~ ILIKE ~ NOT LIKE} 'x%' {OR ~ AND} b > 'a'), c int, d int, e int
  , CHECK ({(c > 0 AND d > 0) OR e > 0 ~ c > 0 AND (d > 0 OR e > 0) ~ c > 0 OR d > 0 AND (e > 0)})
  , CHECK ({c - (d - e) > 0 ~ c - d - e > 0} AND {NOT (c IS NULL OR d > 0) ~ (NOT c IS NULL) OR d > 0})
  , CHECK (c IN ({1, 2, 3 ~ 1, 2 ~ 1, 3, 2 ~ 1, 2, 4}) AND {c::numeric / d > 1 ~ c / d > 1} AND {c BETWEEN 1 AND 2 ~ c > 1 AND c < 2}))

-- table
{CREATE TABLE ~ CREATE UNLOGGED TABLE} xN (a int) {~ WITH (fillfactor = 50) ~ WITH (fillfactor = 51) ~ WITH (autovacuum_enabled = off) ~ WITH (parallel_workers = 2) ~ WITH (toast_tuple_target = 200)}

-- table
CREATE TABLE xN (a int, b text) WITH ({toast.autovacuum_enabled = off ~ toast.autovacuum_enabled = on ~ toast.vacuum_truncate = off})

-- table
CREATE TABLE xN (a int, b int) PARTITION BY {RANGE (a) ~ RANGE (b) ~ LIST (a) ~ HASH (a) ~ RANGE (a, b) ~ RANGE ((a + 1)) ~ HASH (b, a) ~ RANGE (a, (b - 1))}

-- table
CREATE TABLE xN (a text, b text) PARTITION BY RANGE (a {COLLATE "C" ~ COLLATE "POSIX" ~ ~ text_pattern_ops ~ COLLATE "C" text_pattern_ops})

-- table_attach
CREATE TABLE xN (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE xN_1 PARTITION OF xN FOR VALUES FROM {(1) TO (9) ~ (1) TO (10) ~ (2) TO (9) ~ (MINVALUE) TO (9) ~ (1) TO (MAXVALUE)}

-- table_attach
CREATE TABLE xN (a text) PARTITION BY LIST (a);
CREATE TABLE xN_1 PARTITION OF xN {FOR VALUES IN ('a') ~ FOR VALUES IN ('A') ~ FOR VALUES IN ('a', 'b') ~ FOR VALUES IN ('b', 'a') ~ FOR VALUES IN (NULL) ~ FOR VALUES IN ('NULL') ~ DEFAULT}

-- table_attach
CREATE TABLE xN (a int) PARTITION BY HASH (a);
CREATE TABLE xN_1 PARTITION OF xN FOR VALUES WITH (MODULUS {2 ~ 4}, REMAINDER {0 ~ 1})

-- table_attach
CREATE TABLE xN (a int) PARTITION BY LIST (a); CREATE TABLE xN_1 (a int);
{~ ALTER TABLE xN ATTACH PARTITION xN_1 FOR VALUES IN (1)}

-- table
CREATE TABLE xN (a int); CREATE TABLE xN_p (a int); CREATE TABLE xN_c (b int) INHERITS ({xN ~ xN_p ~ xN, xN_p ~ xN_p, xN})

-- table
CREATE TABLE xN (a int DEFAULT 1); CREATE TABLE xN_c ({b int ~ a int, b int ~ a int DEFAULT 2, b int ~ a int DEFAULT NULL, b int}) INHERITS (xN)

-- table
CREATE TYPE xN AS (a int, b text);
CREATE TABLE xN_t {(a int, b text) ~ OF xN ~ OF xN (a NOT NULL) ~ OF xN (b DEFAULT 'b')}

-- table: undumped
CREATE ACCESS METHOD xN_am TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE xN (a int) {~ USING xN_am}

-- column_setting
CREATE TABLE xN (a text, b text, c numeric[], d bytea);
ALTER TABLE xN ALTER a SET STORAGE {PLAIN ~ MAIN ~ EXTERNAL ~ EXTENDED}, ALTER b SET STATISTICS {0 ~ 1 ~ 77 ~ 1000}
  , ALTER c SET ({n_distinct = 7 ~ n_distinct = 8 ~ n_distinct = -0.5 ~ n_distinct_inherited = 7});
ALTER TABLE xN ALTER d {SET STORAGE MAIN ~ SET STATISTICS 9 ~ SET (n_distinct = 5) ~ 14:SET COMPRESSION pglz}

-- column_setting
CREATE MATERIALIZED VIEW xN AS SELECT 'a'::text AS a; ALTER MATERIALIZED VIEW xN ALTER a SET STATISTICS {5 ~ 6}

-- index_setting
CREATE TABLE xN (a int); CREATE INDEX xN_i ON xN ((a + 1), (a - 1)); ALTER INDEX xN_i ALTER COLUMN {1 ~ 2} SET STATISTICS {5 ~ 6}

-- index_setting
CREATE TABLE xN (a int); CREATE INDEX xN_i ON xN ((a + 1)); {~ ALTER INDEX xN_i ALTER COLUMN 1 SET STATISTICS 9}

-- constraint, table
CREATE TABLE xN (a int, b int, d int, c int4range, {PRIMARY KEY ~ UNIQUE} (a, b), CONSTRAINT xN_u UNIQUE ({a ~ d ~ a, d ~ d, a ~ a, c}) {~ DEFERRABLE ~ DEFERRABLE INITIALLY DEFERRED}
  , CONSTRAINT xN_i UNIQUE (b) {~ INCLUDE (a) ~ INCLUDE (c) ~ INCLUDE (a, c)} {~ WITH (fillfactor = 70)}
  , CONSTRAINT xN_e EXCLUDE USING gist (c WITH {&& ~ -|- ~ =}) {~ WHERE (a > 0) ~ WHERE (a > 1)})

-- constraint
CREATE TABLE xN (a int, b int); {~ ALTER TABLE xN ADD CONSTRAINT xN_u UNIQUE (a) ~ ALTER TABLE xN ADD CONSTRAINT xN_v UNIQUE (a) ~ 15:ALTER TABLE xN ADD CONSTRAINT xN_u UNIQUE NULLS NOT DISTINCT (a)}

-- constraint
CREATE TABLE xN (a int, b int); ALTER TABLE xN ADD CONSTRAINT xN_u {UNIQUE (a) ~ PRIMARY KEY (a, b) ~ UNIQUE (a) DEFERRABLE ~ 15:UNIQUE NULLS NOT DISTINCT (a)}; ALTER TABLE xN ALTER a SET NOT NULL, ALTER b SET NOT NULL

-- not_valid_check
CREATE TABLE xN (a int); ALTER TABLE xN ADD CONSTRAINT xN_c CHECK ({a > 0 ~ a > 1 ~ a <> 0}) NOT VALID

-- not_valid_check, table
CREATE TABLE xN (a int); ALTER TABLE xN ADD CONSTRAINT xN_c CHECK (a > 0) {NOT VALID ~}

-- foreign_key
CREATE TABLE xN (a int, b int, PRIMARY KEY (a, b), UNIQUE (b, a)); CREATE TABLE xN_r (a int, b int, c int, d int, CONSTRAINT xN_fk FOREIGN KEY ({a, b ~ b, a ~ c, b}) REFERENCES xN {~ (b, a)}
    {~ MATCH FULL} {~ ON UPDATE CASCADE ~ ON UPDATE RESTRICT ~ ON UPDATE SET NULL ~ ON UPDATE SET DEFAULT}
    {~ ON DELETE CASCADE ~ ON DELETE RESTRICT ~ ON DELETE SET NULL ~ ON DELETE SET DEFAULT ~ 15:ON DELETE SET NULL (b) ~ 15:ON DELETE SET DEFAULT (b)} {~ DEFERRABLE ~ DEFERRABLE INITIALLY DEFERRED})

-- foreign_key
CREATE TABLE xN (a int PRIMARY KEY); CREATE TABLE xN_r (a int, b int); {ALTER TABLE xN_r ADD CONSTRAINT xN_fk FOREIGN KEY (a) REFERENCES xN ~ ALTER TABLE xN_r ADD CONSTRAINT xN_fk FOREIGN KEY (b) REFERENCES xN ~ ~ ALTER TABLE xN_r ADD CONSTRAINT xN_fk FOREIGN KEY (a) REFERENCES xN NOT VALID}

-- index
CREATE TABLE xN (a int, b text, c int[], d text COLLATE "C", e point);
CREATE {INDEX ~ UNIQUE INDEX} xN_i ON xN USING btree (a {~ DESC ~ NULLS FIRST ~ DESC NULLS LAST}, b {~ COLLATE "C" ~ COLLATE "POSIX"} {~ text_pattern_ops ~ varchar_pattern_ops}, {d ~ c ~ (a + 1) ~ (a + 2) ~ lower(d) ~ upper(d)});
CREATE INDEX xN_j ON xN USING {btree ~ hash ~ brin} (a) {~ WHERE a > 0 ~ WHERE a > 1 ~ WHERE b = 'x' ~ WHERE b = 'X' ~ WHERE b IS NULL ~ WHERE (a > 0 OR a < -1) AND b > '' ~ WHERE a > 0 OR (a < -1 AND b > '')};
CREATE INDEX xN_k ON xN (a) {~ INCLUDE (b) ~ INCLUDE (d) ~ INCLUDE (b, d)} {~ WITH (fillfactor = 60) ~ WITH (fillfactor = 61) ~ 13:WITH (deduplicate_items = off)};
CREATE INDEX xN_g ON xN USING gin (c) {~ WITH (fastupdate = off) ~ WITH (gin_pending_list_limit = 100)};
CREATE INDEX xN_s ON xN USING {gist ~ spgist} (e) {~ WITH (fillfactor = 77)};
CREATE INDEX xN_q ON xN USING spgist (e {~ kd_point_ops});
CREATE INDEX xN_b ON xN USING brin (a) WITH (pages_per_range = {8 ~ 16 ~ 32}, autosummarize = {on ~ off})

-- index: plain
CREATE TABLE xN (a int, b int); {~ CREATE INDEX xN_i ON xN (a) ~ CREATE INDEX xN_i ON xN (b) ~ CREATE INDEX xN_i ON xN (a, b) ~ CREATE INDEX xN_i ON xN (b, a) ~ CREATE INDEX xN_j ON xN (a) ~ CREATE INDEX "xN_I" ON xN (a) ~ 15:CREATE UNIQUE INDEX xN_i ON xN (a) NULLS NOT DISTINCT ~ CREATE UNIQUE INDEX xN_i ON xN (a)}

-- index_attach
CREATE TABLE xN (a int) PARTITION BY LIST (a); CREATE TABLE xN_1 PARTITION OF xN FOR VALUES IN (1);
CREATE INDEX xN_i ON ONLY xN (a); CREATE INDEX xN_1i ON xN_1 (a); {~ ALTER INDEX xN_i ATTACH PARTITION xN_1i}

-- clustered_index
CREATE TABLE xN (a int, b int); CREATE INDEX xN_i ON xN (a); CREATE INDEX xN_j ON xN (b); {~ ALTER TABLE xN CLUSTER ON xN_i ~ ALTER TABLE xN CLUSTER ON xN_j}

-- replica_identity
CREATE TABLE xN (a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX xN_i ON xN (a); CREATE UNIQUE INDEX xN_j ON xN (b);
ALTER TABLE xN REPLICA IDENTITY {DEFAULT ~ FULL ~ NOTHING ~ USING INDEX xN_i ~ USING INDEX xN_j}

-- statistics
CREATE TABLE xN (a int, b int, c int); {~ CREATE STATISTICS xN_s ON a, b FROM xN ~ CREATE STATISTICS xN_s ON a, c FROM xN ~ CREATE STATISTICS xN_s ON a, b, c FROM xN ~ CREATE STATISTICS xN_s (ndistinct) ON a, b FROM xN ~ CREATE STATISTICS xN_s (mcv) ON a, b FROM xN ~ CREATE STATISTICS xN_s (dependencies, mcv) ON a, b FROM xN ~ 14:CREATE STATISTICS xN_s ON (a + 1), b FROM xN ~ 14:CREATE STATISTICS xN_s ON (a - 1), b FROM xN}

-- statistics
CREATE TABLE xN (a int, b int); CREATE STATISTICS xN_s ON a, b FROM xN; ALTER STATISTICS xN_s {OWNER TO alice ~ OWNER TO bob ~ 13:SET STATISTICS 7 ~ 13:SET STATISTICS 8}

-- sequence
CREATE SEQUENCE xN {~ AS int ~ AS smallint} INCREMENT {1 ~ 2 ~ 7} MINVALUE {1 ~ 2} MAXVALUE {1000 ~ 1001} START {5 ~ 6} CACHE {1 ~ 9} {~ CYCLE}

-- sequence
CREATE SEQUENCE xN; SELECT setval('xN', {7 ~ 8 ~ 70 ~ 9223372036854775807}, {true ~ false})

-- sequence, table
CREATE TABLE xN (a {serial ~ smallserial}, b int); SELECT {setval('xN_a_seq', 3) ~ setval('xN_a_seq', 4) ~ 1 ~ setval('xN_a_seq', 3, false)}

-- sequence_owner
CREATE TABLE xN (a int, b int); CREATE SEQUENCE xN_s; ALTER SEQUENCE xN_s OWNED BY {xN.a ~ xN.b ~ NONE}

-- table, sequence
CREATE TABLE xN (a int GENERATED {ALWAYS ~ BY DEFAULT} AS IDENTITY {~ (START 5) ~ (INCREMENT 5) ~ (SEQUENCE NAME xN_own) ~ (CACHE 4 CYCLE)}, b int)

-- trigger
CREATE FUNCTION xN() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE FUNCTION xN_2() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE xN (a int, b int);
CREATE TRIGGER xN_t {BEFORE ~ AFTER} {INSERT ~ UPDATE ~ INSERT OR UPDATE ~ UPDATE OF a ~ UPDATE OF b ~ INSERT OR UPDATE OF a, b} ON xN FOR EACH ROW {~ WHEN (NEW.a > 0) ~ WHEN (NEW.a > 1) ~ WHEN (NEW.a IS NULL) ~ WHEN (NEW.a > 0 AND (NEW.b > 0 OR NEW.a > 9)) ~ WHEN ((NEW.a > 0 AND NEW.b > 0) OR NEW.a > 9)} EXECUTE FUNCTION {xN() ~ xN_2() ~ xN('a') ~ xN('A') ~ xN('a', 'b')};
CREATE TRIGGER xN_s AFTER {DELETE ~ TRUNCATE ~ DELETE OR TRUNCATE} ON xN FOR EACH STATEMENT EXECUTE FUNCTION xN();
ALTER TABLE xN {ENABLE ~ DISABLE ~ ENABLE REPLICA ~ ENABLE ALWAYS} TRIGGER xN_s;
CREATE TRIGGER xN_r AFTER UPDATE ON xN REFERENCING {OLD TABLE AS o ~ NEW TABLE AS o ~ OLD TABLE AS o NEW TABLE AS n ~ OLD TABLE AS p} FOR EACH {ROW ~ STATEMENT} EXECUTE FUNCTION xN();
CREATE TABLE xN_o (a int);
CREATE CONSTRAINT TRIGGER xN_c AFTER INSERT ON xN {~ FROM xN_o} {~ DEFERRABLE ~ DEFERRABLE INITIALLY DEFERRED} FOR EACH ROW EXECUTE FUNCTION xN()

-- trigger
CREATE FUNCTION xN() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE VIEW xN AS SELECT 1 AS a; {~ CREATE TRIGGER xN_t INSTEAD OF INSERT ON xN FOR EACH ROW EXECUTE FUNCTION xN() ~ CREATE TRIGGER xN_t INSTEAD OF DELETE ON xN FOR EACH ROW EXECUTE FUNCTION xN()}

-- rule
CREATE TABLE xN (a int, b int); CREATE TABLE xN_log (a int, b int);
CREATE RULE xN_r AS ON {INSERT ~ UPDATE} TO xN {~ WHERE NEW.a > 0 ~ WHERE NEW.a > 1 ~ WHERE NEW.a > 0 AND (NEW.b > 0 OR NEW.a > 9) ~ WHERE (NEW.a > 0 AND NEW.b > 0) OR NEW.a > 9} DO {ALSO ~ INSTEAD} {NOTHING ~ INSERT INTO xN_log VALUES (NEW.a, NEW.b) ~ INSERT INTO xN_log VALUES (NEW.b, NEW.a) ~ UPDATE xN_log SET a = NEW.a ~ DELETE FROM xN_log WHERE a = NEW.a};
CREATE RULE xN_s AS ON DELETE TO xN DO ALSO NOTHING; ALTER TABLE xN {ENABLE ~ DISABLE ~ ENABLE REPLICA ~ ENABLE ALWAYS} RULE xN_s

-- policy
CREATE TABLE xN (a int, b int, c int); CREATE POLICY xN_p ON xN AS {PERMISSIVE ~ RESTRICTIVE} FOR {ALL ~ UPDATE} TO {PUBLIC ~ alice ~ bob ~ alice, bob} USING ({a > 0 ~ a > 1 ~ true ~ (a > 0 AND b > 0) OR c > 0 ~ a > 0 AND (b > 0 OR c > 0)}) {~ WITH CHECK (a > 0) ~ WITH CHECK (a > 1) ~ WITH CHECK (true)}

-- policy
CREATE TABLE xN (a int); {~ CREATE POLICY xN_p ON xN FOR INSERT WITH CHECK (true) ~ CREATE POLICY xN_p ON xN FOR SELECT USING (true) ~ CREATE POLICY xN_q ON xN FOR DELETE USING (true)}

-- row_security
CREATE TABLE xN (a int); ALTER TABLE xN {ENABLE ~ DISABLE} ROW LEVEL SECURITY, {FORCE ~ NO FORCE} ROW LEVEL SECURITY
