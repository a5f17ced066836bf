-- CREATE TEXT SEARCH CONFIGURATION, with its mapping of token types to dictionaries.
-- Reference: pg_dump.c getTSConfigurations, dumpTSConfig (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.cfgowner AS owner
     , format('CREATE TEXT SEARCH CONFIGURATION %s (PARSER = %I.%I)', c.oid::regconfig, n.nspname, p.prsname)
       || ARRAY(SELECT format('ALTER TEXT SEARCH CONFIGURATION %s ADD MAPPING FOR %I WITH %s'
                             , c.oid::regconfig
                             , token.alias
                             , string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno))
                  FROM pg_ts_config_map m
                  JOIN ts_token_type(c.cfgparser) AS token ON token.tokid = m.maptokentype
                 WHERE m.mapcfg = c.oid
                 GROUP BY token.tokid, token.alias
                 ORDER BY token.tokid) AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_ts_config c
  JOIN pg_ts_parser p ON p.oid = c.cfgparser
  JOIN pg_namespace n ON n.oid = p.prsnamespace
 WHERE c.oid >= 16384
