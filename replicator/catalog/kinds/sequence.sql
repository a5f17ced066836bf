-- CREATE SEQUENCE, except those of identity columns, which belong to their columns.
-- Reference: pg_dump.c dumpSequence (18.6).
SELECT c.tableoid AS classid
     , c.oid AS objid
     , c.relowner AS owner
     , ARRAY[concat_ws(' '
            , 'CREATE'
            , CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END                         --15+
            , format('SEQUENCE %s AS %s', c.oid::regclass, s.seqtypid::regtype)
            , format('START WITH %s INCREMENT BY %s', s.seqstart, s.seqincrement)
            , format('MINVALUE %s MAXVALUE %s CACHE %s', s.seqmin, s.seqmax, s.seqcache)
            , CASE WHEN s.seqcycle THEN 'CYCLE' END)] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_class c
  JOIN pg_sequence s ON s.seqrelid = c.oid
