"""What looks personal: suggested, and refused while it has no rule. Where the key of the masks is not."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from replicator.settings.definition import Definition
from replicator.settings.mask_key import startup
from replicator.shaping.masks import looks
from replicator.shaping.masks.value import Family
from tests.fix_cli import NEWEST, SHORT_WAIT, Run, both, refuses, runs
from tests.fix_pooler import pooled
from tests.fix_servers import SOME, Database, Servers
from tests.test_masks import KEY, define

PEOPLE = """
CREATE TABLE "Kunden" (id int PRIMARY KEY, "eMail_Adresse" text, vorname text, strasse text, plz char(5),
    "Größe" int, notiz text, "x""y" text);
CREATE TABLE log (at timestamptz, c1 text, c2 text, c3 text, c4 text, c5 inet, c6 jsonb, c7 text, sent_email_count int);
CREATE TABLE mails (email text PRIMARY KEY);
    CREATE TABLE refers (who text REFERENCES mails (email), email_sent boolean);
INSERT INTO "Kunden" SELECT g, 'k' || g || '@web.de', 'V' || g, 'S', '12345', 180, 'n',
    'k' || g || '@web.de' FROM generate_series(1, 50) g;
INSERT INTO log SELECT now(), 'a' || g || '@b.de', '+49 89 1234' || g, '4111111111111111',
    'DE89 3704 0044 0532 0130 00', '10.0.0.1',
    '{"user": {"email": "a@b.de", "n": 1}}', 'word ' || g, g FROM generate_series(1, 50) g;
INSERT INTO mails SELECT 'm' || g || '@x.de' FROM generate_series(1, 9) g; INSERT INTO refers SELECT email FROM mails;
ANALYZE;
"""


@SOME
def test_what_looks_personal_is_suggested_until_it_has_a_rule(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    database.run(PEOPLE)
    text = runs(replicator("suggest-masks", "--source", database.dsn, *SHORT_WAIT))
    found = Definition.of(tomllib.loads(text)).mask
    masks = {f"{name.table}.{column}": rule.mask for name, rules in found.items() for column, rule in rules.items()}
    assert masks == {
        "Kunden.eMail_Adresse": "email", "Kunden.vorname": "name", "Kunden.strasse": "address", "Kunden.plz": "text",
        'Kunden.x"y': "email", "log.c1": "email", "log.c2": "phone", "log.c3": "digits", "log.c4": "digits",
        "log.c5": "inet", "log.c6": "json", "mails.email": "email",
    }  # fmt: skip
    as_json = json.loads(runs(replicator("suggest-masks", "--json", "--source", database.dsn, *SHORT_WAIT)))
    assert len(as_json["columns"]) == len(masks)
    assert "web.de" not in text
    flags = (*define(tmp_path, '[mask."public.mails"]\nemail = "email"'), "--require-mask-review")
    refused = replicator("clone", *flags, *both(database, destination))
    refuses(refused, 3, "look personal", "public.log.c1", "suggest-masks")
    assert "mails.email" not in refused.err and "refers" not in refused.err
    runs(
        replicator("clone", "--verify", "--require-mask-review", *define(tmp_path, text), *both(database, destination))
    )
    assert destination.value("SELECT count(*) FROM log WHERE c1 LIKE '%@b.de' OR c6::text LIKE '%@b.de%'") == 0
    assert destination.value("SELECT count(*) FROM refers JOIN mails ON email = who") == 9
    plain = re.sub(r"= .*", '= "plain"', text)
    left = replicator("suggest-masks", *define(tmp_path, plain)[:2], "--source", database.dsn, *SHORT_WAIT)
    assert runs(left) == "" and "No column looks personal" in left.err


@pytest.mark.parametrize(
    ("table", "column", "what"),
    [
        ("t", "email", "e-mail"), ("t", "userEmail", "e-mail"), ("t", "E_MAIL", "e-mail"), ("t", "correo", "e-mail"),
        ("t", "telefono_movil", "phone"), ("t", "Telefonnummer", "phone"), ("t", "mobile2", "phone"),
        ("t", "prénom", "first"), ("t", "givenName", "first"), ("t", "voornaam", "first"), ("t", "last_name", "last"),
        ("t", "apellidos", "last"), ("t", "achternaam", "last"), ("t", "Straße", "address"), ("t", "billing_address",
        "address"),
        ("t", "postal_code", "postcode"), ("t", "PLZ", "postcode"), ("t", "creditCardNumber", "card"), ("t", "iban",
        "card"),
        ("t", "ssn", "official"), ("t", "passwordHash", "secret"), ("customers", "name", "table of people"),
        ("Kunde", "Ort", "table of people"), ("t", "client_ip", "IP"),
        ("t", "name", ""), ("products", "name", ""), ("t", "email_count", ""), ("t", "phone_verified", ""),
        ("t", "description", ""), ("t", "shipping", ""), ("t", "recipe", ""), ("t", "status", ""), ("t", "title", ""),
        ("t", "nominal", ""), ("t", "capacity", ""), ("t", "telescope", ""),
        ("t", "phones", "phone"), ("t", "addresses", "address"), ("t", "ibans", "card"), ("users", "names", "people"),
        ("t", "geburtsdatum", "date of birth"), ("t", "birth_date", "date of birth"), ("t", "status_codes", ""),
    ],
)  # fmt: skip
def test_names_in_several_languages(table: str, column: str, what: str) -> None:
    found = looks.guess(table, column, Family.TEXT, ())
    assert (what in found[1]) if what and found else found is None if not what else False, found


@SOME
def test_arrays_documents_and_other_types_are_looked_at(
    database: Database, destination: Database, replicator: Run, tmp_path: Path
) -> None:
    database.run("""
        CREATE TABLE late (q text, empty text); CREATE TABLE few (q text); INSERT INTO few VALUES ('a@b.de');
        INSERT INTO late SELECT CASE g % 2 WHEN 0 THEN 'x' END FROM generate_series(1, 100000) g;
        INSERT INTO late SELECT g || 'a@b.de' FROM generate_series(1, 20000) g;
        CREATE TABLE t (c1 text[], c2 jsonb, c3 jsonb, ssn int, plz numeric(5), birth_date text, phones text[]);
        INSERT INTO t SELECT ARRAY[g || 'a@b.de', g || 'c@d.de'], jsonb_build_array(g || 'e@f.de'),
            to_jsonb(g || 'e@f.de'), 123456789 + g, 12345, '1977-07-07', NULL FROM generate_series(1, 50) g;
    """)
    text = runs(replicator("suggest-masks", "--source", database.dsn, *SHORT_WAIT))
    few, late, rules = Definition.of(tomllib.loads(text)).mask.values()
    assert few["q"].mask == late["q"].mask == "email" and len(late) == 1
    assert {column: rule.mask for column, rule in rules.items()} == {
        "c1": "email", "c2": "json", "c3": "json", "ssn": "digits", "plz": "digits", "birth_date": "text",
        "phones": "phone",
    }  # fmt: skip
    runs(replicator("clone", "--verify", *define(tmp_path, text), *both(database, destination)))
    assert destination.value("SELECT count(*) FROM t WHERE t::text LIKE '%@b.de%' OR t::text LIKE '%e@f.de%'") == 0


@pytest.mark.parametrize(
    ("values", "mask"),
    [
        (["a@b.de"] * 9, "email"), (["2001:db8::1", "10.0.0.1"] * 9, "inet"), (["+49 89 12345"] * 9, "phone"),
        (["4111111111111111"] * 9, "digits"), (["GB82 WEST 1234 5698 7654 32"] * 9, "digits"),
        ([f"Maria H{c}" for c in "abcdefghijkl"], "name"), (["2020-01-02", "2021-03-04"] * 9, None),
        (["12345678"] * 9, None),
        (["4111111111111112"] * 9, None), (["1.2.3"] * 9, None), (["red", "green", "blue"], None), ([], None),
        (["10:30:00"] * 9, None), (["note about a@b.de"] * 9, None),
    ],
)  # fmt: skip
def test_values(values: list[str], mask: str | None) -> None:
    found = looks.guess("t", "c", Family.TEXT, values)
    assert (found[0].mask if found else None) == mask, found


@SOME
def test_the_key_is_in_no_log_of_the_source(
    servers: Servers, major: int, replicator: Run, tmp_path: Path, destination: Database
) -> None:
    source = servers.database(major)
    source.run("CREATE TABLE t (v text); INSERT INTO t VALUES ('x')")
    loud = {"log_min_messages": "debug5", "log_statement": "all", "log_connections": "on", "debug_print_plan": "on",
            "log_min_duration_statement": "0", "log_error_verbosity": "verbose"}  # fmt: skip
    for name, value in loud.items():
        source.run(f"ALTER SYSTEM SET {name} = '{value}'")
    source.run("SELECT pg_reload_conf(), pg_sleep(0.5)")
    log = source.server.folder / "log"
    before = log.stat().st_size
    try:
        runs(
            replicator(
                "clone", "--verify", *define(tmp_path, '[mask."public.t"]\nv = "text"'), *both(source, destination)
            )
        )
    finally:
        source.run("ALTER SYSTEM RESET ALL")
        source.run("SELECT pg_reload_conf()")
    written = log.read_bytes()[before:]
    assert b"mask_inner" in written, "the statements are in the log"
    for secret in (KEY, *startup(KEY).values()):
        assert secret.encode() not in written
        assert secret[:32].encode() not in written


def test_a_pooler_does_not_get_the_key(servers: Servers, replicator: Run, tmp_path: Path) -> None:
    source, destination = servers.database(NEWEST), servers.database(NEWEST)
    source.run("CREATE TABLE t (v text); INSERT INTO t VALUES ('x')")
    with pooled(source.dsn, "session") as (pool, dsn):
        flags = ("--source", dsn, "--destination", destination.dsn, *SHORT_WAIT)
        result = replicator("clone", *define(tmp_path, '[mask."public.t"]\nv = "text"'), *flags)
        assert pool.given and not any(b"mask_inner" in startup for startup in pool.given)
    refuses(result, 3, "connection pooler")
    assert destination.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND oid >= 16384") == []
