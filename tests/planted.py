"""A difference of every kind of object, and of rows of every sort of table, to be planted in a copy and found."""

import random
from dataclasses import dataclass

OBJECTS = {
    "access_method": ("CREATE ACCESS METHOD x TYPE INDEX HANDLER bthandler", "DROP ACCESS METHOD x"),
    "acl": ("CREATE TABLE x_acl (a int); GRANT SELECT ON x_acl TO bob", "GRANT UPDATE (a) ON x_acl TO bob"),
    "aggregate": (
        "CREATE AGGREGATE x_sum(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')",
        "CREATE AGGREGATE x_new(int) (SFUNC = int4pl, STYPE = int)",
    ),
    "base_type": (
        "CREATE TYPE x_base;"
        "CREATE FUNCTION x_in(cstring) RETURNS x_base LANGUAGE internal IMMUTABLE STRICT AS 'int4in';"
        "CREATE FUNCTION x_out(x_base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';"
        "CREATE TYPE x_base (INPUT = x_in, OUTPUT = x_out, INTERNALLENGTH = 4, PASSEDBYVALUE)",
        "DROP TYPE x_base CASCADE",
    ),
    "cast": ("CREATE TYPE x_c AS (a int); CREATE CAST (x_c AS text) WITH INOUT", "DROP CAST (x_c AS text)"),
    "clustered_index": (
        "CREATE TABLE x_cl (a int); CREATE INDEX x_cl_a ON x_cl (a); CLUSTER x_cl USING x_cl_a",
        "ALTER TABLE x_cl SET WITHOUT CLUSTER",
    ),
    "collation": ("CREATE COLLATION x (LOCALE = 'C')", "DROP COLLATION x"),
    "column_setting": ("CREATE TABLE x_cs (a text)", "ALTER TABLE x_cs ALTER a SET STATISTICS 77"),
    "comment": ("CREATE TABLE x_com (a int)", "COMMENT ON COLUMN x_com.a IS 'it''s planted'"),
    "composite_type": ("CREATE TYPE x_pair AS (a int, b int)", "ALTER TYPE x_pair ADD ATTRIBUTE c int"),
    "constraint": ("CREATE TABLE x_con (a int, UNIQUE (a))", "ALTER TABLE x_con DROP CONSTRAINT x_con_a_key"),
    "conversion": ("CREATE CONVERSION x FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", "DROP CONVERSION x"),
    "default_acl": ("", "ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT SELECT ON TABLES TO bob"),
    "domain": ("CREATE DOMAIN x_dom AS int CHECK (VALUE > 0)", "ALTER DOMAIN x_dom SET DEFAULT 7"),
    "enum_type": ("CREATE TYPE x_enum AS ENUM ('a', 'b')", "ALTER TYPE x_enum ADD VALUE 'c'"),
    "event_trigger": (
        "CREATE FUNCTION x_et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER x ON sql_drop EXECUTE FUNCTION x_et()",
        "ALTER EVENT TRIGGER x DISABLE",
    ),
    "foreign_data_wrapper": ("CREATE FOREIGN DATA WRAPPER x", "ALTER FOREIGN DATA WRAPPER x OPTIONS (a '1')"),
    "foreign_key": (
        "CREATE TABLE x_fk (a int PRIMARY KEY, b int REFERENCES x_fk)",
        "ALTER TABLE x_fk DROP CONSTRAINT x_fk_b_fkey",
    ),
    "foreign_server": (
        "CREATE FOREIGN DATA WRAPPER x_fs; CREATE SERVER x FOREIGN DATA WRAPPER x_fs",
        "ALTER SERVER x OPTIONS (host 'h')",
    ),
    "foreign_table": (
        "CREATE FOREIGN DATA WRAPPER x_ft; CREATE SERVER x_ft FOREIGN DATA WRAPPER x_ft;"
        "CREATE FOREIGN TABLE x_ft (a int) SERVER x_ft",
        "ALTER FOREIGN TABLE x_ft ADD b int",
    ),
    "function": (
        "CREATE FUNCTION x_f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION x_f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    ),
    "index": (
        "CREATE TABLE x_i (a int); CREATE INDEX x_i_a ON x_i (a)",
        "DROP INDEX x_i_a; CREATE INDEX x_i_a ON x_i (a DESC)",
    ),
    "index_attach": (
        "CREATE TABLE x_ia (a int) PARTITION BY LIST (a); CREATE TABLE x_ia1 PARTITION OF x_ia FOR VALUES IN (1);"
        "CREATE INDEX x_ia_a ON ONLY x_ia (a); CREATE INDEX x_ia1_a ON x_ia1 (a);",
        "ALTER INDEX x_ia_a ATTACH PARTITION x_ia1_a",
    ),
    "index_setting": (
        "CREATE TABLE x_is (a int); CREATE INDEX x_is_a ON x_is ((a + 1))",
        "ALTER INDEX x_is_a ALTER COLUMN 1 SET STATISTICS 99",
    ),
    "language": ("CREATE LANGUAGE x HANDLER plpgsql_call_handler", "DROP LANGUAGE x"),
    "matview": ("CREATE MATERIALIZED VIEW x_m AS SELECT 1 AS a", "DROP MATERIALIZED VIEW x_m"),
    "not_valid_check": ("CREATE TABLE x_nv (a int)", "ALTER TABLE x_nv ADD CONSTRAINT x CHECK (a > 0) NOT VALID"),
    "operator": (
        "CREATE OPERATOR ##> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)",
        "DROP OPERATOR ##> (int, int)",
    ),
    "operator_class": (
        "CREATE OPERATOR CLASS x FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)",
        "DROP OPERATOR CLASS x USING btree",
    ),
    "operator_family": ("CREATE OPERATOR FAMILY x_of USING hash", "DROP OPERATOR FAMILY x_of USING hash"),
    "policy": (
        "CREATE TABLE x_pol (a int); CREATE POLICY x ON x_pol USING (a > 0)",
        "ALTER POLICY x ON x_pol USING (a > 1)",
    ),
    "publication": ("CREATE PUBLICATION x", "ALTER PUBLICATION x SET (publish = 'insert')"),
    "publication_table": (
        "CREATE TABLE x_pt (a int); CREATE PUBLICATION x_pt",
        "ALTER PUBLICATION x_pt ADD TABLE x_pt",
    ),
    "range_type": ("CREATE TYPE x_range AS RANGE (SUBTYPE = numeric)", "DROP TYPE x_range"),
    "replica_identity": ("CREATE TABLE x_ri (a int)", "ALTER TABLE x_ri REPLICA IDENTITY FULL"),
    "row_security": ("CREATE TABLE x_rs (a int)", "ALTER TABLE x_rs ENABLE ROW LEVEL SECURITY"),
    "rule": ("CREATE TABLE x_r (a int)", "CREATE RULE x AS ON DELETE TO x_r WHERE a > 0 DO INSTEAD NOTHING"),
    "schema": ("CREATE SCHEMA x_s", "ALTER SCHEMA x_s OWNER TO carol"),
    "sequence": ("CREATE SEQUENCE x_seq", "ALTER SEQUENCE x_seq INCREMENT 7"),
    "sequence_owner": ("CREATE TABLE x_so (a int); CREATE SEQUENCE x_so_s", "ALTER SEQUENCE x_so_s OWNED BY x_so.a"),
    "statistics": ("CREATE TABLE x_st (a int, b int)", "CREATE STATISTICS x ON a, b FROM x_st"),
    "subscription": (
        "",
        "CREATE SUBSCRIPTION x_%d CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)",
    ),
    "table": ("CREATE TABLE x_t (a int)", "ALTER TABLE x_t ADD b int"),
    "table_attach": (
        "CREATE TABLE x_ta (a int) PARTITION BY LIST (a); CREATE TABLE x_ta1 (a int)",
        "ALTER TABLE x_ta ATTACH PARTITION x_ta1 FOR VALUES IN (1)",
    ),
    "text_search_configuration": (
        "CREATE TEXT SEARCH CONFIGURATION x (COPY = simple)",
        "ALTER TEXT SEARCH CONFIGURATION x DROP MAPPING FOR url",
    ),
    "text_search_dictionary": ("CREATE TEXT SEARCH DICTIONARY x (TEMPLATE = simple)", "DROP TEXT SEARCH DICTIONARY x"),
    "text_search_parser": (
        "CREATE TEXT SEARCH PARSER x (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end,"
        " LEXTYPES = prsd_lextype)",
        "DROP TEXT SEARCH PARSER x",
    ),
    "text_search_template": ("CREATE TEXT SEARCH TEMPLATE x (LEXIZE = dsimple_lexize)", "DROP TEXT SEARCH TEMPLATE x"),
    "transform": (
        "CREATE TRANSFORM FOR tid LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))",
        "DROP TRANSFORM FOR tid LANGUAGE sql",
    ),
    "trigger": (
        "CREATE TABLE x_tr (a int); CREATE FUNCTION x_tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER x BEFORE INSERT ON x_tr FOR EACH ROW EXECUTE FUNCTION x_tf()",
        "ALTER TABLE x_tr DISABLE TRIGGER x",
    ),
    "user_mapping": (
        "CREATE FOREIGN DATA WRAPPER x_um; CREATE SERVER x_um FOREIGN DATA WRAPPER x_um",
        "CREATE USER MAPPING FOR alice SERVER x_um",
    ),
    "view": ("CREATE VIEW x_v AS SELECT 1 AS a", "CREATE OR REPLACE VIEW x_v AS SELECT 2 AS a"),
}
"""By kind: what both databases have, and the difference that is planted in one."""
OF_CONTRIB = {"extension", "security_label"}
"""Kinds whose difference needs modules that not every server has."""
SINCE_15 = {
    "publication_schema": (
        "CREATE PUBLICATION x_ps; CREATE SCHEMA x_ps",
        "ALTER PUBLICATION x_ps ADD TABLES IN SCHEMA x_ps",
    ),
}

ROWS = """
CREATE TABLE by_id (id bigint PRIMARY KEY, n int, name text, amount numeric(12, 2), at timestamptz, tags text[],
                    data jsonb);
INSERT INTO by_id SELECT i, i % 100, 'name ' || i, i / 3.0, to_timestamp(i), ARRAY['t' || i % 5]
                       , jsonb_build_object('i', i)
  FROM generate_series(1, {rows}) i;
CREATE TABLE by_words (a text, b uuid, f float8, body bytea, PRIMARY KEY (b, a));
INSERT INTO by_words SELECT 'w' || i % 100, md5(i::text)::uuid, sqrt(i), decode(md5(i::text), 'hex')
  FROM generate_series(1, {rows}) i;
CREATE TABLE "Without key" (a int, "Odd "" %s {{}} column" text, doc json, flag bool);
INSERT INTO "Without key" SELECT i % ({rows} / 2), 'text ' || i % ({rows} / 2), '{{"a": 1}}', i % 2 = 0
  FROM generate_series(1, {rows}) i;
CREATE TABLE parted (k int, id int, v text, PRIMARY KEY (k, id)) PARTITION BY HASH (k);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT i % 10, i, 'v' || i FROM generate_series(1, {rows}) i;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE by_mood (m mood, id int, p point, UNIQUE (m, id));
ALTER TABLE by_mood ALTER m SET NOT NULL, ALTER id SET NOT NULL;
INSERT INTO by_mood SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, i, point(i, i)
  FROM generate_series(1, {rows}) i;
CREATE TABLE long (id int PRIMARY KEY, body text);
INSERT INTO long SELECT i, (SELECT string_agg(md5((i * 1000 + j)::text), '') FROM generate_series(1, 200) j)
  FROM generate_series(1, {rows} / 100) i
"""


@dataclass(frozen=True)
class Plant:
    """A statement for the copy, and what must be found: in which table, how, and a value of its key."""

    statement: str
    table: str
    how: str
    key: str | None


CHANGES = {
    "by_id": [
        "n = -1", "name = name || ' '", "name = NULL", "amount = amount + 0.01", "at = at + interval '1 us'",
        "tags = tags || NULL::text", "data = data || '{\"x\": null}'", "n = NULL", "amount = NULL",
    ],
    "by_words": ["f = f + 1e-9", "body = set_byte(body, 15, get_byte(body, 15) # 1)", "body = NULL", "f = NULL"],
    "parted": ["v = ''", "v = NULL", "v = upper(v)"],
    "by_mood": ["p = point(0, 1)", "p = NULL"],
    "long": ["body = overlay(body PLACING '!' FROM 5000)", "body = left(body, -1)", "body = NULL"],
}  # fmt: skip
KEYS = {"by_id": "id", "by_words": "b", "parted": "id", "by_mood": "id", "long": "id"}


def plant_rows(number: int, rows: int, seed: int) -> list[Plant]:
    """Return so many differences of rows, no two of the same row."""
    dice = random.Random(seed)
    used: set[tuple[str, int]] = set()
    plants = []
    while len(plants) < number:
        table = dice.choice([*CHANGES, "Without key"])
        i = dice.randint(1, rows // 100 if table == "long" else rows // 2 - 1)
        if (table, i) in used:
            continue
        used.add((table, i))
        how = dice.choice(["changed", "missing", "extra"])
        plants.append(_without_key(i, how) if table == "Without key" else _with_key(table, i, how, rows, dice))
    return plants


def _with_key(table: str, i: int, how: str, rows: int, dice: random.Random) -> Plant:
    key = KEYS[table]
    value = f"md5('{i}')::uuid" if table == "by_words" else str(i)
    where = f"{key} = {value}"
    if how == "changed":
        change = dice.choice(CHANGES[table])
        return Plant(f"UPDATE {table} SET {change} WHERE {where}", table, how, value)
    if how == "missing":
        return Plant(f"DELETE FROM {table} WHERE {where}", table, how, value)
    other = f"md5('{i + rows * 9}')::uuid" if table == "by_words" else str(i + rows * 9)
    copy = f"CREATE TEMP TABLE another AS SELECT * FROM {table} WHERE {where}; UPDATE another SET {key} = {other};"
    return Plant(f"{copy} INSERT INTO {table} TABLE another; DROP TABLE another", table, how, other)


def _without_key(i: int, how: str) -> Plant:
    """A changed row without a key is one that is missing and another that is extra."""
    place = f'(SELECT ctid FROM "Without key" WHERE a = {i} LIMIT 1)'
    statement = {
        "changed": f'UPDATE "Without key" SET flag = NULL WHERE ctid = {place}',
        "missing": f'DELETE FROM "Without key" WHERE ctid = {place}',
        "extra": f'INSERT INTO "Without key" SELECT * FROM "Without key" WHERE ctid = {place}',
    }[how]
    return Plant(statement, "Without key", "extra" if how == "changed" else how, None)
