"""The contents of a database. `KINDS` lists the kinds of objects in creation order; `kinds/<name>.sql` reads each."""

from replicator.model import Kind, Phase

SCHEMA_KINDS = (
    Kind("schema"),
    Kind("extension"),
    Kind("language"),
    Kind("collation"),
    Kind("enum_type"),
    Kind("base_type", shell=True),
    Kind("range_type", shell=True),
    Kind("composite_type"),
    Kind("domain"),
    Kind("cast"),
    Kind("function"),
    Kind("aggregate"),
    Kind("access_method"),
    Kind("operator"),
    Kind("operator_family"),
    Kind("operator_class"),
    Kind("transform"),
    Kind("conversion"),
    Kind("text_search_parser"),
    Kind("text_search_template"),
    Kind("text_search_dictionary"),
    Kind("text_search_configuration"),
    Kind("foreign_data_wrapper"),
    Kind("foreign_server"),
    Kind("user_mapping"),
    Kind("sequence"),
    Kind("table"),
    Kind("foreign_table"),
    Kind("table_attach", turns=True),
    Kind("sequence_owner", turns=True),
    Kind("column_setting", facet=True),
    Kind("view"),
    Kind("matview"),
)

BUILD_KINDS = (
    Kind("constraint", Phase.BUILD),
    Kind("index", Phase.BUILD),
    Kind("index_attach", Phase.BUILD, turns=True),
    Kind("statistics", Phase.BUILD),
    Kind("foreign_key", Phase.BUILD),
)

FINISH_KINDS = (
    Kind("index_setting", Phase.FINISH, facet=True),
    Kind("not_valid_check", Phase.FINISH),
    Kind("rule", Phase.FINISH),
    Kind("trigger", Phase.FINISH),
    Kind("row_security", Phase.FINISH, facet=True),
    Kind("policy", Phase.FINISH),
    Kind("replica_identity", Phase.FINISH, facet=True),
    Kind("clustered_index", Phase.FINISH, facet=True),
    Kind("publication", Phase.FINISH),
    Kind("publication_table", Phase.FINISH, of_members=True),
    Kind("publication_schema", Phase.FINISH, of_members=True),
    Kind("subscription", Phase.FINISH, superuser=True),
    Kind("comment", Phase.FINISH, facet=True),
    Kind("security_label", Phase.FINISH, facet=True, of_members=True),
    Kind("acl", Phase.FINISH, facet=True, of_members=True),
    Kind("default_acl", Phase.FINISH),
    Kind("event_trigger", Phase.FINISH),
)

KINDS = SCHEMA_KINDS + BUILD_KINDS + FINISH_KINDS
RANK = {kind.name: rank for rank, kind in enumerate(KINDS)}
BY_NAME = {kind.name: kind for kind in KINDS}
CALLS_CODE = frozenset(
    {"function", "aggregate", "operator", "operator_class", "operator_family", "domain", "base_type", "cast"}
)
"""An index or constraint that needs one of these runs user code, which may read any table."""
FACETS = frozenset(kind.name for kind in KINDS if kind.facet)
