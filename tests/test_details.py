"""What an index or a foreign key is, as data beside its statements."""

import pytest

from replicator.catalog.read import read_catalog
from replicator.model import Catalog, ForeignKey, Index
from replicator.sessions import postgres
from tests.fix_servers import Database

TABLE = """
CREATE TABLE t (gone int, id int, "The n" numeric, a text, c text COLLATE "C", v varchar, r int4range);
ALTER TABLE t DROP COLUMN gone;
"""


def read(database: Database) -> Catalog:
    with postgres.connect(database.dsn) as conn, conn.transaction():
        return read_catalog(conn)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE INDEX x ON t (id) INCLUDE (a)", {"columns": (2,)}),
        ("CREATE UNIQUE INDEX x ON t (r, id)", {"columns": (7, 2), "unique": True}),
        ("CREATE INDEX x ON t (id) WHERE id > 0", {"partial": True}),
        ("CREATE INDEX x ON t (id, (id + 1))", {"columns": (2, 0)}),
        ("CREATE INDEX x ON t (id, v)", {"columns": (2, 6), "collated": True}),
        ("CREATE INDEX x ON t (c)", {"columns": (5,), "plain": False}),
        ('CREATE INDEX x ON t (a COLLATE "C")', {"columns": (4,), "plain": False}),
        ("CREATE INDEX x ON t (a text_pattern_ops)", {"columns": (4,), "plain": False, "collated": True}),
        ("CREATE INDEX x ON t (id DESC)", {"plain": False}),
        ("CREATE INDEX x ON t (id NULLS FIRST)", {"plain": False}),
        ('CREATE INDEX x ON t (id, "The n")', {"columns": (2, 3), "numeric": True}),
        ("CREATE INDEX x ON t USING gist (r)", {"columns": (7,), "method": "gist"}),
        ('ALTER TABLE t ADD CONSTRAINT x PRIMARY KEY ("The n")', {"columns": (3,), "unique": True, "numeric": True}),
        ("ALTER TABLE t ADD CONSTRAINT x UNIQUE (id, r)", {"columns": (2, 7), "unique": True}),
        ("ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING gist (r WITH &&)", {"columns": (7,), "method": "gist"}),
    ],
)
def test_an_index_is_read_with_its_keys(database: Database, statement: str, expected: dict[str, object]) -> None:
    database.run(TABLE + statement)
    catalog = read(database)
    (found,) = (o.detail for o in catalog.objects if isinstance(o.detail, Index))
    (table,) = (table.address for table in catalog.tables)
    usual = {"method": "btree", "unique": False, "partial": False, "columns": (2,)}
    usual |= {"plain": True, "numeric": False, "collated": False}
    assert found == Index(**{"relation": table, **usual, **expected})


def test_a_foreign_key_is_read_with_its_columns_in_order(database: Database) -> None:
    database.run("""
        CREATE TABLE parent (gone int, "A" int, b int, UNIQUE (b, "A"));
        ALTER TABLE parent DROP COLUMN gone;
        CREATE TABLE child (x int, y int, "of A" int);
        ALTER TABLE child ADD CONSTRAINT k FOREIGN KEY ("of A", x) REFERENCES parent ("A", b);
        ALTER TABLE child ADD CONSTRAINT l FOREIGN KEY (x, y) REFERENCES parent (b, "A") NOT VALID;
    """)
    catalog = read(database)
    child, parent = (next(t.address for t in catalog.tables if t.identity.endswith(n)) for n in ("child", "parent"))
    assert [o.detail for o in catalog.objects if o.kind == "foreign_key"] == [
        ForeignKey(child, (3, 1), ('"of A"', "x"), parent, ('"A"', "b"), valid=True),
        ForeignKey(child, (1, 2), ("x", "y"), parent, ("b", '"A"'), valid=False),
    ]
