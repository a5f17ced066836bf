-- The columns that are read as if they did not exist, as pg_attribute.attrelid << 16 + attnum: see attributes.py.
coalesce((SELECT nullif(current_setting('replicator.without', true), '')::bigint[]), '{}')
