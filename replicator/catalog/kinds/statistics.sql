-- CREATE STATISTICS and its target.
-- Reference: pg_dump.c getExtendedStatistics, dumpStatisticsExt (18.6).
SELECT s.tableoid AS classid
     , s.oid AS objid
     , s.stxowner AS owner
     , ARRAY[ pg_get_statisticsobjdef(s.oid)
            , CASE WHEN s.stxstattarget >= 0                                                                   --13+
                   THEN format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, s.stxname, s.stxstattarget) --13+
               END                                                                                             --13+
            ] AS create
     , '{}'::text[] AS stub
     , '{}'::text[] AS finish
     , '{}'::oid[] AS needs
  FROM pg_statistic_ext s
  JOIN pg_namespace n ON n.oid = s.stxnamespace
