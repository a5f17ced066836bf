"""Who may create schemas in the destination plants a journal there, or changes one: no command runs anything of his.

Each attack would make mallory a superuser as soon as a superuser's session runs its code.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import replicator as program
from replicator.catalog.read import read_targets
from replicator.journal import crash, ownership
from replicator.runs.rows_only import _as_dropped_key, restore_foreign_keys
from replicator.runs.swap import COMPLETE, INCOMING
from replicator.sessions import statements as files
from replicator.sessions.postgres import connect
from tests.fix_cli import NEWEST, Run, both, refuses, runs
from tests.fix_servers import SOME, Database
from tests.test_journal import UNFINISHED
from tests.test_leftover_databases import beside, identity, maintain

TABLES = ("run", "step", "sequence", "taken", "deferred", "witness", "before", "dropping")
STRIKE = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.strike() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    ALTER ROLE mallory SUPERUSER;
    RETURN true;
EXCEPTION WHEN insufficient_privilege THEN
    RETURN true;
END $$;
CREATE FUNCTION evil.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM evil.strike(); RETURN NEW; END';
GRANT USAGE ON SCHEMA evil TO PUBLIC;
"""
INJECTION = "x'; SELECT evil.strike(); --"
SCHEMA = """
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a ON DELETE CASCADE);
"""
ROWS = "INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1, 1), (2, 2);"
COMMANDS = [
    "status",
    "clean",
    "validate",
    "clone",
    "clone --resume",
    "clone --data-only",
    "clone --data-only --resume",
    "verify",
]
OF_THE_DESTINATION = ("status", "clean", "validate")


@pytest.fixture
def source(database: Database) -> Database:
    database.run(SCHEMA + ROWS)
    return database


@pytest.fixture
def mallory(source: Database, destination: Database) -> Iterator[str]:
    """How a role connects to the destination that may create schemas there, and on the source."""
    destination.run("CREATE ROLE mallory LOGIN")
    for each in (source, destination):
        each.run(f"GRANT CREATE ON DATABASE {each.name} TO mallory")
    yield destination.server.conninfo(destination.name, user="mallory")
    for each in (destination, source):
        each.run("DROP OWNED BY mallory CASCADE")
    destination.run("DROP ROLE mallory")


def arm(database: Database) -> None:
    with psycopg.connect(database.server.conninfo(database.name, user="mallory"), autocommit=True) as conn:
        conn.execute(STRIKE)


@pytest.fixture
def unfinished(source: Database, destination: Database, mallory: str, replicator: Run) -> Database:
    """A destination with a journal of our own, but for one view complete; mallory's schema came with it."""
    source.run(UNFINISHED)
    arm(source)
    assert replicator("clone", *both(source, destination)).code == 6
    return destination


def plant(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(files.statement("replicator.journal", "journal"))
        conn.execute(f"COMMENT ON SCHEMA replicator IS '{ownership.mark()}'")
        conn.execute("GRANT ALL ON SCHEMA replicator TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA replicator TO PUBLIC")
        for statement in statements:
            conn.execute(statement)


def harmless(database: Database) -> bool:
    return database.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'") is False


def flags(command: str, source: Database, destination: Database) -> tuple[str, ...]:
    if command in OF_THE_DESTINATION:
        return (command, "--destination", destination.dsn)
    return (*command.split(), *both(source, destination))


PLANTED = {
    "as ours": ["SELECT"],
    "views": [
        f"ALTER TABLE replicator.{t} RENAME TO {t}_table;"
        f" CREATE VIEW replicator.{t} AS SELECT * FROM replicator.{t}_table WHERE evil.strike()"
        for t in TABLES
    ],
    "triggers": [
        f"CREATE TRIGGER t BEFORE INSERT OR UPDATE ON replicator.{t} FOR EACH ROW EXECUTE FUNCTION evil.fire()"
        for t in TABLES
    ],
}


@SOME
@pytest.mark.parametrize("how", PLANTED)
def test_a_journal_of_somebody_else_s_is_refused(
    how: str, source: Database, destination: Database, mallory: str, replicator: Run
) -> None:
    destination.run(SCHEMA)
    arm(destination)
    plant(mallory, *PLANTED[how])
    before = destination.dump("--inserts")
    for command in COMMANDS:
        result = replicator(*flags(command, source, destination))
        refuses(result, 3, "schema replicator", 'belongs to "mallory"', "ALTER SCHEMA replicator RENAME TO")
        assert harmless(destination), command
    assert destination.dump("--inserts") == before


@SOME
@pytest.mark.parametrize(
    "grant",
    [
        "GRANT TRIGGER ON replicator.run TO mallory",
        "GRANT UPDATE (part_since) ON replicator.step TO mallory",
        "GRANT INSERT ON replicator.taken TO PUBLIC",
        "GRANT CREATE ON SCHEMA replicator TO mallory",
    ],
)
def test_a_journal_that_others_may_write_is_refused(
    grant: str, source: Database, unfinished: Database, replicator: Run
) -> None:
    unfinished.run(grant)
    before = unfinished.dump()
    for command in COMMANDS:
        result = replicator(*flags(command, source, unfinished))
        refuses(result, 3, "schema replicator", "may write", "PUBLIC" if "PUBLIC" in grant else "mallory")
    assert unfinished.dump() == before


ODD = {
    "view": "ALTER TABLE replicator.before RENAME TO other;"
    " CREATE VIEW replicator.before AS SELECT * FROM replicator.other WHERE evil.strike()",
    "trigger": "CREATE TRIGGER t BEFORE UPDATE ON replicator.run FOR EACH ROW EXECUTE FUNCTION evil.fire()",
    "rule": "CREATE RULE r AS ON DELETE TO replicator.taken DO ALSO SELECT evil.strike()",
    "policy": "ALTER TABLE replicator.step ENABLE ROW LEVEL SECURITY",
    "child": "CREATE TABLE public.child () INHERITS (replicator.step); ALTER TABLE public.child OWNER TO mallory",
    "parent": "CREATE TABLE public.parent (here boolean NOT NULL);"
    " ALTER TABLE replicator.witness INHERIT public.parent",
    "default": "ALTER TABLE replicator.dropping ALTER since SET DEFAULT CASE WHEN evil.strike() THEN now() END",
    "check": "ALTER TABLE replicator.run ADD CHECK (evil.strike())",
    "generated": "ALTER TABLE replicator.run ADD more text GENERATED ALWAYS AS (source || 'x') STORED",
    "index": "ALTER FUNCTION evil.strike() IMMUTABLE; CREATE INDEX i ON replicator.run (evil.strike())",
    "type": "CREATE DOMAIN evil.word AS text CHECK (evil.strike());"
    " ALTER TABLE replicator.run ALTER error TYPE evil.word",
    "partitioned": "ALTER TABLE replicator.before RENAME TO other;"
    " CREATE TABLE replicator.before (extension text) PARTITION BY LIST (extension)",
}


@SOME
@pytest.mark.parametrize("what", ODD)
def test_a_journal_that_runs_code_is_refused(
    what: str, source: Database, unfinished: Database, replicator: Run
) -> None:
    unfinished.run("ALTER FUNCTION evil.strike() RENAME TO later; CREATE FUNCTION evil.strike() RETURNS bool"
                   " LANGUAGE sql AS 'SELECT true'")  # fmt: skip
    unfinished.run(ODD[what])
    unfinished.run("CREATE OR REPLACE FUNCTION evil.strike() RETURNS bool LANGUAGE sql AS 'SELECT evil.later()'")
    before = unfinished.dump()
    for command in COMMANDS:
        result = replicator(*flags(command, source, unfinished))
        refuses(result, 3, "schema replicator", "is not as replicator created it")
        assert harmless(unfinished), command
    assert unfinished.dump() == before


@SOME
def test_default_privileges_give_nobody_the_journal(
    source: Database, destination: Database, mallory: str, replicator: Run
) -> None:
    """Who may put a trigger on it has his code run by whoever writes there."""
    arm(destination)
    destination.run(SCHEMA + "INSERT INTO a VALUES (1)")
    defaults = "ALTER DEFAULT PRIVILEGES {} ALL ON {} {} mallory, PUBLIC"
    destination.run(";".join(defaults.format("GRANT", what, "TO") for what in ("TABLES", "SCHEMAS")))
    try:
        source.run("ALTER TABLE b DROP CONSTRAINT b_a_id_fkey; INSERT INTO b VALUES (3, 333)")
        refuses(replicator("clone", "--data-only", "--append", *both(source, destination)), 6)
        assert destination.value("SELECT count(*) FROM replicator.run") == 1
        with psycopg.connect(mallory, autocommit=True) as conn:
            for attempt in (
                "CREATE TRIGGER t BEFORE UPDATE ON replicator.run FOR EACH ROW EXECUTE FUNCTION evil.fire()",
                "INSERT INTO replicator.before VALUES ('x')",
                "CREATE VIEW replicator.more AS SELECT 1",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(attempt)
        assert replicator("status", "--destination", destination.dsn).code == 6
    finally:
        destination.run(";".join(defaults.format("REVOKE", what, "FROM") for what in ("TABLES", "SCHEMAS")))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replicator.run SET sessions = '%'",
        """UPDATE replicator.run SET options = options || '{"source": "host=elsewhere"}'""",
        """UPDATE replicator.run SET options = options || '{"replace": "x\\u001b[2J"}'""",
        "UPDATE replicator.step SET part_since = $i$0,0)'::tid OR evil.strike() --$i$ WHERE name = 'data public.a'",
        "UPDATE replicator.step SET part_key = 'evil.strike()', part_since = '1' WHERE name = 'data public.a'",
        "UPDATE replicator.step SET part_before = '7' WHERE name = 'data public.a'",
        "ALTER TABLE replicator.step DROP COLUMN seconds",
    ],
)
@SOME
def test_what_this_program_never_writes_is_no_setting_and_no_condition(
    change: str, source: Database, unfinished: Database, replicator: Run
) -> None:
    """Who may write all data (pg_write_all_data) may write there, too."""
    unfinished.run(change)
    before = unfinished.dump("--inserts")
    refuses(replicator("clone", "--resume=per-table", *both(source, unfinished)), 3, "schema replicator", "damaged")
    assert harmless(unfinished)
    assert unfinished.dump("--inserts") == before


@SOME
def test_a_part_s_end_is_a_literal(source: Database, unfinished: Database, replicator: Run) -> None:
    """Where tables are cut by their key, before 14, it may be any text."""
    if source.major >= 14:
        unfinished.run("UPDATE replicator.step SET part_since = '1' WHERE name = 'data public.a'")
        word = "damaged"
    else:
        end = "$i$0'::int OR evil.strike() OR id > '0$i$"
        unfinished.run(
            f"INSERT INTO replicator.step (number, name, phase, digest, relation, cost, part_key, part_since)"
            f" SELECT 1000, 'data public.a, part 2 of 2', phase, digest, relation, cost, 'id', {end}"
            f"   FROM replicator.step WHERE name = 'data public.a';"
            f"UPDATE replicator.step SET name = 'data public.a, part 1 of 2', part_key = 'id', part_before = {end}"
            f"                         , done_at = NULL WHERE name = 'data public.a';"
            f"UPDATE replicator.step SET done_at = NULL WHERE name = 'data public.b'; TRUNCATE public.a, public.b"
        )
        word = "invalid input syntax for"
    result = replicator("clone", "--resume=per-table", *both(source, unfinished))
    assert word in result.said, result
    assert result.code in (3, 6)
    assert harmless(unfinished)


@SOME
def test_a_table_that_a_crash_emptied_is_no_statement(unfinished: Database) -> None:
    """A name of three parts can be read as one of that database's tables, and as two statements."""
    text = f"{unfinished.name}.t;select/**/evil.strike()"
    unfinished.run(f"""CREATE SCHEMA {unfinished.name}; CREATE TABLE {unfinished.name}.t ();
        CREATE SCHEMA "t;select/**/evil";
        SET search_path = "t;select/**/evil"; CREATE TABLE "strike()" (a int) PARTITION BY LIST (a);
        CREATE TABLE one PARTITION OF "strike()" FOR VALUES IN (1);
        CREATE UNLOGGED TABLE two PARTITION OF "strike()" FOR VALUES IN (2);
        INSERT INTO "strike()" VALUES (1), (2);
        UPDATE replicator.step SET targets = ARRAY['{text}'] WHERE name = 'data public.a';
        DELETE FROM replicator.witness""")
    with connect(unfinished.dsn) as conn:
        assert crash.notice_crash(conn)
    assert harmless(unfinished)
    assert unfinished.value('SELECT count(*) FROM "t;select/**/evil"."strike()"') == 0


@pytest.mark.pg(f"in {NEWEST}")
@pytest.mark.parametrize(
    "column",
    ["schema_name", "table_name", "constraint_name", "referenced_schema", "referenced_table", "match_type", "on_update",
     "on_delete", "comment_text", "column_names", "referenced_columns", "set_column_names"],
)  # fmt: skip
def test_no_fact_of_a_foreign_key_is_a_statement(
    column: str, source: Database, destination: Database, mallory: str, replicator: Run
) -> None:
    arm(destination)
    destination.run(SCHEMA + "INSERT INTO a VALUES (1)")
    source.run("ALTER TABLE b DROP CONSTRAINT b_a_id_fkey")
    assert replicator("clone", "--data-only", "--append", *both(source, destination)).code == 6
    with connect(destination.dsn) as conn:
        (key,) = map(_as_dropped_key, read_targets(conn, "target_foreign_keys"))
        conn.execute(key.journal_insert)
        conn.execute(key.drop)
        for text in (INJECTION, 'x"; SELECT evil.strike(); --', "a; SELECT evil.strike(); --"):
            value = [text] if column.endswith("s") and column != "match_type" else text
            conn.execute(f"UPDATE replicator.taken SET {column} = %s", [value])
            result = replicator("clean", "--destination", destination.dsn)
            assert harmless(destination), text
            if result.code == 0:  # a name, or a comment, that somebody might have given
                assert column in ("constraint_name", "comment_text"), result
                break
            assert conn.execute("SELECT count(*) FROM replicator.taken").fetchall() == [(1,)]


FOREIGN_KEYS = {
    "plain": "FOREIGN KEY (x, y) REFERENCES r (i, j)",
    "all": "FOREIGN KEY (x, y) REFERENCES r (i, j) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE",
    "deferred": "FOREIGN KEY (y, x) REFERENCES r (j, i) ON UPDATE RESTRICT ON DELETE SET DEFAULT"
    " DEFERRABLE INITIALLY DEFERRED NOT VALID",
    "some columns": "FOREIGN KEY (x, y) REFERENCES r (i, j) ON DELETE SET NULL (y, x)",
    "period": "FOREIGN KEY (x, PERIOD p) REFERENCES s (i, PERIOD q)",
    "not enforced": "FOREIGN KEY (x, y) REFERENCES r (i, j) NOT ENFORCED",
}


def test_a_foreign_key_comes_back_from_its_facts(database: Database) -> None:
    since = {"some columns": 15, "period": 18, "not enforced": 18}
    database.run("""CREATE SCHEMA "Odd "" one"; SET search_path = "Odd "" one";
        CREATE TABLE r (i int, j int, PRIMARY KEY (i, j), UNIQUE (j, i));
        CREATE TABLE "T %s" (x int DEFAULT 1, y int DEFAULT 1, p daterange);
        CREATE TABLE parts (x int, y int, p daterange) PARTITION BY LIST (x);
        CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);""")
    if database.major >= 18:
        database.run("""SET search_path = "Odd "" one", public;
            CREATE TABLE s (i int4range, q daterange, PRIMARY KEY (i, q WITHOUT OVERLAPS));
            ALTER TABLE "T %s" ADD z int4range;""")
    for what, definition in FOREIGN_KEYS.items():
        if since.get(what, 12) <= database.major:
            definition = definition.replace("(x, PERIOD", "(z, PERIOD")
            database.run(f"""SET search_path = "Odd "" one"; ALTER TABLE "T %s" ADD CONSTRAINT "{what}" {definition};
                COMMENT ON CONSTRAINT "{what}" ON "T %s" IS 'it''s \\ "one"'""")
    database.run(f"""SET search_path = "Odd "" one"; ALTER TABLE parts ADD CONSTRAINT p {FOREIGN_KEYS["plain"]}""")
    before = database.dump()
    with connect(database.dsn) as conn:
        keys = [_as_dropped_key(row) for row in read_targets(conn, "target_foreign_keys")]
        assert len(keys) == 2 + sum(version <= database.major for version in (12, 12, 15, 18, 18))
        conn.execute(files.statement("replicator.journal", "journal"))
        conn.execute(f"COMMENT ON SCHEMA replicator IS '{ownership.mark()}'")
        for key in keys:
            conn.execute(key.journal_insert)
            conn.execute(key.drop)
        assert "FOREIGN KEY" not in database.dump()
        assert restore_foreign_keys(conn, ()) == []
    assert database.dump() == before


@SOME
def test_a_copy_that_waits_is_not_asked_through_somebody_else_s_view(
    source: Database, destination: Database, mallory: str, replicator: Run
) -> None:
    name = destination.name + INCOMING
    runs(replicator("clone", "--create", "--source", source.dsn, "--destination", destination.server.conninfo(name)))
    maintain(destination, f"COMMENT ON DATABASE {name} IS '{COMPLETE}: {identity(source)}'")
    try:
        maintain(destination, f"GRANT CREATE ON DATABASE {name} TO mallory")
        with psycopg.connect(destination.server.conninfo(name, user="mallory"), autocommit=True) as conn:
            conn.execute("DROP SCHEMA IF EXISTS evil CASCADE")
            conn.execute(STRIKE)
            conn.execute("CREATE SCHEMA replicator; GRANT ALL ON SCHEMA replicator TO PUBLIC")
            conn.execute("CREATE VIEW replicator.witness AS SELECT true AS here WHERE evil.strike()")
            conn.execute(f"COMMENT ON SCHEMA replicator IS '{crash.MARK}'")
        before = destination.dump()
        result = replicator("clone", "--replace", "swap", "--resume", *both(source, destination))
        refuses(result, 3, "schema replicator", 'belongs to "mallory"', "is unchanged")
        assert harmless(destination)
        assert destination.dump() == before
    finally:
        for each in beside(destination):
            maintain(destination, f'DROP DATABASE "{each}"')


@SOME
def test_what_is_printed_of_a_journal_moves_no_cursor(unfinished: Database, replicator: Run) -> None:
    unfinished.run(r"UPDATE replicator.run SET source = E'\x1b]0;x\x07', error = E'\x1b]0;x\x07'")
    unfinished.run(r"UPDATE replicator.step SET name = E'\x1b[2J' WHERE done_at IS NULL")
    result = replicator("status", "--destination", unfinished.dsn)
    assert result.code == 6
    assert not {"\x1b", "\x07"} & {*result.out, *result.err}, result


@SOME
def test_while_a_journal_is_read_nobody_puts_another_into_its_place(unfinished: Database) -> None:
    with connect(unfinished.dsn) as reader, connect(unfinished.dsn) as other:
        other.execute("SET lock_timeout = '200ms'")
        with ownership.reading(reader) as there:
            assert there
            for change in ("DROP SCHEMA replicator CASCADE", "ALTER TABLE replicator.run RENAME TO walk"):
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    other.execute(change)
        other.execute("DROP SCHEMA replicator CASCADE")
        with ownership.reading(reader) as there:
            assert not there


PROOFS = {"prove", "proven", "reading", "_left"}
AFTER_A_PROOF = {"_write", "write", "done", "journal_insert", "journal_delete"}
"""What is done in a transaction that was proven by whoever calls it."""
MAKES_IT = {"create", "leave"}


def named() -> Iterator[tuple[str, str, set[str]]]:
    """Yield the functions that name a table of the journal, or run a script that does, with what they call."""
    for path in sorted(Path(program.__file__).parent.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef):
                texts = [
                    n.value for n in ast.walk(function) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                ]
                wanted = [f"replicator.{table}" for table in TABLES]
                scripts = path.parent.name == "journal" and {
                    ast.literal_eval(n.args[1])
                    for n in ast.walk(function)
                    if isinstance(n, ast.Call) and ast.unparse(n.func) == "statement"
                } & {"take", "done", "status", "let_go", "undo", "unlogged"}
                docstring = ast.get_docstring(function, clean=False)
                if scripts or any(t != docstring and any(w in t for w in wanted) for t in texts):
                    calls = {
                        n.func.id
                        for n in ast.walk(function)
                        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
                    }
                    yield path.name, function.name, calls


def test_whatever_names_the_journal_s_tables_has_looked_at_them() -> None:
    found = list(named())
    assert len(found) > 20
    unproven = {
        f"{file} {name}" for file, name, calls in found if not calls & PROOFS and name not in AFTER_A_PROOF | MAKES_IT
    }
    assert unproven == set()
