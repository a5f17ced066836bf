-- Statistics in pg_stats of relations' columns. Columns of indexes are identified by number: their names may differ.
-- The separate condition on the name lets the planner use an index.
-- Reference: pg_dump.c fetchAttributeStats, dumpRelationStats_dumper (18.6).
SELECT s.schemaname::text
     , s.tablename::text
     , CASE WHEN c.relkind IN ('i', 'I') THEN NULL ELSE s.attname::text END
     , CASE WHEN c.relkind IN ('i', 'I') THEN a.attnum::text END
     , s.inherited::text
     , s.null_frac::text
     , s.avg_width::text
     , s.n_distinct::text
     , s.most_common_vals::text
     , s.most_common_freqs::text
     , s.histogram_bounds::text
     , s.correlation::text
     , s.most_common_elems::text
     , s.most_common_elem_freqs::text
     , s.elem_count_histogram::text
     , s.range_length_histogram::text                                                                              --17+
     , s.range_empty_frac::text                                                                                    --17+
     , s.range_bounds_histogram::text                                                                              --17+
--<17      , NULL::text, NULL::text, NULL::text
  FROM unnest(%s::name[], %s::name[]) AS wanted (schema, name)
  JOIN pg_stats s ON s.schemaname = wanted.schema AND s.tablename = wanted.name
  JOIN pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
 WHERE s.tablename = ANY (%s::name[])
