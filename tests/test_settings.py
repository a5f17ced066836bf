import os

import pytest
from psycopg import conninfo

from replicator import clean, status, validate
from replicator.cli.file import File
from replicator.errors import UsageError
from replicator.model import Format, Statistics
from replicator.settings import MOST_DEFAULT_JOBS, Settings, default_jobs, from_flags
from replicator.settings.conninfo import check_conninfo

SECRET = "hunter2"


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file and reads it as the configuration."""

    def read(text):
        path = tmp_path / "config.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return File(path).options()

    return read


def refused(call, *arguments):
    """The message, the hint and all that a traceback would show of a UsageError."""
    with pytest.raises(UsageError) as raised:
        call(*arguments)
    error = raised.value
    shown = f"{error} {error.hint} {error!r}"
    while error := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        shown += f" {error}"
    return shown


def test_the_tables_of_a_file_become_conninfo_strings_and_options_by_name(file):
    config = file("""
        [source]
        host = "db"
        port = 5433
        password = "a 'b' \\\\"
        [destination]
        service = "copy"
        [options]
        jobs = 4
        owner = false
    """)
    assert conninfo.conninfo_to_dict(config.pop("source")) == {"host": "db", "port": "5433", "password": "a 'b' \\"}
    assert config == {"destination": "service=copy", "jobs": 4, "owner": False}


def test_an_empty_file_sets_nothing(file):
    assert file("# nothing") == {}


def test_a_table_that_is_not_there_leaves_its_side_alone(file):
    assert file("[source]\nhost = 'db'") == {"source": "host=db"}


def test_tables_that_nobody_knows_are_refused_by_name(file):
    assert "config.toml:1: unknown table target." in refused(file, "[target]\n[sauce]\n[source]")
    assert "config.toml:2: unknown table sauce." in refused(file, "[source]\n[sauce]")


@pytest.mark.parametrize("side", ["source", "destination", "options"])
def test_a_string_instead_of_a_table_is_refused_and_not_shown(file, side):
    shown = refused(file, f"{side} = 'postgresql://me:{SECRET}@db'")
    assert f"config.toml:1: {side} is not a table: write [{side}] on a line of its own." in shown
    assert SECRET not in shown


def test_what_is_not_toml_is_refused_with_its_place_and_not_shown(file):
    shown = refused(file, f'[source]\npassword = "{SECRET}\nhost = "db"')
    assert "not valid TOML" in shown
    assert "line 2" in shown
    assert SECRET not in shown


def test_bytes_that_are_not_utf_8_are_refused(file):
    assert "not valid TOML" in refused(file, b"[source]\nhost = '\xff'")


def test_a_file_that_is_not_there_is_refused_with_the_reason(tmp_path):
    shown = refused(File, tmp_path / "none.toml")
    assert "none.toml" in shown
    assert os.strerror(2) in shown


@pytest.mark.parametrize("key", ["passwrod", '"pass word"', '"a=\'"', '"a=b"', '""'])
def test_a_key_that_libpq_does_not_know_is_refused_without_its_value(file, key):
    shown = refused(file, f"[destination]\n{key} = '{SECRET}'")
    assert "config.toml:2: unknown key of libpq" in shown  # where it is: in the table [destination]
    assert SECRET not in shown


def test_a_key_that_libpq_does_not_know_is_named(file):
    shown = refused(file, "[source]\npasswrod = 'x'")
    assert "unknown key of libpq passwrod." in shown
    assert "Did you mean password?" in shown


@pytest.mark.parametrize("value", ["[1, 2]", "{ a = 1 }", "2026-01-01", "true"])
def test_a_value_that_is_neither_text_nor_a_number_is_refused_by_its_key(file, value):
    assert "port" in refused(file, f"[source]\nport = {value}")


def test_a_value_that_a_conninfo_cannot_hold_is_refused(file):
    assert SECRET not in refused(file, f'[source]\npassword = "{SECRET}\\u0000tail"')


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://me:{SECRET}%@db/shop",
        f"postgresql://me:{SECRET}@db/shop?foo=1",
        f"postgresql://me:{SECRET}@[::1/shop",
        f"postgresql://me:{SECRET} more@db/shop",
        f"password={SECRET} host",
        f"password='{SECRET}",
        f"{SECRET}",
        f"passwort={SECRET}",
        f"password={SECRET}\udcff",  # an argument that is not UTF-8
    ],
)
def test_a_conninfo_that_cannot_be_read_is_refused_and_never_shown(dsn):
    shown = refused(check_conninfo, dsn, "--source")
    assert "--source" in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("host=db prt=5", 'a key that libpq does not know: "prt". Did you mean port?'),
        ("host=db password=x prt=5", 'a key that libpq does not know: "prt". Did you mean port?'),
        ("host=db zzz=5", 'a key that libpq does not know: "zzz". None'),
        ("postgresql://db/shop?sslmod=require", '"sslmod". Did you mean sslmode?'),
        ("password=hun zzz=5", "neither a URL"),  # may be a part of the password
        (f"postgresql+psycopg://me:{SECRET}@db/shop", "begins with postgresql+psycopg, a scheme"),
        (f"postgresql+psycopg://me:{SECRET}@db/shop?sslmode=require", "Write postgresql:// instead"),
    ],
)
def test_what_is_wrong_with_a_conninfo_is_named(dsn, words):
    shown = refused(check_conninfo, dsn, "--source")
    assert words in shown
    assert SECRET not in shown


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_side_that_a_file_names_twice_is_refused(file, side):
    shown = refused(file, f"[{side}]\nhost = 'db'\n[options]\n{side} = 'host=other'")
    assert f"config.toml:4: {side} is given twice: in [options] and as the table [{side}]." in shown


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:hun/ter2@db/shop",
        "postgresql://me:hun@ter2@db/shop",
        "postgresql://me:hun@a/ter2@db/shop",
        "postgres://me:12/ter2@db/shop",
        "postgresql://me:12/x?user=ter2@db/shop",
        "postgresql://me:hun@a?sslmode=ter2@db/shop",
        "host=db dbname=postgresql://me:hunter2@db/shop",
        "dbname='postgresql://me:hunter2@db/shop'",
    ],
)
def test_a_url_whose_password_needs_percent_encoding_is_refused(dsn):
    # libpq takes a part of the password for the port or the host, and every message about these would show it.
    shown = refused(check_conninfo, dsn, "--source")
    assert "ter2" not in shown


@pytest.mark.parametrize(
    "dsn",
    ["", "host=/tmp", "postgresql://", "postgres://a:1,b:2/db", "postgresql://me:a%40b%2F@[::1]:5432/db", "port=''"],
)
def test_a_conninfo_that_libpq_can_read_is_returned_as_it_is(dsn):
    assert check_conninfo(dsn, "--source") == dsn


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"format": Format.TEXT}, None),
        ({"statistics": Statistics.NONE}, None),
        ({"split_larger_than": 0}, None),
        ({"owners": False, "privileges": False}, None),
        ({"statistics": Statistics.TRANSFER}, "--statistics would have no effect"),
        ({"split_larger_than": 10**9}, "--split-larger-than"),
        ({"roles": True, "create_tablespaces": True, "downgrade": True}, "--roles, --tablespaces, --downgrade"),
        ({"tablespaces": False, "skip_unprivileged": True}, "--no-tablespaces, --skip-unprivileged"),
        ({"create": True}, "--create"),
        ({"replace": "drop"}, "exclude each other"),
    ],
)
def test_data_only_refuses_what_it_does_not_do(given, words):
    def settings():
        return from_flags(source="host=a", destination="host=b", data_only=True, **given)

    if words:
        assert words in refused(settings)
    else:
        settings()


@pytest.mark.parametrize(("source", "destination", "side"), [("x", "", "source"), ("", "x", "destination")])
def test_settings_say_which_side_is_wrong(source, destination, side):
    assert f"`{side}` is" in refused(Settings, source, destination)
    assert f"--{side} is" in refused(lambda: from_flags(source=source, destination=destination))


def test_the_library_names_fields_and_the_command_line_flags():
    given = {"source": "host=a", "destination": "host=b", "replace": "swap", "defer_indexes": True}
    assert "`replace=swap` puts" in refused(lambda: Settings(**given))
    assert "--replace swap puts" in (shown := refused(lambda: from_flags(**given)))
    assert "use --replace drop" in shown
    given = {"source": "host=a", "destination": "host=b", "keep_previous": 1}
    assert "`keep_previous` needs `replace=swap`." in refused(lambda: Settings(**given))
    assert "--keep-previous needs --replace swap." in refused(lambda: from_flags(**given))


def test_settings_do_not_show_passwords_when_printed():
    settings = Settings(f"postgresql://me:{SECRET}@db", f"password={SECRET}")
    assert SECRET not in repr(settings)


def test_there_is_one_job_for_each_processor_but_not_more_than_eight(monkeypatch):
    for processors, jobs in ((1, 1), (4, 4), (64, MOST_DEFAULT_JOBS)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=processors: set(range(n)), raising=False)
        assert default_jobs() == Settings("host=a", "host=b").jobs == jobs


def test_lanes_have_as_many_workers_as_there_are_jobs_unless_told_otherwise():
    def lanes(**given):
        settings = Settings("host=a", "host=b", **given)
        return settings.workers, settings.lanes["copy"], settings.lanes["index"]

    assert lanes(jobs=4) == (4, 4, 4)
    assert lanes(jobs=4, copy_jobs=1) == (4, 1, 4)
    assert lanes(jobs=2, copy_jobs=4, index_jobs=3) == (7, 4, 3)


@pytest.mark.parametrize("key", ["password", "sslpassword", "oauth_client_secret", "scram_client_key"])
def test_any_secret_in_a_file_that_others_can_read_is_seen(key, tmp_path):
    path = tmp_path / "replicator.toml"
    path.write_text(f"[source]\nhost = 'db'\n{key} = '{SECRET}'\n")
    for mode, exposed in ((0o644, True), (0o600, False)):
        path.chmod(mode)
        assert File(path).exposes_password(File(path).options()) is exposed


def given(**options):
    """Settings of two servers that do not exist."""
    return Settings(**{"source": "host=a", "destination": "host=b", **options})


@pytest.mark.parametrize(
    ("options", "takes"),
    [
        ({"jobs": "4"}, "a whole number of at least 1, not '4'"),
        ({"jobs": 0}, "a whole number of at least 1, not 0"),
        ({"jobs": 2.5}, "a whole number of at least 1, not 2.5"),
        ({"jobs": True}, "a whole number of at least 1, not True"),
        ({"copy_jobs": -2}, "a whole number of at least 1, not -2"),
        ({"wait_attempts": 0}, "a whole number of at least 1, not 0"),
        ({"show_rows": -1}, "a whole number of at least 0, not -1"),
        ({"replace": "Swap"}, "'swap' or 'drop' or None, not 'Swap'"),
        ({"statistics": "foo"}, "'transfer' or 'analyze' or 'none' or None, not 'foo'"),
        ({"format": "csv"}, "'auto' or 'text' or 'binary', not 'csv'"),
        ({"resume": "per_table"}, "'no' or 'same-snapshot' or 'per-table', not 'per_table'"),
        ({"relay": "off"}, "True or False, not 'off'"),
        ({"verify": 2}, "True or False, not 2"),
        ({"source_encoding": 3}, "a string or None, not 3"),
        ({"max_rate": "50MB/s"}, "bytes a second, a whole number greater than 0, not '50MB/s'"),
        ({"max_rate": 0}, "bytes a second, a whole number greater than 0, not 0"),
        ({"split_larger_than": "auto"}, "bytes, a whole number of at least 0, not 'auto'"),
        ({"maintenance_work_mem": 0}, "bytes, a whole number greater than 0, not 0"),
        ({"replace": "swap", "keep_previous": -1}, 'a whole number of at least 0, or "all", not -1'),
        ({"replace": "swap", "keep_previous": "some"}, "a whole number of at least 0, or \"all\", not 'some'"),
        ({"lock_timeout": -1}, "seconds, at most 2147483.647 (24 days), not -1"),
        ({"lock_timeout": 8_640_000}, "seconds, at most 2147483.647 (24 days), not 8640000"),
        ({"retry_seconds": "10m"}, "a duration of at most 10 years, in seconds, not '10m'"),
        ({"wait_delay": float("nan")}, "a duration of at most 10 years, in seconds, not nan"),
        ({"wait_delay": float("inf")}, "a duration of at most 10 years, in seconds, not inf"),
        ({"hold_snapshot_seconds": 1e300}, "a duration of at most 10 years, in seconds, not 1e+300"),
        ({"stall_seconds": 0}, "a duration greater than 0, of at most 10 years, in seconds, not 0"),
        ({"exclude_extension": "citext"}, "a tuple of strings, not 'citext'"),
        ({"include": ("a", 1)}, "a tuple of strings, not ('a', 1)"),
    ],
)
def test_a_value_that_a_field_does_not_take_is_refused(options, takes):
    *_, name = options
    assert f"`{name}` takes {takes}." in refused(lambda: given(**options))


@pytest.mark.parametrize("value", [None, SECRET.encode(), 3])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_server_is_a_string_and_never_shown(side, value):
    shown = refused(lambda: given(**{side: value}))
    assert f"`{side}` takes a string, not {type(value).__name__}." in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("format", "text", Format.TEXT),
        ("statistics", "none", Statistics.NONE),
        ("include", ["a", "b"], ("a", "b")),
        ("max_rate", 5e6, 5_000_000),
        ("verify", 1, True),
        ("retry_seconds", 0, 0),
        ("lock_timeout", 2_147_483.647, 2_147_483.647),
        ("split_larger_than", 0, 0),
    ],
)
def test_a_value_becomes_what_its_field_has(name, value, meant):
    found = getattr(given(**{name: value}), name)
    assert found == meant
    assert type(found) is type(meant)


def test_a_flag_is_named_where_a_duration_is_too_long():
    options = {"source": "host=a", "destination": "host=b"}
    assert "--hold-snapshot takes a duration of at most" in refused(
        lambda: from_flags(**options, hold_snapshot_seconds=1e20)
    )
    assert "--stall-timeout takes a duration greater than 0" in refused(lambda: from_flags(**options, stall_seconds=0))


@pytest.mark.parametrize("command", [status, clean, validate])
def test_commands_without_settings_check_the_same(command):
    assert "`stall_seconds` takes" in refused(lambda: command("host=a", stall_seconds=0))
    assert "`wait_delay` takes" in refused(lambda: command("host=a", wait_delay=float("inf")))
    assert "`destination` takes a string" in refused(lambda: command(None))
