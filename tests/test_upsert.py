"""`--data-only --upsert`: rows are merged by key. Judged by SQL of both databases."""

import psycopg
import pytest

from replicator import clone
from replicator.errors import Interrupted, PreflightFailed, ReplicatorError, UsageError
from replicator.settings import Settings
from tests.fix_cli import Run, both, notes, refuses, runs
from tests.fix_servers import SOME, Database

SCHEMA = """
CREATE SCHEMA "Odd.One";
CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, about json, spot point,
                     shout text GENERATED ALWAYS AS (upper(name)) STORED, at timestamptz DEFAULT now());
CREATE TABLE "Odd.One"."T%s" ("a%b" text, "B ""q" int, v text, PRIMARY KEY ("a%b", "B ""q"));
CREATE TABLE codes (code text NOT NULL, n int, UNIQUE (n), EXCLUDE USING btree (code WITH =),
                    CONSTRAINT by_code UNIQUE (code));
CREATE TABLE links (a int REFERENCES people, b text REFERENCES codes (code), PRIMARY KEY (a, b));
CREATE TABLE log (id int, day date, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE animals (id int PRIMARY KEY, v text); CREATE TABLE dogs (name text, PRIMARY KEY (id)) INHERITS (animals);
CREATE TABLE written (what text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.written VALUES (tg_table_name); RETURN new; END';
CREATE TRIGGER tells BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION tell();
"""
ROWS = """
SET session_replication_role = replica;
INSERT INTO people (name, about, spot)
  SELECT 'p' || g, json_build_object('n', g), point(g, g) FROM generate_series(1, 1000) g;
INSERT INTO "Odd.One"."T%s" SELECT 'a' || g, g, 'v' FROM generate_series(1, 100) g;
INSERT INTO codes SELECT 'c' || g, g FROM generate_series(1, 100) g;
INSERT INTO links SELECT g, 'c' || g FROM generate_series(1, 100) g;
INSERT INTO log SELECT g, '2026-01-01'::date + g % 58, 'n' FROM generate_series(1, 200) g;
INSERT INTO animals SELECT g, 'a' FROM generate_series(1, 10) g;
INSERT INTO dogs SELECT g, 'd', 'rex' FROM generate_series(1, 10) g;
"""
CHANGES = """
SET session_replication_role = replica;
UPDATE people SET name = 'new ' || id, about = '{"a": 1}', spot = NULL WHERE id % 10 = 0;
DELETE FROM people WHERE id = 501;
INSERT INTO people (name) SELECT 'later' FROM generate_series(1, 5);
UPDATE "Odd.One"."T%s" SET v = NULL WHERE "B ""q" < 5; INSERT INTO "Odd.One"."T%s" VALUES ('a1', 2, 'x');
UPDATE codes SET n = n + 1000 WHERE n < 3;
INSERT INTO links VALUES (1001, 'c9');
UPDATE log SET note = 'other' WHERE id < 20; UPDATE log SET day = '2026-02-20' WHERE id = 100;
UPDATE animals SET v = 'b' WHERE id = 3;
"""
TABLES = ("people", '"Odd.One"."T%s"', "codes", "links", "log", "ONLY animals", "dogs")
STAYING = {"people": ["(501"], "codes": ["(own"], "log": ["(100"]}
"""What only the destination has: deleted on the source, its own, the old place of a row whose key has changed."""
GIVEN = {"data_only": True, "upsert": True}


def rows(database: Database, table: str) -> set[tuple]:
    return {row[0] for row in database.rows(f"SELECT t::text FROM {table} t")}


def filled(pair: tuple[Database, Database]) -> tuple[Database, Database]:
    for database in pair:
        database.run(SCHEMA)
        database.run(ROWS)
    pair[1].run("SET session_replication_role = replica; TRUNCATE people CASCADE")
    clone(Settings(pair[0].dsn, pair[1].dsn, data_only=True, truncate=True))
    return pair


@SOME
def test_a_key_that_is_equal_is_written_as_on_the_source(pair: tuple[Database, Database]) -> None:
    source, destination = pair
    for database, key, name in ((source, "1.0", "ABC"), (destination, "1.00", "abc")):
        database.run(f"""
            CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE n (k numeric PRIMARY KEY); CREATE TABLE t (k text COLLATE ci PRIMARY KEY, v int);
            CREATE TABLE i (k int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int);
            INSERT INTO n VALUES ({key}); INSERT INTO t VALUES ('{name}', 1); INSERT INTO i (v) VALUES ({key});
        """)
    clone(Settings(source.dsn, destination.dsn, **GIVEN))
    assert destination.rows("SELECT k::text FROM n UNION ALL SELECT k FROM t UNION ALL SELECT v::text FROM i") == [
        ("1.0",), ("ABC",), ("1",)
    ]  # fmt: skip


@pytest.mark.pg("in 12 18")
@pytest.mark.parametrize("key", ["PRIMARY KEY (k) DEFERRABLE", "PRIMARY KEY (k, r WITHOUT OVERLAPS)"])
def test_a_key_that_cannot_be_merged_by_is_refused(pair: tuple[Database, Database], major: int, key: str) -> None:
    if major < 18 and "OVERLAPS" in key:
        pytest.skip("for PostgreSQL 18")
    for database in pair:
        database.run(f"CREATE TABLE t (k int4range NOT NULL, r int4range NOT NULL, {key})")
    pair[0].run("INSERT INTO t VALUES ('[1,2)', '[1,5)')")
    with pytest.raises(PreflightFailed, match=r"neither deferrable nor WITHOUT OVERLAPS.*public\.t"):
        clone(Settings(pair[0].dsn, pair[1].dsn, **GIVEN))


@SOME
@pytest.mark.parametrize("how", ["upsert", "truncate"])
def test_clean_leaves_no_key_valid_that_rows_violate(
    pair: tuple[Database, Database], how: str, major: int, replicator: Run
) -> None:
    source, destination = pair
    parted = "PARTITION BY LIST (id)" if how == "upsert" else ""
    for database in pair:
        database.run(f"""
            CREATE TABLE p (id int PRIMARY KEY);
            CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p, q int REFERENCES p);
            CREATE TABLE d (id int, p int REFERENCES p, PRIMARY KEY (id)) {parted};
            {"CREATE TABLE d_1 PARTITION OF d DEFAULT;" if parted else ""}
            INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1, 1);
        """)
    source.run("INSERT INTO p VALUES (2); INSERT INTO c VALUES (2, 2, 1); INSERT INTO d VALUES (1, 2)")
    flags = ("--data-only", f"--{how}", "--table", "c", "--table", "d")
    assert replicator("clone", *flags, *both(source, destination)).code == 6
    cleaned = replicator("clean", "--destination", destination.dsn)
    runs(cleaned)
    valid = destination.rows("SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND convalidated ORDER BY 1")
    if parted and major < 18:
        assert "Rows violate foreign key d_p_fkey on public.d, which counts as valid" in cleaned.said
        assert "c_p_fkey" not in {name for (name,) in valid}
    else:
        assert valid == [("c_q_fkey",)]
        assert "d_p_fkey on public.d is NOT VALID now, since rows violate it" in cleaned.said
    assert "c_p_fkey on public.c is NOT VALID now, since rows violate it" in cleaned.said
    assert "c_q_fkey" not in cleaned.said


@SOME
def test_rows_are_merged_by_key(pair: tuple[Database, Database]) -> None:
    source, destination = filled(pair)
    destination.run("INSERT INTO codes VALUES ('own', 5000); DELETE FROM people WHERE id = 900; TRUNCATE written;"
                    "SELECT setval('people_id_seq', 9000)")  # fmt: skip
    source.run(CHANGES)
    before = dict(destination.rows("SELECT id, xmin::text FROM people"))
    seen: list = []
    clone(Settings(source.dsn, destination.dsn, jobs=4, **GIVEN), on_event=seen.append)
    for table in TABLES:
        only_there = sorted(row.split(",")[0] for row in rows(destination, table) - rows(source, table))
        assert rows(destination, table) >= rows(source, table), table
        assert only_there == STAYING.get(table, []), table
    now = dict(destination.rows("SELECT id, xmin::text FROM people"))
    assert {id for id in before if before[id] != now[id]} == {id for id in before if id % 10 == 0}
    assert destination.value("SELECT count(*) FROM written") == 0
    assert destination.value("SELECT last_value FROM people_id_seq") == 9000
    assert any("rows that only the destination has stay" in text for text in notes(seen))
    clone(Settings(source.dsn, destination.dsn, **GIVEN))
    assert now == dict(destination.rows("SELECT id, xmin::text FROM people"))
    assert destination.value("SELECT count(*) FROM pg_class WHERE relname = 'replicator_rows'") == 0


@SOME
def test_some_tables_are_refreshed_by_the_command(pair: tuple[Database, Database], replicator: Run) -> None:
    source, destination = filled(pair)
    source.run(CHANGES)
    given = ("--data-only", "--upsert", *both(source, destination))
    runs(replicator("clone", *given, "--include", "public.log"))
    assert destination.value("SELECT count(*) FROM log WHERE note = 'other'") == 19
    assert destination.value("SELECT count(*) FROM people WHERE name = 'later'") == 0
    refuses(replicator("clone", *given, "--truncate"), 2, "--truncate and --upsert exclude each other")
    refuses(replicator("clone", *given, "--verify"), 2, "rows that only the destination has would count as extra")
    refuses(replicator("clone", "--upsert", *both(source, destination)), 2, "--upsert needs --data-only")


@SOME
def test_what_cannot_be_merged_is_refused_by_name(pair: tuple[Database, Database]) -> None:
    for database in pair:
        database.run("""
            CREATE TABLE "no Key" (a int); INSERT INTO "no Key" VALUES (1);
            CREATE TABLE nulls (a int UNIQUE); INSERT INTO nulls VALUES (1);
            CREATE TABLE later (a int NOT NULL UNIQUE DEFERRABLE); INSERT INTO later VALUES (1);
            CREATE TABLE partly (a int NOT NULL, b int); CREATE UNIQUE INDEX ON partly (a) WHERE b > 1;
            INSERT INTO partly VALUES (1);
            CREATE TABLE ruled (a int PRIMARY KEY); INSERT INTO ruled VALUES (1);
            CREATE RULE r AS ON INSERT TO ruled DO ALSO NOTIFY x;
            CREATE TABLE ids (a int PRIMARY KEY, b int GENERATED ALWAYS AS IDENTITY); INSERT INTO ids VALUES (1);
            CREATE TABLE fine (a int PRIMARY KEY); INSERT INTO fine VALUES (1)""")
    source, destination = pair
    source.run("INSERT INTO fine VALUES (2)")
    with pytest.raises(PreflightFailed) as raised:
        clone(Settings(source.dsn, destination.dsn, **GIVEN))
    said = " ".join(f"{finding.text} {finding.remedy}" for finding in raised.value.findings)
    assert 'have none: public."no Key", public.later, public.nulls, public.partly.' in said
    assert "rules for INSERT or UPDATE would act: public.ruled." in said
    assert "GENERATED ALWAYS: public.ids.b." in said
    assert "--exclude" in said
    assert destination.value("SELECT count(*) FROM fine") == 1
    clone(Settings(source.dsn, destination.dsn, include=("public.fine",), **GIVEN))
    assert destination.value("SELECT count(*) FROM fine") == 2


@SOME
def test_a_failed_merge_changes_nothing_and_is_resumed(pair: tuple[Database, Database]) -> None:
    source, destination = filled(pair)
    source.run(CHANGES)
    destination.run("INSERT INTO codes VALUES ('own', 1001)")  # a second unique key that a new row takes
    with pytest.raises(ReplicatorError) as raised:
        clone(Settings(source.dsn, destination.dsn, **GIVEN))
    assert "duplicate key value" in str(raised.value)
    assert destination.value("SELECT count(*) FROM codes WHERE n = 1") == 1
    destination.run("DELETE FROM codes WHERE n = 1001")
    clone(Settings(source.dsn, destination.dsn, resume="per-table", **GIVEN))
    assert rows(destination, "codes") == rows(source, "codes")


@SOME
def test_a_reference_that_dangles_is_found(pair: tuple[Database, Database]) -> None:
    """The referenced column is not the key: its new value is what nobody checks, since triggers are silent."""
    for database in pair:
        database.run("""
            CREATE TABLE parent (id int PRIMARY KEY, name text UNIQUE); INSERT INTO parent VALUES (1, 'a');
            CREATE TABLE child (id int PRIMARY KEY, name text CONSTRAINT of_parent REFERENCES parent (name));
            INSERT INTO child VALUES (1, 'a')""")
    source, destination = pair
    source.run("ALTER TABLE child DROP CONSTRAINT of_parent; UPDATE parent SET name = 'b'")
    with pytest.raises(ReplicatorError, match="refer to none in public\\.parent"):
        clone(Settings(source.dsn, destination.dsn, include=("public.parent",), **GIVEN))


@SOME
def test_a_role_without_privileges(pair: tuple[Database, Database]) -> None:
    source, destination = filled(pair)
    role = "stranger"
    destination.run(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT INSERT ON animals TO {role};"
                    f" REVOKE TEMPORARY ON DATABASE \"{destination.name}\" FROM PUBLIC;"
                    f" GRANT CREATE ON DATABASE \"{destination.name}\" TO {role}")  # fmt: skip
    dsn = psycopg.conninfo.make_conninfo(destination.dsn, user=role)
    with pytest.raises(PreflightFailed) as raised:
        clone(Settings(source.dsn, dsn, include=("public.animals",), **GIVEN))
    said = " ".join(f"{finding.text} {finding.remedy}" for finding in raised.value.findings)
    assert f'GRANT SELECT, UPDATE ON public.animals TO "{role}";' in said
    assert "GRANT TEMPORARY ON DATABASE" in said
    destination.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


@SOME
def test_an_owner_without_more_rights_merges(pair: tuple[Database, Database]) -> None:
    """Its triggers are disabled, its foreign keys dropped and recreated, within the run."""
    source, destination = filled(pair)
    source.run(CHANGES)
    role = f"owner_{destination.name}"
    destination.run(f"""CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE "{destination.name}" TO {role};
        GRANT CREATE ON SCHEMA public TO {role};
        ALTER TABLE people OWNER TO {role}; ALTER TABLE codes OWNER TO {role}; ALTER TABLE links OWNER TO {role}""")
    keys = "SELECT string_agg(pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint WHERE contype = 'f'"
    before = destination.value(keys)
    dsn = psycopg.conninfo.make_conninfo(destination.dsn, user=role)
    clone(Settings(source.dsn, dsn, table=("public.people", "public.codes", "public.links"), **GIVEN))
    assert rows(destination, "links") == rows(source, "links")
    assert rows(destination, "codes") == rows(source, "codes")
    assert destination.value(keys) == before
    assert destination.value("SELECT tgenabled FROM pg_trigger WHERE tgname = 'tells'") == "O"
    assert destination.value("SELECT count(*) FROM written") == source.value("SELECT count(*) FROM written")
    destination.run(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")


@SOME
def test_interrupted_and_resumed(pair: tuple[Database, Database]) -> None:
    source, destination = filled(pair)
    source.run(CHANGES)

    def stop(event: object) -> None:
        if type(event).__name__ == "Done" and getattr(event, "step", "") == "data public.people":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        clone(Settings(source.dsn, destination.dsn, jobs=1, **GIVEN), on_event=stop)
    with pytest.raises(PreflightFailed, match="started with --upsert"):
        clone(Settings(source.dsn, destination.dsn, resume="per-table", data_only=True))
    clone(Settings(source.dsn, destination.dsn, resume="per-table", **GIVEN))
    assert rows(destination, "links") == rows(source, "links")


def test_settings() -> None:
    with pytest.raises(UsageError, match="needs `data_only`"):
        Settings("dbname=a", "dbname=b", upsert=True)
    with pytest.raises(UsageError, match="exclude each other"):
        Settings("dbname=a", "dbname=b", append=True, **GIVEN)
