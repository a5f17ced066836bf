-- Restore the data of statistics objects. A position among the object's columns becomes the column's number.
-- Returns the tables of those that were not fully accepted, or that are on other columns.
SELECT DISTINCT schema, name
  FROM (SELECT s.schema, s.name, s.columns::name[] IS DISTINCT FROM here.columns OR NOT pg_restore_extended_stats(
           'schemaname', s.schema
         , 'relname', s.name
         , 'statistics_schemaname', s.object_schema
         , 'statistics_name', s.object
         , 'inherited', s.inherited::boolean
         , 'n_distinct', n_distinct.known::text::pg_ndistinct
         , 'dependencies', dependencies.known::text::pg_dependencies
         , 'most_common_vals', s.most_common_vals::text[]
         , 'most_common_freqs', s.most_common_freqs::double precision[]
         , 'most_common_base_freqs', s.most_common_base_freqs::double precision[]
         , 'exprs', s.expressions::jsonb) AS refused
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]
            , %s::text[], %s::text[], %s::text[])
       AS s (schema, name, object_schema, object, columns, inherited, n_distinct, dependencies, most_common_vals
           , most_common_freqs, most_common_base_freqs, expressions)
  JOIN pg_namespace n ON n.nspname = s.object_schema
  JOIN pg_statistic_ext x ON x.stxnamespace = n.oid AND x.stxname = s.object
 CROSS JOIN LATERAL (SELECT array_agg(a.attname ORDER BY k.at)
                       FROM unnest(x.stxkeys::int2[]) WITH ORDINALITY AS k (attnum, at)
                       JOIN pg_attribute a ON a.attrelid = x.stxrelid AND a.attnum = k.attnum) AS here (columns)
 CROSS JOIN LATERAL (
       SELECT jsonb_agg(jsonb_set(item, '{attributes}', numbers.list) ORDER BY at)
         FROM jsonb_array_elements(s.n_distinct::jsonb) WITH ORDINALITY AS known (item, at)
        CROSS JOIN LATERAL (SELECT jsonb_agg(coalesce(x.stxkeys[place::int], place::int) ORDER BY at)
                              FROM jsonb_array_elements_text(item -> 'attributes') WITH ORDINALITY AS a (place, at)
                           ) AS numbers (list)) AS n_distinct (known)
 CROSS JOIN LATERAL (
       SELECT jsonb_agg(item || jsonb_build_object(
                  'attributes', numbers.list
                , 'dependency', coalesce(x.stxkeys[(item ->> 'dependency')::int], (item ->> 'dependency')::int))
                        ORDER BY at)
         FROM jsonb_array_elements(s.dependencies::jsonb) WITH ORDINALITY AS known (item, at)
        CROSS JOIN LATERAL (SELECT jsonb_agg(coalesce(x.stxkeys[place::int], place::int) ORDER BY at)
                              FROM jsonb_array_elements_text(item -> 'attributes') WITH ORDINALITY AS a (place, at)
                           ) AS numbers (list)) AS dependencies (known)
 OFFSET 0) AS restored
 WHERE refused
