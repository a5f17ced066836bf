-- Restore the size of relations: the source's rows, with the destination's pages.
SELECT count(pg_restore_relation_stats(
           'schemaname', r.schema
         , 'relname', r.name
         , 'relpages', here.pages::int
         , 'reltuples', r.rows::real
         , 'relallvisible', round(r.visible * greatest(here.pages, 0))::int
         , 'relallfrozen', round(r.frozen * greatest(here.pages, 0))::int))
  FROM unnest(%s::text[], %s::text[], %s::int[], %s::float8[], %s::float8[], %s::float8[])
       AS r (schema, name, pages, rows, visible, frozen)
  JOIN pg_namespace n ON n.nspname = r.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = r.name
 CROSS JOIN LATERAL (SELECT CASE
                                WHEN c.relkind IN ('r', 'm', 'i')
                                THEN pg_relation_size(c.oid) / current_setting('block_size')::int
                                ELSE r.pages
                            END) AS here (pages)
