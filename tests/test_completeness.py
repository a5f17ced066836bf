"""Nothing that pg_dump knows is forgotten. Its list is literal: a new version's additions must be given a place."""

from replicator.catalog import BY_NAME
from replicator.model import Phase

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
