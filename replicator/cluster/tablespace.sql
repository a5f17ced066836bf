-- CREATE TABLESPACE for those named in <names>, then their properties. The location of an in-place one is ''.
-- <owned>: with OWNER; <privileged>: with privileges, relative to the owner on the destination.
-- Reference: pg_dumpall.c dumpTablespaces (18.6).
  WITH here AS (
       SELECT t.oid, t.spcname, t.spcowner, t.spcacl, t.spcoptions, t.tableoid
            , format('TABLESPACE %I', t.spcname) AS target
            , pg_get_userbyid(t.spcowner) AS owner
            , CASE WHEN pg_tablespace_location(t.oid) ~ '^(/|[A-Za-z]:)' THEN pg_tablespace_location(t.oid) ELSE '' END
              AS location
         FROM pg_tablespace t
        WHERE t.spcname = ANY (<names>::text[])
     )
     , subject AS (
       SELECT target, spcowner AS owner, CASE WHEN <owned> THEN owner ELSE <user>::text END AS owner_name
            , spcacl AS acl, acldefault('t', spcowner) AS standard
         FROM here
     )
     , privilege AS (
<acl>
     )
SELECT spcname::text AS name
     , location
     , owner::text AS owner
     , concat_ws(' '
         , 'CREATE ' || target
         , CASE WHEN <owned> THEN format('OWNER %I', owner) END
         , format('LOCATION %L', location)
         , (SELECT format('WITH (%s)', string_agg(format('%I = %L', option_name, option_value), ', '))
              FROM pg_options_to_table(spcoptions)
             WHERE option_name !~ '^pg_'
            HAVING count(*) > 0)) AS create
     , ARRAY(SELECT format('COMMENT ON %s IS %L', target, description)
               FROM pg_shdescription
              WHERE objoid = here.oid AND classoid = here.tableoid)
       || ARRAY(SELECT format('SECURITY LABEL FOR %I ON %s IS %L', provider, target, label)
                  FROM pg_shseclabel
                 WHERE objoid = here.oid AND classoid = here.tableoid)
       || ARRAY(SELECT unnest(p.statements)
                  FROM privilege p
                 WHERE p.target = here.target AND <privileged>
                 ORDER BY p.position, p.who) AS then
  FROM here
 ORDER BY spcname
