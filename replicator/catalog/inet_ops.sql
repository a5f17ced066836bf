       -- Since 19 inet_ops is the default of GiST for inet and cidr, so the server does not print it. An older server
       -- has another default, btree_gist's, or none: so it is added, and then compares as equal.
       -- `said` is the definition of the index `i`, or of its constraint, as the server prints it.
       SELECT coalesce((
                  SELECT parts[1]
                      || string_agg(concat(parts[2 * k]
                                         , CASE WHEN i.indclass[k - 1] = inet_ops.oid THEN ' inet_ops' END
                                         , parts[2 * k + 1]), ', ' ORDER BY k)
                      || parts[2 * i.indnkeyatts + 2]
                    FROM generate_series(1, i.indnkeyatts) AS k
                   GROUP BY parts), said.text) AS text
         FROM (SELECT o.oid
                 FROM pg_opclass o
                 JOIN pg_am m ON m.oid = o.opcmethod
                WHERE m.amname = 'gist'
                  AND o.opcname = 'inet_ops'
                  AND o.opcnamespace = 'pg_catalog'::regnamespace) AS inet_ops
         LEFT JOIN LATERAL (
              SELECT regexp_match(said.text, '^(.*? USING gist \()' || string_agg(format('(%s)(%s)'
                       , regexp_replace(pg_get_indexdef(i.indexrelid, k, false), '([^\w\s])', '\\\1', 'g')
                       , CASE WHEN i.indclass[k - 1] <> inet_ops.oid THEN '(?: .*)?'
                              WHEN i.indisexclusion THEN ' WITH .*'
                          END), ', ' ORDER BY k) || '(\).*)$')
                FROM generate_series(1, i.indnkeyatts) AS k
               WHERE inet_ops.oid = ANY (i.indclass)) AS match (parts) ON true
