-- An application's 200 tables in 10 schemas, most of them small, with two indexes and a foreign key each.
DO $$
BEGIN
    FOR area IN 1 .. 10 LOOP
        EXECUTE format('CREATE SCHEMA area%s', area);
        FOR number IN 1 .. 20 LOOP
            EXECUTE format('CREATE TABLE area%1$s.t%2$s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text,'
                        || ' amount numeric(12, 2), made timestamptz DEFAULT now(), more jsonb, upper bigint%3$s)'
                         , area, number
                         , CASE WHEN number > 1 THEN format(' REFERENCES area%s.t%s', area, number - 1) ELSE '' END);
            EXECUTE format('INSERT INTO area%s.t%s (code, amount, more, upper) SELECT md5(i::text), i / 3.0'
                        || ', jsonb_build_object(''n'', i), 1 FROM generate_series(1, %s) i'
                         , area, number, pg_temp.scaled(CASE WHEN number = 1 THEN 5000 ELSE 100 END));
            EXECUTE format('CREATE INDEX ON area%s.t%s (code)', area, number);
            EXECUTE format('CREATE INDEX ON area%s.t%s (upper, made)', area, number);
        END LOOP;
    END LOOP;
END
$$;
