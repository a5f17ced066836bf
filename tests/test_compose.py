"""The Compose files, as far as that goes without an engine; their command is run for real on two local servers."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replicator.cli import cli
from replicator.demo.server import Server, reachable_folder
from tests.fix_servers import BINARIES, SETTINGS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "compose"
URLS = {"REPLICATOR_SOURCE": "source_postgres", "REPLICATOR_DESTINATION": "destination_postgres"}


def read_yaml(text: str) -> Any:
    """Read what compose.yaml uses of YAML: nested mappings, lists of scalars, JSON's lists. Anything else fails.

    >>> read_yaml('a:  # why\\n  b: c\\n  d:\\n    - "e"\\nf: [1]')
    {'a': {'b': 'c', 'd': ['e']}, 'f': [1]}
    """
    lines = [re.sub(r"(^|\s)#.*", "", line).rstrip() for line in text.splitlines()]
    return _block([line for line in lines if line])


def _block(lines: list[str]) -> Any:
    indent = re.match(" *", lines[0])[0]
    heads = [n for n, line in enumerate(lines) if re.match(rf"{indent}\S", line)]
    parts = [lines[a:b] for a, b in zip(heads, [*heads[1:], len(lines)], strict=True)]
    if lines[0].startswith(f"{indent}- "):
        return [_scalar(line.removeprefix(f"{indent}- ")) for (line,) in parts]
    pairs = [(re.fullmatch(r" *(\w+):(?: +(.+))?", head), body) for head, *body in parts]
    return {head[1]: _scalar(head[2]) if head[2] else _block(body) for head, body in pairs}


def _scalar(text: str) -> Any:
    return json.loads(text) if text[0] in '["' or text in ("true", "false") else text


def interpolated(text: str) -> str:
    """Return what Compose makes of a text when none of the variables is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


SERVICES = read_yaml(interpolated((FOLDER / "compose.yaml").read_text()))["services"]
REPLICATOR = SERVICES["replicator"]
INSTRUCTIONS = [
    tuple(line.split(maxsplit=1))
    for line in re.sub(r"(?m)^#.*\n|\\\n", "", (FOLDER / "Dockerfile").read_text()).splitlines()
    if line
]


def test_nothing_but_the_replicator_waits_for_the_servers() -> None:
    assert sorted(SERVICES) == ["destination_postgres", "replicator", "source_postgres"]
    for service in SERVICES.values():
        assert not {"depends_on", "healthcheck"} & service.keys()
    assert REPLICATOR["restart"] == "no"


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize(("variable", "service"), URLS.items())
def test_urls_lead_to_the_services_with_their_passwords(variable: str, service: str) -> None:
    server = SERVICES[service]["environment"]
    assert conninfo_to_dict(REPLICATOR["environment"][variable]) == {
        "host": service,
        "user": server["POSTGRES_USER"],
        "password": server["POSTGRES_PASSWORD"],
        "dbname": server["POSTGRES_DB"],
    }


def test_the_source_loads_the_shop() -> None:
    (mount,) = SERVICES["source_postgres"]["volumes"]
    path, inside, mode = mount.split(":")
    assert (FOLDER / path).resolve() == ROOT / "replicator" / "demo" / "shop.sql"
    assert re.fullmatch(r"/docker-entrypoint-initdb\.d/[\w.]+\.sql", inside)
    assert mode == "ro"


def test_the_image_is_slim_has_no_client_tools_and_is_not_run_by_root() -> None:
    words = [word for word, _ in INSTRUCTIONS]
    values = dict(INSTRUCTIONS)
    assert (FOLDER / REPLICATOR["build"]["context"] / REPLICATOR["build"]["dockerfile"]).samefile(FOLDER / "Dockerfile")
    assert re.fullmatch(r"python:3\.\d+-slim", values["FROM"])
    assert not re.search(r"apt|apk|postgresql", values["RUN"])
    assert int(values["USER"]) > 0
    assert words.index("USER") > words.index("RUN")
    assert json.loads(values["ENTRYPOINT"]) == ["python", "-m", "replicator"]


def test_the_image_copies_what_dockerignore_lets_through() -> None:
    copied = [path for word, value in INSTRUCTIONS if word == "COPY" for path in value.split()[:-1]]
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert sorted(copied) == sorted(line[1:] for line in ignore if line.startswith("!"))
    assert all((ROOT / path).exists() for path in copied)


def test_the_command_line_understands_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REPLICATOR["environment"].items():
        monkeypatch.setenv(name, value)
    name, *arguments = REPLICATOR["command"]
    given = cli.commands[name].make_context(name, arguments).params
    assert given["verify"]
    assert given["wait_attempts"] * given["wait_delay"] >= 60  # seconds: what a new server may take to load the shop
    assert {variable: given[variable.rpartition("_")[2].lower()] for variable in URLS} == REPLICATOR["environment"]


@contextmanager
def stopped_server(service: str) -> Iterator[Server]:
    """Hold a stopped server as the service's container makes it: user, password, database, what it loads at first."""
    name = {setting: SERVICES[service]["environment"][f"POSTGRES_{setting}"] for setting in ("USER", "PASSWORD", "DB")}
    major = int(SERVICES[service]["image"].removeprefix("postgres:"))
    with Server(BINARIES.get(major, BINARIES[18]), reachable_folder(f"compose-{major}-"), SETTINGS) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as conn:
            conn.execute(f"CREATE ROLE {name['USER']} SUPERUSER LOGIN PASSWORD '{name['PASSWORD']}'")
            conn.execute(f"CREATE DATABASE {name['DB']} OWNER {name['USER']}")
        with psycopg.connect(server.conninfo(name["DB"], user=name["USER"])) as conn:
            for mount in SERVICES[service].get("volumes", []):
                conn.execute((FOLDER / mount.split(":")[0]).read_text())
        server.stop()
        access = server.data / "pg_hba.conf"
        access.write_text(f"host all {name['USER']} all scram-sha-256\n{access.read_text()}")
        yield server


def test_the_same_command_waits_for_both_servers_clones_and_verifies() -> None:
    """The container's command and environment; only the hosts' names are replaced, by addresses."""
    with stopped_server("source_postgres") as source, stopped_server("destination_postgres") as destination:
        environment = {
            variable: make_conninfo(REPLICATOR["environment"][variable], host="127.0.0.1", port=server.port)
            for variable, server in zip(URLS, (source, destination), strict=True)
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "replicator", *REPLICATOR["command"]],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            waiting = process.stderr.readline()
            source.start()
            destination.start()
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        said = f"{shlex.join(REPLICATOR['command'])}\n{out}\n{waiting}{err}"
        assert process.returncode == 0, said
        assert "refused" in waiting, said
        assert "-secret" not in said
        with psycopg.connect(environment["REPLICATOR_DESTINATION"]) as conn:
            assert conn.execute("SELECT count(*) FROM shop.order_lines").fetchone() == (240000,)
