-- COMMENT ON every object that has one; comments on columns are grouped with their relation's. A removed initial comment
-- is removed. Foreign keys and triggers that a partition gets from its parent exist after it is attached: with the
-- parent's name, or under another name on the destination.
-- Reference: pg_dump.c collectComments, dumpCommentExtended, dumpTableComment, dumpNamespace (18.6).
  WITH remark AS (
       SELECT classoid, objoid, objsubid, description
         FROM pg_description
        WHERE objoid >= 16384
          AND classoid <> 'pg_largeobject'::regclass         -- see large_object_words.sql
          AND (classoid <> 'pg_class'::regclass OR (objoid::bigint << 16) + objsubid <> ALL (<without>))
        UNION
       SELECT n.tableoid, n.oid, 0, d.description
         FROM pg_namespace n
         LEFT JOIN pg_description d ON d.objoid = n.oid AND d.classoid = n.tableoid
        WHERE n.nspname = 'public'
        UNION
       SELECT e.tableoid, e.oid, 0, d.description
         FROM pg_extension e
         LEFT JOIN pg_description d ON d.objoid = e.oid AND d.classoid = e.tableoid
        WHERE e.oid >= 16384 OR e.extname = 'plpgsql'        -- it may have been recreated, on either side
     )
     , copy (classid, objid, relid, named_as_parents) AS (
       SELECT c.tableoid, c.oid, c.conrelid
            , EXISTS (SELECT
                        FROM pg_partition_ancestors(c.conrelid) AS a (relid)
                        JOIN pg_constraint r ON r.conrelid = a.relid AND r.conname = c.conname AND r.conparentid = 0)
         FROM pg_constraint c
         JOIN remark ON (remark.classoid, remark.objoid) = (c.tableoid, c.oid)
        WHERE c.contype = 'f' AND c.conparentid <> 0
        UNION ALL                                                                                        --13+
       SELECT t.tableoid, t.oid, t.tgrelid                                                               --13+
            , EXISTS (SELECT                                                                             --13+
                        FROM pg_partition_ancestors(t.tgrelid) AS a (relid)                              --13+
                        JOIN pg_trigger r ON r.tgrelid = a.relid AND r.tgname = t.tgname AND r.tgparentid = 0) --13+
         FROM pg_trigger t                                                                               --13+
         JOIN remark ON (remark.classoid, remark.objoid) = (t.tableoid, t.oid)                           --13+
        WHERE t.tgparentid <> 0                                                                          --13+
     )
SELECT remark.classoid AS classid
     , remark.objoid AS objid
     , NULL::oid AS owner
     , array_agg(format('COMMENT ON %s IS %L', target.name, remark.description)
                 ORDER BY remark.objsubid <> 0, target.name COLLATE "C") AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , ARRAY(SELECT unnest(ARRAY['pg_inherits'::regclass, a.relid]::oid[])
               FROM copy
              CROSS JOIN LATERAL pg_partition_ancestors(copy.relid) AS a (relid)
              WHERE (copy.classid, copy.objid) = (remark.classoid, remark.objoid)) AS needs
  FROM remark
 CROSS JOIN LATERAL pg_identify_object(remark.classoid, remark.objoid, remark.objsubid) AS object
  LEFT JOIN pg_transform f ON f.oid = remark.objoid AND f.tableoid = remark.classoid
  LEFT JOIN pg_language l ON l.oid = f.trflang
 CROSS JOIN LATERAL (SELECT CASE
            WHEN remark.objsubid <> 0 THEN format('COLUMN %s', object.identity)
            WHEN object.type = 'table constraint' THEN format('CONSTRAINT %s', object.identity)
            WHEN object.type = 'domain constraint'
            THEN (SELECT format('CONSTRAINT %I ON DOMAIN %s', c.conname, c.contypid::regtype)
                    FROM pg_constraint c
                   WHERE c.oid = remark.objoid)
            WHEN object.type = 'transform' THEN format('TRANSFORM FOR %s LANGUAGE %I', f.trftype::regtype, l.lanname)
            WHEN object.type = 'aggregate' THEN format('ROUTINE %s', object.identity)
            WHEN object.type = 'procedure'
            THEN format('PROCEDURE %s(%s)', remark.objoid::regproc, pg_get_function_identity_arguments(remark.objoid))
            WHEN object.type IN ('operator class', 'operator family')
            THEN (SELECT format('%s %I.%I USING %I', upper(object.type), names[2], names[3], names[1])
                    FROM pg_identify_object_as_address(remark.classoid, remark.objoid, 0) AS address (type, names))
            WHEN object.type = 'statistics object' THEN format('STATISTICS %s', object.identity)
            WHEN object.type = 'foreign-data wrapper' THEN format('FOREIGN DATA WRAPPER %s', object.identity)
            ELSE format('%s %s', upper(object.type), object.identity)
        END) AS target (name)
 WHERE object.identity IS NOT NULL
   AND (object.type, object.identity, remark.description)
       IS DISTINCT FROM ('schema', 'public', 'standard public schema')
   AND (object.type, object.identity, remark.description)
       IS DISTINCT FROM ('extension', 'plpgsql', 'PL/pgSQL procedural language')
   AND NOT EXISTS (SELECT
                     FROM copy
                    WHERE (copy.classid, copy.objid) = (remark.classoid, remark.objoid)
                      AND NOT copy.named_as_parents)
   -- Some invalid indexes are not created: see index.sql.
   AND NOT EXISTS (SELECT
                     FROM pg_index i
                     JOIN pg_class x ON x.oid = i.indexrelid AND x.relkind <> 'I'
                    WHERE i.indexrelid = remark.objoid
                      AND remark.classoid = 'pg_class'::regclass
                      AND NOT (i.indislive AND (i.indisvalid OR x.relname !~ '_cc(new|old)[0-9]*$')))
 GROUP BY remark.classoid, remark.objoid
