import psycopg
import pytest
from psycopg import conninfo

from replicator.secrets import of_traceback, without_secrets
from replicator.sessions.failures import one_line
from replicator.sessions.postgres import describe, readable_encoding, with_defaults


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me:secret@db:5433/shop", "me@db:5433/shop"),
        ("postgres://me@db/shop", "me@db/shop"),
        ("postgresql://db", "db"),
        ("postgresql:///shop", "local socket/shop"),
        ("", "local socket"),
        ("host=db port=5433 dbname=shop user=me password=secret", "me@db:5433/shop"),
        ("user=me password='a secret' host=db", "me@db"),
        (r"password=a\ secret host=db user=me", "me@db"),
        (r"password='it\'s secret' host=db", "db"),
        ("hostaddr=10.0.0.1 dbname=shop password=secret", "10.0.0.1/shop"),
        ("service=shop password=secret", "service shop"),
        ("host=/run/postgresql dbname=shop sslpassword=secret", "/run/postgresql/shop"),
        ("postgresql://me:secret@a:1,b:2/shop", "me@a,b:1,2/shop"),
        ("postgresql://me:se%40cr%2Fet@db/shop", "me@db/shop"),
        ("postgresql://me:se:cret@db/shop", "me@db/shop"),
        ("postgresql://me:sec?ret#x@db/shop", "me@db/shop"),
        ("postgresql://me%40corp:secret@db/the%20shop", "me@corp@db/the shop"),
        ("postgresql://db/shop?user=me&password=secret&sslpassword=secret", "me@db/shop"),
        ("postgresql:///shop?host=/tmp&password=secret", "/tmp/shop"),
        ("postgresql://mé:sécret@db/shöp", "mé@db/shöp"),
    ],
)
def test_a_conninfo_is_described_by_user_host_port_and_database(dsn, shown):
    assert describe(dsn) == shown


def shown(text):
    return one_line(ValueError(text))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=secret host=x", "password=*** host=x"),
        ("host=x password=secret", "host=x password=***"),
        ("password = secret host=x", "password = *** host=x"),
        ("PASSWORD = 'a secret' host=x", "PASSWORD = *** host=x"),
        (r"password='it\'s secret' host=x", "password=*** host=x"),
        ("sslpassword=secret host=x", "sslpassword=*** host=x"),
        ("PGPASSWORD=secret psql", "PGPASSWORD=*** psql"),
        ("to postgresql://me:secret@db/shop now", "to postgresql://me:***@db/shop now"),
        ("postgresql://me:se:cret/?#@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql://a:secret@x and postgresql://b:secret@y", "postgresql://a:***@x and postgresql://b:***@y"),
        ("postgresql://db/shop?password=secret", "postgresql://db/shop?password=***"),
        ("invalid option\npassword=secret\n", "invalid option password=***"),
    ],
)
def test_passwords_are_masked_in_messages(text, masked):
    assert shown(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        # statements, as they stand in a message's context or in `LINE 1: …`
        "CREATE ROLE me PASSWORD 'secret'",
        "ALTER ROLE me ENCRYPTED PASSWORD 'a secret'",
        "ALTER ROLE me PASSWORD E'a secret'",
        "CREATE USER MAPPING FOR me SERVER s OPTIONS (user 'me', password 'secret')",
        "CREATE USER MAPPING FOR me SERVER s OPTIONS (\"user\" 'me', \"password\" 'secret')",
        "ALTER USER MAPPING FOR me SERVER s OPTIONS (SET password 'it''s secret')",
        "CREATE SUBSCRIPTION s CONNECTION 'host=x password=secret' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'host=x password=''a secret'' user=me' PUBLICATION p",
        r"CREATE SUBSCRIPTION s CONNECTION E'host=x password=\'a secret\' user=me' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'postgresql://me:secret@x/db' PUBLICATION p",
        "CREATE USER MAPPING FOR \"me, (too)\" SERVER s OPTIONS (\"user\" 'me', pin 'a secret', z 'another '' secret')",
        r"ALTER USER MAPPING FOR me SERVER s OPTIONS (ADD pin E'a \' secret', SET z 'secret')",
        "CREATE USER MAPPING FOR me SERVER s OPTIONS (pin 'an unfinished secret",
        "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'x', aws_access_key 'a b secret', api_key 'secret')",
        r"CREATE SUBSCRIPTION s CONNECTION E'host=x password=\'a \\\\ secret\' user=me' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'postgresql://x/db?pass%77ord=secret' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'host=x password=a secret' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'password=://secret host=x' PUBLICATION p",
        "ALTER SUBSCRIPTION s CONNECTION 'host=x password=secret'",
        "ALTER DATABASE x SET my.password TO 'a secret'",
        "password = 'it''s a secret'",
        # conninfo strings and URLs
        r"password=a\ secret host=x",
        "postgresql://me:pa@secret@db/shop",
        "postgresql://:secret@db/shop",
        "postgresql://db/shop?sslpassword=secret&user=me",
        "password='an unfinished secret",
        # other spellings
        '"password": "a secret"',
        "password: secret",
        "{'password': 'a secret'}",
        "oauth_client_secret=secret host=x",
        "scram_client_key=secret host=x",
    ],
)
def test_no_other_spelling_shows_a_password(text):
    assert "secret" not in shown(text).replace("oauth_client_secret", "")


@pytest.mark.parametrize(
    ("statement", "masked"),
    [
        (
            "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (username 'me', pin '1'); SELECT 'x'",
            "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (username 'me', pin ***); SELECT 'x'",
        ),
        (
            "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'x', token '1', port '2')",
            "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'x', token ***, port '2')",
        ),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=''no where'' password=''a b'' dbname=x' PUBLICATION p WITH (a = b)",
            "CREATE SUBSCRIPTION s CONNECTION 'host=''no where'' password=*** dbname=x' PUBLICATION p WITH (a = b)",
        ),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'postgres://me:a@b@x/db?sslmode=require&password=c' PUBLICATION p",
            "CREATE SUBSCRIPTION s CONNECTION 'postgres://me:***@x/db?sslmode=require&password=***' PUBLICATION p",
        ),
        *(
            (harmless, harmless)
            for harmless in (
                r"CREATE SUBSCRIPTION s CONNECTION E'host=\'a b\' dbname=x' PUBLICATION p",
                "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION password",
                "CREATE USER MAPPING FOR me SERVER s OPTIONS (\"user\" 'me')",
                "CREATE TABLE t (password text, token text DEFAULT 'x')",
            )
        ),
    ],
)
def test_of_a_statement_all_is_shown_that_is_no_secret(statement, masked):
    assert without_secrets(statement) == masked


def test_an_excerpt_of_a_statement_in_a_traceback_shows_no_literal():
    text = "psycopg.errors.X: no\nLINE 1: ...SERVER s OPTIONS (pin 'a ''secret'' b', z 'sec...\n      ^\n  f('kept')"
    assert "sec" not in of_traceback(text)
    assert "f('kept')" in of_traceback(text)


def test_a_word_about_passwords_stays_as_it_is():
    for text in (
        'password authentication failed for user "me"',
        "fe_sendauth: no password supplied",
        "Peer user name and password do not match.",
        "see https://www.postgresql.org/docs/18/auth-password.html",
    ):
        assert shown(text) == text


def test_a_message_becomes_one_line():
    assert shown("connection failed:\n\tIs the server\n\n  running?\n") == "connection failed: Is the server running?"


def test_an_exception_without_a_message_is_called_by_its_name():
    assert one_line(TimeoutError()) == "TimeoutError"


def test_an_error_of_the_client_is_its_text():
    assert one_line(psycopg.OperationalError("connection timeout expired")) == "connection timeout expired"


def test_what_is_given_wins_over_the_defaults():
    given = conninfo.conninfo_to_dict(with_defaults("host=x connect_timeout=3 application_name=mine", "probe"))
    assert (given["connect_timeout"], given["application_name"]) == ("3", "mine")
    assert given["keepalives_idle"] == "30"


def test_connections_say_what_they_are_for():
    assert conninfo.conninfo_to_dict(with_defaults("", "probe"))["application_name"] == "replicator probe"
    assert conninfo.conninfo_to_dict(with_defaults(""))["application_name"] == "replicator"


@pytest.mark.parametrize(("server", "client"), [("UTF8", "UTF8"), ("LATIN2", "LATIN2"), ("SQL_ASCII", "LATIN1")])
def test_all_text_of_a_database_can_be_read(server, client):
    assert readable_encoding(server) == client
