"""What the README and the pages of help say: every command, statement and file in them is run, every link leads on.

A block runs in the state that its page has it in: see STATES. What cannot be run is in UNRUN, with the reason.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from replicator.cli.commands import cli
from tests.fix_cli import NEWEST, environment, own_server
from tests.fix_pages import HELP, HELP_PAGES, LINK, OPTION, PAGES, ROOT, Block, blocks, cells, name_of, prose, sentences
from tests.fix_servers import BINARIES, VERSIONS, Database, Servers

README = ROOT / "README.md"
RUN_PAGES = [README, *HELP_PAGES]
COMMAND_SECONDS = 120
UNFINISHED = 6  # what `status` ends with

UNRUN = {
    'pip install ".[demo]" && python -m replicator demo': "test_packaging.py runs it",
    "pip install .": "test_packaging.py runs it",
    "pip wheel . --no-deps --wheel-dir dist && pip install dist/replicator-*.whl": "test_packaging.py runs it",
    "docker build --file compose/Dockerfile --tag replicator . && docker run --rm replicator --version": (
        "needs a Docker engine; test_compose.py runs the container's command without one"
    ),
    **dict.fromkeys(
        (
            "replicator clone --all-databases --verify postgresql://postgres@old-server postgresql://postgres@new-server",
            "replicator clone --all-databases --include-database 'shop*' --exclude-database '*_test'"
            " --exclude-database '/^tmp_/'",
            "replicator clone --all-databases --resume=per-table postgresql://postgres@old-server"
            " postgresql://postgres@new-server",
            "replicator verify --all-databases postgresql://postgres@old-server postgresql://postgres@new-server",
            "replicator clone --all-databases --verify",
        ),
        "it needs two servers; test_all_databases.py runs it",
    ),
    'pip install -e ".[test]" && pytest': "it would run itself; .ci/run runs it",
}
"""Lines that are not run here, and why."""
SCENARIOS = {"README": "sql", "privileges": "sql"}
"""Pages whose GRANTs are run in order, as a story: see test_the_grants_of_a_page_suffice."""

OF_OTHERS = {
    *("--no-deps", "--wheel-dir"),  # pip
    *("--file", "--tag", "--rm"),  # docker
    *("--faults", "--check"),  # pytest, ruff
    *("--against", "--delay", "--save"),  # python -m benchmarks
    "--exact",  # CHANGELOG: it is gone
}


# The source is a small shop. Each block has a destination of its own, in one of these states.

SHOP = """
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL, sum numeric);
CREATE INDEX ON orders (customer);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
INSERT INTO orders (customer, sum) SELECT g % 100 + 1, g FROM generate_series(1, 1000) g;
CREATE MATERIALIZED VIEW best AS SELECT customer, sum(sum) FROM orders GROUP BY customer;
"""
MORE = """
ALTER TABLE customers ADD email text, ADD country text NOT NULL DEFAULT 'DE', ADD deleted bool NOT NULL DEFAULT false;
UPDATE customers SET email = 'customer' || id || '@web.example', deleted = id = 7;
CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE events (user_id int);
CREATE TABLE posts (id int); CREATE TABLE comments (subject_id int, subject_type text);
CREATE TABLE lines (order_id int, line int); CREATE TABLE parts (order_id int, line int);
"""
"""What the definitions on pages name besides."""
KEY = "ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers"
ORPHAN = "SET session_replication_role = replica; INSERT INTO orders (customer) VALUES (0)"
HOSTS = ("old-server", "new-server", "shop-db", "warehouse")
"""What pages call the source and the destination."""
SCHEDULERS = {
    "airflow/decorators.py": "dag = task = lambda **options: lambda function: function",
    "dagster.py": """
import logging, types
MaterializeResult = dict
asset = lambda function: print(function(types.SimpleNamespace(log=logging)))
""",
}
"""As little of these as the examples need, to run them: here neither is installed."""
State = Callable[["Stage"], None]


class Stage:
    """Two databases, and a folder with the page's TOML files where commands are run."""

    def __init__(self, source: Database, destination: Database, folder: Path) -> None:
        self.source, self.destination, self.folder = source, destination, folder

    def here(self, text: str) -> str:
        """Return a page's text with these databases in the place of the servers that it names."""
        for host, database in zip(HOSTS, (self.source, self.destination) * 2, strict=True):
            port = conninfo_to_dict(database.dsn)["port"]
            text = re.sub(rf"//\w+@{host}/shop", f"//postgres@127.0.0.1:{port}/{database.name}", text)
            text = text.replace(f"host={host} dbname=shop", database.dsn)
            toml = f'host = "127.0.0.1"\nport = {port}\ndbname = "{database.name}"\nuser = "postgres"'
            text = re.sub(rf'host = "{host}"\ndbname = "shop"\nuser = "\w+"', toml, text)
        return text

    def write(self, block: Block) -> None:
        """Write a page's TOML: what names no servers is a definition."""
        name = "replicator.toml" if "[source]" in block.text else "shop.toml"
        (self.folder / name).write_text(self.here(block.text))

    def run(self, *lines: str, **variables: str) -> str:
        """Run lines in one shell, and return what they write; fail at the first that ends as it should not."""
        if not any("--config" in line for line in lines):  # what a file names, a variable would override
            named = {"REPLICATOR_SOURCE": self.source.dsn, "REPLICATOR_DESTINATION": self.destination.dsn}
            variables = named | variables
        (self.folder / "mask.key").write_text("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
        variables.setdefault("REPLICATOR_MASK_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0")
        script = [f'replicator() {{ "{sys.executable}" -m replicator "$@"; }}']
        for line in lines:
            expected = UNFINISHED if line == "replicator status" else 0
            script.append(f"{line}\ncode=$?; [ $code = {expected} ] || {{ echo exit $code; exit 99; }}")
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=self.folder,
            env=environment(**variables, HOME=str(self.folder), PYTHONPATH=str(ROOT)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, "\n".join([*lines, done.stdout])
        return done.stdout


def empty(stage: Stage) -> None:
    """The destination is empty."""


def copied(stage: Stage) -> None:
    stage.run("replicator clone")


def differing(stage: Stage) -> None:
    copied(stage)
    stage.destination.run("UPDATE customers SET name = 'somebody else' WHERE id = 7")


def with_schema(stage: Stage) -> None:
    stage.destination.run(re.sub(r"(?m)^(INSERT|UPDATE).*\n", "", SHOP + MORE))


def opened(stage: Stage) -> None:
    stage.run("replicator clone --defer-indexes")


def unfinished(stage: Stage) -> None:
    """A foreign key was refused for its rows. Since then, the source was corrected."""
    stage.source.run(f"{ORPHAN}; {KEY} NOT VALID; ALTER TABLE orders DROP CONSTRAINT of_customer")
    stage.source.run(f"DELETE FROM orders WHERE customer = 0; {KEY}; {ORPHAN}")
    stage.run("replicator clone || [ $? = 6 ]")
    stage.source.run("DELETE FROM orders WHERE customer = 0")


def defined(stage: Stage) -> None:
    text = """[subset]\nroots = { "public.customers" = "id < 9" }\n[mask."public.customers"]\nemail = "email"\n"""
    (stage.folder / "shop.toml").write_text(text)


STATES: dict[str, State] = {
    "README: replicator clone --verify --definition shop.toml --mask-key-file mask.key": defined,
    "README: replicator clone --replace swap --keep-previous 3": copied,
    "README: replicator verify": copied,
    "README: replicator status": unfinished,
    "data-only: replicator clone --data-only --truncate --verify": with_schema,
    "data-only: replicator clone --data-only --upsert --table orders --no-large-objects": copied,
    "data-only: replicator verify --data-only": copied,
    "choose: replicator clone --data-only --truncate --table orders --verify": with_schema,
    "deferred: replicator clean": opened,
    "replace: replicator clone --replace swap": copied,
    "replace: replicator clone --replace swap --keep-previous 3": copied,
    "replace: replicator clone --replace drop": copied,
    "replace: replicator clone --config replicator.toml --output plain": copied,
    "resume: replicator status": unfinished,
    "resume: replicator clone --resume": unfinished,
    "resume: replicator clone --resume=per-table": unfinished,
    "resume: replicator clean": unfinished,
    "verify: replicator verify": copied,
    "verify: replicator verify --repair": differing,
    "verify: replicator verify --sql > fix.sql": copied,
    "when-it-failed: replicator status": unfinished,
    "when-it-failed: replicator clone --resume": unfinished,
    "when-it-failed: replicator clean": unfinished,
    "when-it-failed: replicator verify --repair": differing,
}
"""The state that a block begins with, by its name; else the destination is empty."""

ALL = [block for page in RUN_PAGES for block in blocks(page)]
SHELL = [block for block in ALL if block.language == "sh" and set(block.lines) - UNRUN.keys()]
PYTHON = [block for block in ALL if block.language == "python"]
TOML = [block for block in ALL if block.language == "toml"]
SQL = [block for block in ALL if block.language == "sql" and block.page not in SCENARIOS]


@pytest.fixture
def stage(servers: Servers, tmp_path: Path) -> Iterator[Stage]:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run(SHOP + MORE)
    yield Stage(source, destination, tmp_path)
    with psycopg.connect(source.server.conninfo(), autocommit=True) as conn:
        names = [source.name, destination.name]
        found = conn.execute(
            "SELECT quote_ident(datname) FROM pg_database WHERE split_part(datname, '__', 1) = ANY (%s)", [names]
        )
        for (name,) in found.fetchall():
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.name)
def test_a_command_of_a_page_does_what_the_page_says(block: Block, stage: Stage) -> None:
    for other in TOML:
        if other.page == block.page:
            stage.write(other)
    STATES.get(block.name, empty)(stage)
    stage.run(*(stage.here(line) for line in block.lines if line not in UNRUN))


@pytest.mark.parametrize("block", TOML, ids=lambda block: block.name)
def test_a_file_of_a_page_can_be_used(block: Block, stage: Stage) -> None:
    stage.write(block)
    if "[source]" in block.text:
        stage.run("replicator clone --config replicator.toml")
        assert stage.destination.rows("SELECT count(*) FROM orders") == [(1000,)]
    else:
        stage.run("replicator clone --verify --definition shop.toml")


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_an_example_in_python_runs(number: int, stage: Stage) -> None:
    block = PYTHON[number]
    for path, stub in SCHEDULERS.items():
        (stage.folder / path).parent.mkdir(exist_ok=True)
        (stage.folder / path).write_text(stub)
    (stage.folder / "example.py").write_text(stage.here(block.text))
    if "shop-db" in block.text:
        copied(stage)  # it is replaced
        stage.destination.run("DELETE FROM orders")
    stage.run(f'"{sys.executable}" example.py')
    assert stage.destination.rows("SELECT count(*) FROM orders") == [(1000,)]


@pytest.mark.parametrize("block", SQL, ids=lambda block: block.name)
def test_statements_of_a_page_run(block: Block, stage: Stage) -> None:
    roles = sorted(set(re.findall(r"\b(?:copy_\w+|shop_owner)\b", block.text)))
    for role in roles:
        stage.destination.run(f"CREATE ROLE {role}")
    try:
        stage.destination.run(block.text)
    finally:
        for role in roles:
            stage.destination.run(f"DROP ROLE {role}")


def test_what_is_said_of_blocks_is_about_blocks_that_are_there() -> None:
    assert {block.language for block in ALL} <= {"sh", "sql", "toml", "python", "text"}
    lines = {line for block in ALL for line in block.lines}
    assert lines >= UNRUN.keys()
    assert {block.name for block in SHELL} >= STATES.keys()


# The GRANTs, as a story: an administrator runs them, then plain roles clone

PLAIN = """
CREATE SCHEMA sales;
CREATE TABLE sales.customers (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO sales.customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES sales.customers);
INSERT INTO orders (customer) SELECT 1 FROM generate_series(1, 10);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touched();
CREATE MATERIALIZED VIEW best AS SELECT customer, count(*) FROM orders GROUP BY customer;
SELECT lo_from_bytea(0, 'a large object');
"""
FOR_APP = """
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON orders TO app USING (customer = 1);
GRANT USAGE ON SCHEMA sales TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA sales TO app;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO app;
"""


def grants(page: str, major: int) -> tuple[list[str], list[str], list[str]]:
    """Return the statements of a page for the source, for the destination, and for --replace swap there."""
    found = [block.text for block in ALL if block.page == page and block.language == "sql"]
    on_source = [text for text in found if "copy_reader" in text and (("pg_read_all" in text) == (major >= 14) or
                 "CREATE ROLE" not in text)]  # fmt: skip
    before = [text for text in found if "CREATE DATABASE" in text]
    swapping = [text for text in found if "CREATEDB" in text]
    assert on_source and before
    return [text for text in on_source if major >= 14 or "CREATE ROLE" in text], before, swapping


@pytest.mark.parametrize(
    ("page", "major"),
    [("README", major) for major in VERSIONS if major >= 14] + [("privileges", major) for major in VERSIONS],
)
def test_the_grants_of_a_page_suffice(page: str, major: int, tmp_path: Path) -> None:
    with own_server(BINARIES[major]) as old, own_server(BINARIES[major]) as new:
        source, destination = Database(old, "shop", major), Database(new, "shop", major)
        of_app = page == "privileges"
        on_source, on_destination, swapping = grants(page, major)
        admin = Database(old, "postgres", major), Database(new, "postgres", major)
        admin[0].run("CREATE ROLE shop_owner; CREATE ROLE app LOGIN")
        admin[0].run("CREATE DATABASE shop OWNER shop_owner TEMPLATE template0")
        source.run(f"SET ROLE shop_owner; {PLAIN} {FOR_APP if of_app else ''}")
        for text in on_source:
            admin[0].run(text)
        for text in on_destination:
            admin[1].run(text)
        stage = Stage(source, destination, tmp_path)
        as_roles = {
            "REPLICATOR_SOURCE": old.conninfo("shop", user="copy_reader"),
            "REPLICATOR_DESTINATION": new.conninfo("shop", user="copy_writer"),
        }
        commands = next(b for b in ALL if b.page == page and "replicator check" in b.lines)
        lines = [line for line in commands.lines if not line.startswith("export ")]
        assert "blocks" not in stage.run(*lines, **as_roles)
        assert destination.rows("SELECT count(*) FROM orders") == [(10,)]
        for text in swapping:
            admin[1].run(text)
        if swapping:
            as_roles["REPLICATOR_DESTINATION"] = new.conninfo("shop", user="copy_writer")
            stage.run("replicator clone --replace swap", **as_roles)


# What pages name, and how they say it

MOST_WORDS = 30
MOST_LINES, WIDEST = 160, 120
HARD = re.compile(
    r"\b(anew|hinders?|convicts?|befalls?|is mentioned|come along|gone on with|by itself|what (?:is|are|was|were))\b",
    re.IGNORECASE,
)
"""Words that readers stumbled over."""


def all_options() -> set[str]:
    return {name for command in cli.commands.values() for p in command.params for name in (*p.opts, *p.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_option_that_a_page_names_is_there(page: Path) -> None:
    known = all_options() | {p for param in cli.params for p in param.opts} | OF_OTHERS | {"--help"}
    assert set(OPTION.findall(page.read_text("utf-8"))) - known == set()


@pytest.mark.parametrize("page", RUN_PAGES, ids=name_of)
def test_every_command_and_topic_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    commands = set(re.findall(r"(?:`|^|    )replicator ([a-z][a-z-]*)", text, re.MULTILINE))
    assert commands - cli.commands.keys() == set()
    topics = set(re.findall(r"replicator help ([a-z][a-z-]+)", text))
    assert topics - {path.stem for path in HELP_PAGES} - cli.commands.keys() == set()


def test_every_option_is_on_the_page_of_options() -> None:
    shown = {name for name in all_options() if name.startswith("--")}
    hidden = {n for c in cli.commands.values() for p in c.params if getattr(p, "hidden", False) for n in p.opts}
    assert shown - hidden - set(OPTION.findall((HELP / "options.md").read_text("utf-8"))) == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if not target.startswith(("https://", "#")):
            assert (page.parent / target.partition("#")[0]).is_file(), target


def test_a_page_of_help_needs_no_file_outside_its_folder() -> None:
    """A container has no checkout."""
    for page in HELP_PAGES:
        assert [
            target for target in LINK.findall(page.read_text("utf-8")) if "/" in target and "://" not in target
        ] == []


def test_the_readme_names_every_page() -> None:
    named = set(LINK.findall(README.read_text("utf-8")))
    assert {f"replicator/help/{page.name}" for page in HELP_PAGES} <= named


def test_the_tests_that_the_readme_names_are_there() -> None:
    named = re.findall(r"`(test_\w+\.py)`", README.read_text("utf-8"))
    assert len(named) == 9
    assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []


def test_the_readme_is_short() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    assert [line for line in lines if len(line) > WIDEST] == []


def test_the_two_commands_of_the_readme_are_there() -> None:
    text = README.read_text("utf-8")
    assert '\n    pip install ".[demo]" && python -m replicator demo\n' in text
    assert '\n    pip install -e ".[test]" && pytest\n' in text


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_sentences_are_short(page: Path) -> None:
    assert [s for s in [*sentences(page), *cells(page)] if len(s.split()) > MOST_WORDS] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_words_are_plain(page: Path) -> None:
    assert [match[0] for match in HARD.finditer(" ".join(prose(page).split()))] == []


def test_every_exit_code_has_its_advice() -> None:
    from replicator import errors

    codes = {str(c.exit_code) for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception) and
             hasattr(c, "exit_code")} | {"70"}  # fmt: skip
    for name in ("exit-codes", "when-it-failed"):
        named = re.findall(r"(?m)^\| (\d+) \|", (HELP / f"{name}.md").read_text("utf-8"))
        assert codes <= set(named)
