-- Tenants: 100 schemas of 20 tables each, all alike and empty (--scale 10: a thousand tenants).
DO $$
BEGIN
    FOR tenant IN 1 .. pg_temp.scaled(100) LOOP
        EXECUTE format('CREATE SCHEMA tenant%s', tenant);
        FOR number IN 1 .. 20 LOOP
            EXECUTE format('CREATE TABLE tenant%1$s.t%2$s (id bigserial PRIMARY KEY, name text NOT NULL DEFAULT '''','
                        || ' made timestamptz CHECK (made > ''2000-01-01''), upper bigint%3$s)', tenant, number
                         , CASE WHEN number > 1 THEN format(' REFERENCES tenant%s.t%s', tenant, number - 1) ELSE '' END);
            EXECUTE format('CREATE INDEX ON tenant%s.t%s (name)', tenant, number);
        END LOOP;
        COMMIT;
    END LOOP;
END
$$;
