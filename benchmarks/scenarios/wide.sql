-- Many columns: 200 of ten types, 50,000 rows.
DO $$
BEGIN
  EXECUTE (SELECT 'CREATE TABLE wide (id int PRIMARY KEY, '
               || string_agg(format('c%s %s', i, (ARRAY['int', 'bigint', 'smallint', 'boolean', 'text', 'float8', 'date',
                                                        'timestamptz', 'uuid', 'numeric(12, 3)'])[1 + i % 10])
                            , ', ' ORDER BY i) || ')'
             FROM generate_series(1, 200) i);
  EXECUTE (SELECT 'INSERT INTO wide SELECT i, '
               || string_agg((ARRAY['i', 'i * 1000003::bigint', '(i % 30000)::smallint', 'i % 3 = 0', '''text '' || i',
                                    'i / 7.0', 'date ''2000-01-01'' + i % 9000',
                                    'timestamptz ''2020-01-01'' + i * interval ''1 second''',
                                    'md5(i::text)::uuid', 'i / 3.0'])[1 + c % 10], ', ' ORDER BY c)
               || ' FROM generate_series(1, pg_temp.scaled(50000)::int) i'
             FROM generate_series(1, 200) c);
END $$;
