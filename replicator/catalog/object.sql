-- The rows of a kind's file, put in place of the line below FROM, with what all objects have: identity, schema, owner.
-- Some kinds have more fields (model.Index, model.ForeignKey), which stand for <detail>.
-- Attachments have addresses in pg_inherits, owners of sequences in pg_depend: both are about relations.
-- For ALTER: an aggregate without arguments can only be named as a ROUTINE, procedures may differ in OUT arguments only,
-- and pg_identify_object does not quote access methods.
-- A later version dropped the "on" from the identity of transforms: verify compares names across versions.
-- Temporary objects and toast tables are never created.
-- Reference: PostgreSQL docs 9.27.5, pg_identify_object.
SELECT kind.classid::bigint AS classid
     , kind.objid::bigint AS objid
     , CASE object.type
           WHEN 'transform' THEN replace(object.identity, ' on language ', ' language ')
           -- These begin with a role, which may get another name: see sessions/naming.py.
           WHEN 'default acl'
           THEN (SELECT overlay(object.identity PLACING quote_ident(pg_get_userbyid(d.defaclrole))
                                FROM length('for role ') + 1 FOR length(d.defaclrole::regrole::text))
                   FROM pg_default_acl d
                  WHERE d.oid = kind.objid)
           WHEN 'user mapping'
           THEN (SELECT CASE m.umuser
                             WHEN 0 THEN object.identity
                             ELSE overlay(object.identity PLACING quote_ident(pg_get_userbyid(m.umuser))
                                          FROM 1 FOR length(m.umuser::regrole::text))
                         END
                   FROM pg_user_mappings m
                  WHERE m.umid = kind.objid)
           ELSE object.identity
       END AS identity
     , object.type
     , object.schema
     , pg_get_userbyid(kind.owner) AS owner
     , array_remove(kind."create", NULL) AS creation
     , CASE WHEN kind.owner IS NOT NULL
            THEN format('ALTER %s %s OWNER TO %I'
                       , CASE object.type
                              WHEN 'aggregate' THEN 'ROUTINE'
                              WHEN 'statistics object' THEN 'STATISTICS'
                              WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
                              ELSE upper(object.type)
                          END
                       , CASE
                              WHEN object.type = 'procedure'
                              THEN format('%s(%s)', kind.objid::regproc, pg_get_function_identity_arguments(kind.objid))
                              WHEN object.type IN ('operator class', 'operator family')
                              THEN (SELECT format('%I.%I USING %I', object_names[2], object_names[3], object_names[1])
                                      FROM pg_identify_object_as_address(kind.classid, kind.objid, 0))
                              ELSE object.identity
                          END
                       , pg_get_userbyid(kind.owner))
        END AS alter_owner
     , array_remove(kind.stub, NULL) AS stub
     , array_remove(kind.finish, NULL) AS finish
     , kind.needs::bigint[] AS needs
<detail>
  FROM (
<kind>
       ) AS kind
 CROSS JOIN LATERAL pg_identify_object(CASE WHEN kind.classid IN ('pg_inherits'::regclass, 'pg_depend'::regclass)
                                            THEN 'pg_class'::regclass
                                            ELSE kind.classid
                                        END, kind.objid, 0) AS object
 WHERE object.identity IS NOT NULL
   AND (object.schema IS NULL OR object.schema !~ '^pg_(temp|toast)(_|$)')
