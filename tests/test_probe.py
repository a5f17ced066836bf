import psycopg
import pytest

from replicator.checks import refuse, wait
from replicator.errors import ConnectionFailed, NotReady, PreflightFailed
from replicator.events import Waiting
from replicator.model import Finding
from replicator.sessions.failures import may_pass

AT = 'connection failed: connection to server at "10.0.0.7", port 5432 failed: '


def passes(message, error=psycopg.OperationalError):
    return may_pass(error(message))


@pytest.mark.parametrize(
    "message",
    [
        f"{AT}Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
        'connection is bad: connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory\n'
        "\tIs the server running locally and accepting connections on that socket?",
        f"{AT}No route to host\n\tIs the server running on that host and accepting TCP/IP connections?",
        f"{AT}Network is unreachable",
        f"{AT}server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally",
        f"{AT}could not receive data from server: Connection reset by peer",
        f"{AT}SSL SYSCALL error: EOF detected",
        f"{AT}SSL SYSCALL error: Connection reset by peer",
        f"{AT}SSL error: unexpected eof while reading",  # the same of OpenSSL 3: a proxy without its server
        "connection timeout expired",
        f"{AT}timeout expired",
        "failed to resolve host 'db': [Errno -2] Name or service not known",
        "failed to resolve host 'db': [Errno -3] Temporary failure in name resolution",
        'could not translate host name "db" to address: Name or service not known',
    ],
)
def test_a_server_that_is_not_there_may_come(message):
    assert passes(message)


@pytest.mark.parametrize(
    "text",
    [
        "the database system is starting up",
        "the database system is shutting down",
        "the database system is in recovery mode",
        "the database system is not yet accepting connections\n"
        "DETAIL:  Recovery snapshot is not yet ready for hot standby.",
        "the database system is not accepting connections\nDETAIL:  Hot standby mode is disabled.",
        "sorry, too many clients already",
        'too many connections for role "me"',
        'too many connections for database "shop"',
        "remaining connection slots are reserved for non-replication superuser connections",
        "remaining connection slots are reserved for roles with the SUPERUSER attribute",
        'remaining connection slots are reserved for roles with privileges of the "pg_use_reserved_connections" role',
        "terminating connection due to administrator command",
        "canceling authentication due to timeout",
        "could not fork new process for connection: Cannot allocate memory",
    ],
)
def test_a_server_that_is_busy_with_itself_may_become_ready(text):
    assert passes(f"{AT}FATAL:  {text}")


@pytest.mark.parametrize(
    "text",
    [
        "das Datenbanksystem startet gerade",
        "le système de bases de données se lance",
        "el sistema de base de datos está iniciándose",
        "データベースシステムは起動しています",
    ],
)
def test_a_starting_server_may_become_ready_whatever_its_language(text):
    # These languages leave FATAL as it is. One who waits in vain is told so; one who does not wait has failed.
    assert passes(f"{AT}FATAL:  {text}")


@pytest.mark.parametrize(
    "word", ["ВАЖНО", "致命错误", "FATALT", "FATALE", "KATASTROFALNY", "ÖLÜMCÜL (FATAL)", "치명적오류"]
)
def test_a_word_for_fatal_that_is_not_known_gets_another_attempt(word):
    assert passes(f"{AT}{word}:  …")


@pytest.mark.parametrize(
    "text",
    [
        'password authentication failed for user "me"',
        'Peer authentication failed for user "me"',
        'Ident authentication failed for user "me"',
        'no pg_hba.conf entry for host "10.0.0.9", user "me", database "shop", no encryption',
        'pg_hba.conf rejects connection for host "10.0.0.9", user "me", database "shop", SSL encryption',
        'database "shop" does not exist',
        'role "me" does not exist',
        'role "me" is not permitted to log in',
        'permission denied for database "shop"\nDETAIL:  User does not have CONNECT privilege.',
        'database "shop" is not currently accepting connections',
        'unrecognized configuration parameter "nonsense"',
        'invalid value for parameter "client_encoding": "x"',
        "connection requires a valid client certificate",
        'could not access file "pg_gone": No such file or directory',
        'access to library "/x/auto_explain" is not allowed',
        'parameter "wal_level" cannot be changed without restarting the server',
        'permission denied to set parameter "log_statement"',
        "no such database: shop",
        "unsupported frontend protocol 3.2: server supports 3.0 to 3.0",
    ],
)
def test_a_server_that_refuses_will_not_change_its_mind(text):
    assert not passes(f"{AT}FATAL:  {text}")


@pytest.mark.parametrize(
    "text",
    [
        "fe_sendauth: no password supplied",
        "server does not support SSL, but SSL was required",
        "SSL error: certificate verify failed",
        "SSL error: tlsv1 alert unknown ca",
        "SSL error: tlsv13 alert certificate required",
        'server certificate for "localhost" does not match host name "10.0.0.7"',
        'root certificate file "/root/.postgresql/root.crt" does not exist\nEither provide the file, use the system\'s '
        "trusted roots with sslrootcert=system, or change sslmode to disable server certificate verification.",
        'could not read root certificate file "/x": no certificate or crl found',
        'could not load private key file "/x.key": No such file or directory',
        'private key file "/x.key" has group or world access; permissions should be u=rw (0600) or less',
        "received invalid response to SSL negotiation: H",
        "expected authentication request from server, but received H",
        "channel binding required but not supported by server's authentication request",
        'authentication method requirement "scram-sha-256" failed: server requested a cleartext password',
        "could not initiate GSSAPI security context: Unspecified GSS failure.  Minor code: No Kerberos credentials",
        "GSSAPI encryption required but it is not supported by this server",
    ],
)
def test_a_server_that_does_not_speak_as_it_should_will_not_learn(text):
    assert not passes(AT + text)


@pytest.mark.parametrize(
    "text",
    [
        'connection is bad: invalid integer value "abc" for connection option "port"',
        'connection is bad: invalid port number: "99999"',
        'connection is bad: invalid sslmode value: "foo"',
        'connection is bad: invalid target_session_attrs value: "foo"',
        'connection is bad: definition of service "nope" not found',
        'connection is bad: service file "/nope" not found',
        "could not match 3 port numbers to 1 hosts",
        "failed to resolve host 'me': [Errno -8] Servname not supported for ai_socktype",
    ],
)
def test_what_this_side_says_wrongly_stays_wrong(text):
    assert not passes(text)


def test_a_host_name_that_cannot_be_one_stays_wrong():
    assert not passes("encoding with 'idna' codec failed (UnicodeError: label empty or too long)", UnicodeError)


# Port 1 of this machine refuses, and nobody resolves .invalid: no server is needed to see what waiting does.


def test_waiting_tells_of_each_attempt_and_gives_up_after_the_last():
    told = []
    with pytest.raises(NotReady, match=r"in 3 attempts: Connection refused") as raised:
        wait("source", "host=127.0.0.1 port=1 password=secret", attempts=3, delay=0.001, emit=told.append)
    assert [(e.attempt, e.attempts, e.delay) for e in told if isinstance(e, Waiting)] == [(1, 3, 0.001), (2, 3, 0.001)]
    assert "secret" not in f"{told} {raised.value}"
    assert "--wait-attempts" in raised.value.hint


def test_waiting_ends_at_once_where_it_is_of_no_use():
    told = []
    with pytest.raises(ConnectionFailed, match=r"Cannot log in to the destination \(127\.0\.0\.1:1\): .*sslmode"):
        wait("destination", "host=127.0.0.1 port=1 sslmode=foo", attempts=3, delay=60, emit=told.append)
    assert told == []


@pytest.mark.parametrize("dsn", ["host=127.0.0.1 port=1 connect_timeout=abc", "host=a,b port=1,2,3"])
def test_a_conninfo_that_only_connecting_finds_wrong_is_no_surprise(dsn):
    with pytest.raises(ConnectionFailed):
        wait("source", dsn, attempts=2, delay=0.001, emit=lambda event: None)


def test_no_attempt_at_all_is_not_ready():
    with pytest.raises(NotReady):
        wait("source", "host=127.0.0.1 port=1", attempts=0, delay=0, emit=lambda event: None)


def test_one_fatal_finding_stops_and_others_do_not():
    note = Finding("Sorted otherwise.", "", fatal=False)
    refuse([])
    refuse([note])
    with pytest.raises(PreflightFailed) as raised:
        refuse([note, Finding("Not empty.", "Take another."), Finding("A standby.", "Take the primary.")])
    assert len(raised.value.findings) == 3
    assert (str(raised.value), raised.value.hint) == ("Not empty. A standby.", "Take another. Take the primary.")
