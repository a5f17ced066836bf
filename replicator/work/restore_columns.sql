-- Restore the statistics of columns, skipping indexes that do not exist. Returns those that were not fully accepted.
-- OFFSET: the restoring function must not be called before the join has found the index.
SELECT DISTINCT schema, name
  FROM (SELECT s.schema, s.name, pg_restore_attribute_stats(
           'schemaname', s.schema
         , 'relname', s.name
         , 'attname', s.attname
         , 'attnum', s.attnum::smallint
         , 'inherited', s.inherited::boolean
         , 'null_frac', s.null_frac::real
         , 'avg_width', s.avg_width::integer
         , 'n_distinct', s.n_distinct::real
         , 'most_common_vals', s.most_common_vals
         , 'most_common_freqs', s.most_common_freqs::real[]
         , 'histogram_bounds', s.histogram_bounds
         , 'correlation', s.correlation::real
         , 'most_common_elems', s.most_common_elems
         , 'most_common_elem_freqs', s.most_common_elem_freqs::real[]
         , 'elem_count_histogram', s.elem_count_histogram::real[]
         , 'range_length_histogram', s.range_length_histogram
         , 'range_empty_frac', s.range_empty_frac::real
         , 'range_bounds_histogram', s.range_bounds_histogram) AS accepted
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]
            , %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
       AS s (schema, name, attname, attnum, inherited, null_frac, avg_width, n_distinct, most_common_vals
           , most_common_freqs, histogram_bounds, correlation, most_common_elems, most_common_elem_freqs
           , elem_count_histogram, range_length_histogram, range_empty_frac, range_bounds_histogram)
  JOIN pg_namespace n ON n.nspname = s.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.name
 OFFSET 0) AS restored
 WHERE NOT accepted
