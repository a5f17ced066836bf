"""Nothing that pg_dump knows is forgotten. Its list is literal: a new version's additions must be given a place."""

import re
from pathlib import Path

import pytest

from replicator.catalog import BY_NAME
from replicator.checks.known import NEWEST
from replicator.demo.server import embedded_bin
from replicator.model import Phase
from tests import news
from tests.fix_servers import CLIENTS, NEWER_CLIENTS, VERSIONS

DUMPABLE_OBJECT_TYPES = {
    "DO_NAMESPACE": "schema",
    "DO_EXTENSION": "extension",
    "DO_TYPE": "base_type composite_type domain enum_type range_type",
    "DO_SHELL_TYPE": "base_type",
    "DO_FUNC": "function",
    "DO_AGG": "aggregate",
    "DO_OPERATOR": "operator",
    "DO_ACCESS_METHOD": "access_method",
    "DO_OPCLASS": "operator_class",
    "DO_OPFAMILY": "operator_family",
    "DO_COLLATION": "collation",
    "DO_CONVERSION": "conversion",
    "DO_TABLE": "table foreign_table view matview sequence sequence_owner column_setting row_security replica_identity "
    "clustered_index",
    "DO_TABLE_ATTACH": "table_attach",
    "DO_ATTRDEF": "table foreign_table view",
    "DO_INDEX": "index index_setting",
    "DO_INDEX_ATTACH": "index_attach",
    "DO_STATSEXT": "statistics",
    "DO_RULE": "rule",
    "DO_TRIGGER": "trigger",
    "DO_CONSTRAINT": "constraint not_valid_check",
    "DO_FK_CONSTRAINT": "foreign_key",
    "DO_PROCLANG": "language",
    "DO_CAST": "cast",
    "DO_TSPARSER": "text_search_parser",
    "DO_TSDICT": "text_search_dictionary",
    "DO_TSTEMPLATE": "text_search_template",
    "DO_TSCONFIG": "text_search_configuration",
    "DO_FDW": "foreign_data_wrapper user_mapping",
    "DO_FOREIGN_SERVER": "foreign_server",
    "DO_DEFAULT_ACL": "default_acl",
    "DO_TRANSFORM": "transform",
    "DO_EVENT_TRIGGER": "event_trigger",
    "DO_POLICY": "policy row_security",
    "DO_PUBLICATION": "publication",
    "DO_PUBLICATION_REL": "publication_table",
    "DO_PUBLICATION_TABLE_IN_SCHEMA": "publication_schema",
    "DO_SUBSCRIPTION": "subscription",
}
"""pg_dump.h, DumpableObjectType (18.6), and the kinds that make each."""

STEPS = {
    "DO_TABLE_DATA": Phase.DATA,
    "DO_SEQUENCE_SET": Phase.SEQUENCES,
    "DO_LARGE_OBJECT": Phase.LARGE_OBJECTS,
    "DO_LARGE_OBJECT_DATA": Phase.LARGE_OBJECTS,
    "DO_REFRESH_MATVIEW": Phase.REFRESH,
    "DO_REL_STATS": Phase.STATISTICS,
}
"""What is no object of a schema, and the phase that does it."""

REASONS = {
    "DO_DUMMY_TYPE": "a row or array type, which its table or element type makes",
    "DO_PRE_DATA_BOUNDARY": "the plan has needs instead of boundaries",
    "DO_POST_DATA_BOUNDARY": "the plan has needs instead of boundaries",
    "DO_SUBSCRIPTION_REL": "dumped for pg_upgrade only",
}

FACETS = {"comment", "security_label", "acl"}
"""pg_dump has no type for these: they are components of the others."""


def test_every_type_of_pg_dump_has_a_kind_a_step_or_a_reason() -> None:
    assert len(DUMPABLE_OBJECT_TYPES) + len(STEPS) + len(REASONS) == 48
    assert all(name in BY_NAME for names in DUMPABLE_OBJECT_TYPES.values() for name in names.split())


def test_every_kind_is_of_a_type_of_pg_dump() -> None:
    made = {name for names in DUMPABLE_OBJECT_TYPES.values() for name in names.split()}
    assert BY_NAME.keys() - made == FACETS


KINDS, SQL = "tests/kinds", "replicator/catalog/kinds"
NEW_SINCE_18 = {
    ", ALL SEQUENCES": f"{KINDS}/publication.sql",
    "FOR ALL SEQUENCES": f"{KINDS}/publication.sql",
    "EXCEPT (": f"{KINDS}/publication.sql",
    "TABLE ONLY %s": f"{KINDS}/publication.sql",
    "prexcept": f"{SQL}/publication.sql",
    "puballsequences": f"{SQL}/publication.sql",
    ", SUPPORT = %s": f"{KINDS}/aggregate.sql",
    "CONNECTION %s": f"{KINDS}/foreign_data_wrapper.sql",
    "fdwconnection": f"{SQL}/foreign_data_wrapper.sql",
    "CREATE SUBSCRIPTION %s": f"{KINDS}/subscription.sql",
    "CONNECTION": f"{KINDS}/subscription.sql",
    ", max_retention_duration = %d": f"{KINDS}/subscription.sql",
    ", retain_dead_tuples = true": f"{KINDS}/subscription.sql",
    ", wal_receiver_timeout = %s": f"{KINDS}/subscription.sql",
    "submaxretention": f"{SQL}/subscription.sql",
    "subretaindeadtuples": f"{SQL}/subscription.sql",
    "subserver": f"{SQL}/subscription.sql",
    "subwalrcvtimeout": f"{SQL}/subscription.sql",
    "SELECT * FROM pg_catalog.pg_restore_extended_stats(": "replicator/work/restore_extended.sql",
}
"""What pg_dump 19rc1 says and 18.6 does not, and the file that shows it."""
NOTHING_NEW = {
    "EXTENDED STATISTICS DATA": "a heading of statistics",
    "PGLOCALEDIR": "for the program's own messages",
    "dbid": "how it finds the labels of large objects",
}


@pytest.mark.skipif(not NEWER_CLIENTS, reason="no pg_dump that is newer than the wheel's")
def test_what_a_newer_pg_dump_says_has_a_place() -> None:
    said = news.said(CLIENTS / "pg_dump") - news.said(embedded_bin() / "pg_dump")
    assert said - NEW_SINCE_18.keys() - NOTHING_NEW.keys() == set()
    assert VERSIONS[-1] == NEWEST


@pytest.mark.parametrize(("text", "file"), NEW_SINCE_18.items())
def test_what_is_new_is_shown(text: str, file: str) -> None:
    words = re.findall(r"\w+", re.sub("%[sd]", "", text).rpartition(".")[2])
    assert re.search(r"\W+".join(words), Path(__file__).parents[1].joinpath(file).read_text("utf-8"))


def test_a_source_is_read_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "src/bin/pg_dump"
    folder.mkdir(parents=True)
    old, new = 'appendPQExpBufferStr(q, " WITH GRANT");', 'if (fout->remoteVersion >= 200000)\n\t" FOR ALL VIEWS");'
    (folder / "pg_dump.c").write_text(f"if (fout->remoteVersion >= 190000)\n{old}\n{new}\n")
    (folder / "pg_dump.h").write_text("{\n\tDO_NAMESPACE,\n\tDO_VIEW_GROUP,\n}\n")
    assert news.said(tmp_path) == {"WITH GRANT", "FOR ALL VIEWS", "type DO_NAMESPACE", "type DO_VIEW_GROUP"}
    assert list(news.branches(tmp_path)) == ["pg_dump.c:3: if (fout->remoteVersion >= 200000)"]
