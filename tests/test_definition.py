"""All parts of a definition at once: rows, keys, columns, masks and names. Judged by SQL on both databases."""

import pytest

from replicator import clone, plan, verify
from replicator.settings import Settings
from tests.fix_servers import SOME, Database

pytestmark = SOME

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.regions (id int PRIMARY KEY, name text);
CREATE TABLE shop.customers (id int PRIMARY KEY, email text UNIQUE, note text, region int REFERENCES shop.regions,
                             referrer int REFERENCES shop.customers, joined timestamptz NOT NULL);
CREATE TABLE shop.orders (id int, customer_email text REFERENCES shop.customers (email), at date, sum numeric,
                          PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE shop.orders_2025 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.orders_2026 PARTITION OF shop.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE shop.log (id serial PRIMARY KEY, line text);
CREATE VIEW shop.notes AS SELECT id, note FROM shop.customers;
CREATE VIEW shop.per_customer AS SELECT customer_email, sum(sum) FROM shop.orders GROUP BY 1;
CREATE MATERIALIZED VIEW shop.totals AS SELECT region, count(*) FROM shop.customers GROUP BY 1;
INSERT INTO shop.regions SELECT g, 'region ' || g FROM generate_series(1, 10) g;
INSERT INTO shop.customers
SELECT g, 'customer' || g || '@web.example', 'secret ' || g, 1 + g % 5, nullif(g / 2, 0), now() - g * interval '1 day'
  FROM generate_series(1, 200) g;
INSERT INTO shop.orders
SELECT g, 'customer' || 1 + g % 200 || '@web.example', date '2025-06-01' + g % 365, g FROM generate_series(1, 1000) g;
INSERT INTO shop.log (line) SELECT 'line ' || g FROM generate_series(1, 50) g;
ANALYZE;
"""
DEFINITION = {
    "tables": {
        "shop.customers": {"where": "joined > now() - interval '150 days'", "exclude_columns": ["note"],
                           "extra": {"copied": "now()", "shouting": "upper(email)"}, "dangling": "null"},
        "shop.orders": {"where": "sum < 900", "dangling": "drop"},
        "shop.log": {"where": "id > 10"},
    },
    "subset": {"roots": {"shop.customers": "id % 10 = 0"}, "limit": 12},
    "mask": {"shop.customers": {"email": "email"}},
    "rename": {"schemas": {"shop": "raw"}, "tables": {"shop.customers": "clients"}},
}  # fmt: skip
KEY = "0123456789abcdef-a-key-of-a-test-0123456789"
ROOTS = [10 * n for n in range(1, 13)]


def followed() -> set[int]:
    """Return the roots, the customers whom they referred, and so on, if the filter lets them."""
    found, queue = set(ROOTS), list(ROOTS)
    while queue:
        one = queue.pop()
        more = {other for other in (2 * one, 2 * one + 1) if other < 150} - found
        found |= more
        queue += more
    return found


def copied(customers: set[int]) -> set[int]:
    """Return these customers with whoever referred them, to the end."""
    return {one >> n for one in customers for n in range(8)} - {0}


@pytest.mark.parametrize("replace", [None, "swap"])
def test_all_parts_work_together(pair: tuple[Database, Database], replace: str | None) -> None:
    source, destination = pair
    source.run(SHOP)
    settings = {"definition": DEFINITION, "mask_key": KEY, "jobs": 3}
    if replace:
        destination.run("CREATE TABLE old ()")
        settings["replace"] = replace
    planned = plan(Settings(source.dsn, destination.dsn, **settings))
    assert any("shop.notes" in str(loss) for loss in planned.plan.excluded)
    as_of = source.value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')")
    clone(Settings(source.dsn, destination.dsn, verify=True, as_of=as_of, **settings))

    assert {row[0] for row in destination.rows("SELECT id FROM raw.clients")} == copied(followed())
    emails = ", ".join(f"'customer{id}@web.example'" for id in sorted(followed()))
    orders = f"SELECT id FROM shop.orders WHERE sum < 900 AND customer_email IN ({emails}) ORDER BY 1"
    assert destination.rows("SELECT id FROM raw.orders ORDER BY 1") == source.rows(orders)
    assert destination.value("SELECT count(*) FROM raw.orders o JOIN raw.clients c ON c.email = o.customer_email") == (
        destination.value("SELECT count(*) FROM raw.orders")
    )
    assert destination.value("SELECT count(*) FROM raw.clients WHERE email LIKE '%web.example'") == 0
    assert destination.value("SELECT count(DISTINCT copied) FROM raw.clients") == 1
    assert destination.value("SELECT count(*) FROM raw.log") == 40
    assert destination.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'raw.clients'::regclass"
                             " AND attname IN ('note', 'referrer') AND NOT attisdropped") == 1  # fmt: skip
    assert destination.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated") == 0
    assert destination.value("SELECT count FROM raw.totals ORDER BY 1 LIMIT 1") is not None
    assert destination.rows("SELECT nspname FROM pg_namespace WHERE nspname = 'shop'") == []

    settings.pop("replace", None)
    again = Settings(source.dsn, destination.dsn, as_of=as_of, **settings)
    assert verify(again).equal
    destination.run("UPDATE raw.clients SET shouting = email WHERE id = 10; DELETE FROM raw.log WHERE id = 11")
    assert sorted(d.what for d in verify(again).differences) == ["table raw.clients", "table raw.log"]
