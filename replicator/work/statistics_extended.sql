-- Data in pg_stats_ext of tables' statistics objects. A column is identified by its position in the object: its number
-- differs on the destination if columns were dropped. Before 19 numbers and values had another format.
-- The expressions are in the object's order. Bounds of ranges among them are not shown before 19.
-- Reference: pg_dump.c dumpStatisticsExtStats (19rc1).
SELECT s.schemaname::text
     , s.tablename::text
     , s.statistics_schemaname::text
     , s.statistics_name::text
     , column_names.list::text
     , s.inherited::text                                                                                           --15+
--<15      , (c.relkind = 'p')::text
     , (SELECT jsonb_agg(jsonb_build_object(                                                                       --19+
                   'attributes', places.list, 'ndistinct', item -> 'ndistinct') ORDER BY at)::text                 --19+
          FROM jsonb_array_elements(s.n_distinct::text::jsonb) WITH ORDINALITY AS known (item, at)                 --19+
         CROSS JOIN LATERAL (SELECT jsonb_agg(coalesce(array_position(x.stxkeys::int2[], n::int2), n::int) ORDER BY at) --19+
                               FROM jsonb_array_elements_text(item -> 'attributes') WITH ORDINALITY AS a (n, at)   --19+
                            ) AS places (list))                                                                    --19+
--<19      , (SELECT jsonb_agg(jsonb_build_object('attributes', places.list, 'ndistinct', count) ORDER BY at)::text
--<19           FROM json_each(s.n_distinct::text::json) WITH ORDINALITY AS known (key, count, at)
--<19          CROSS JOIN LATERAL (SELECT jsonb_agg(coalesce(array_position(x.stxkeys::int2[], n::int2), n::int) ORDER BY at)
--<19                                FROM unnest(string_to_array(key, ', ')) WITH ORDINALITY AS a (n, at)
--<19                             ) AS places (list))
     , (SELECT jsonb_agg(jsonb_build_object(                                                                       --19+
                   'attributes', places.list                                                                       --19+
                 , 'dependency', coalesce(array_position(x.stxkeys::int2[], (item ->> 'dependency')::int2)         --19+
                                        , (item ->> 'dependency')::int)                                            --19+
                 , 'degree', item -> 'degree') ORDER BY at)::text                                                  --19+
          FROM jsonb_array_elements(s.dependencies::text::jsonb) WITH ORDINALITY AS known (item, at)               --19+
         CROSS JOIN LATERAL (SELECT jsonb_agg(coalesce(array_position(x.stxkeys::int2[], n::int2), n::int) ORDER BY at) --19+
                               FROM jsonb_array_elements_text(item -> 'attributes') WITH ORDINALITY AS a (n, at)   --19+
                            ) AS places (list))                                                                    --19+
--<19      , (SELECT jsonb_agg(jsonb_build_object(
--<19                    'attributes', places.list
--<19                  , 'dependency', coalesce(array_position(x.stxkeys::int2[], split_part(key, ' => ', 2)::int2)
--<19                                         , split_part(key, ' => ', 2)::int)
--<19                  , 'degree', degree) ORDER BY at)::text
--<19           FROM json_each(s.dependencies::text::json) WITH ORDINALITY AS known (key, degree, at)
--<19          CROSS JOIN LATERAL (SELECT jsonb_agg(coalesce(array_position(x.stxkeys::int2[], n::int2), n::int) ORDER BY at)
--<19                                FROM unnest(string_to_array(split_part(key, ' => ', 1), ', ')) WITH ORDINALITY AS a (n, at)
--<19                             ) AS places (list))
     , s.most_common_vals::text
     , s.most_common_freqs::text
     , s.most_common_base_freqs::text
     , expressions.list::text                                                                                      --14+
--<14      , NULL::text
  FROM pg_statistic_ext x
  JOIN pg_namespace n ON n.oid = x.stxnamespace
  JOIN pg_class c ON c.oid = x.stxrelid
  JOIN pg_stats_ext s ON s.statistics_schemaname = n.nspname AND s.statistics_name = x.stxname
 CROSS JOIN LATERAL (SELECT array_agg(a.attname ORDER BY k.at)
                       FROM unnest(x.stxkeys::int2[]) WITH ORDINALITY AS k (attnum, at)
                       JOIN pg_attribute a ON a.attrelid = x.stxrelid AND a.attnum = k.attnum) AS column_names (list)
 CROSS JOIN LATERAL (                                                                                              --14+
       SELECT jsonb_agg(nullif(jsonb_strip_nulls(jsonb_build_object(                                               --14+
                  'null_frac', e.null_frac::text                                                                   --14+
                , 'avg_width', e.avg_width::text                                                                   --14+
                , 'n_distinct', e.n_distinct::text                                                                 --14+
                , 'most_common_vals', e.most_common_vals::text                                                     --14+
                , 'most_common_freqs', e.most_common_freqs::text                                                   --14+
                , 'histogram_bounds', e.histogram_bounds::text                                                     --14+
                , 'correlation', e.correlation::text                                                               --14+
                , 'most_common_elems', e.most_common_elems::text                                                   --14+
                , 'most_common_elem_freqs', e.most_common_elem_freqs::text                                         --14+
                , 'range_length_histogram', e.range_length_histogram::text                                         --19+
                , 'range_empty_frac', e.range_empty_frac::text                                                     --19+
                , 'range_bounds_histogram', e.range_bounds_histogram::text                                         --19+
                , 'elem_count_histogram', e.elem_count_histogram::text)), '{}'))                                   --14+
         FROM pg_stats_ext_exprs e                                                                                 --14+
        WHERE e.statistics_schemaname = n.nspname                                                                  --14+
          AND e.inherited = s.inherited                                                                            --15+
          AND e.statistics_name = x.stxname) AS expressions (list)                                                 --14+
 WHERE x.stxrelid = ANY (%s::oid[])
