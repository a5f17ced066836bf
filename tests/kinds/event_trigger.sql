CREATE SCHEMA "Odd ""schema""";
CREATE FUNCTION "Odd ""schema"""."Do ""it"""() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION "Odd ""schema"""."Do ""it"""(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';

CREATE EVENT TRIGGER "Odd ""name""; 'quoted'" ON ddl_command_start EXECUTE FUNCTION "Odd ""schema"""."Do ""it"""();
CREATE EVENT TRIGGER on_end ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE TABLE AS')
    EXECUTE FUNCTION nothing();
CREATE EVENT TRIGGER "drop" ON sql_drop WHEN TAG IN ('DROP FUNCTION') EXECUTE FUNCTION nothing();
CREATE EVENT TRIGGER rewriting ON table_rewrite EXECUTE FUNCTION nothing();
CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION nothing(); --17+

CREATE EVENT TRIGGER disabled ON ddl_command_start WHEN TAG IN ('COMMENT') EXECUTE FUNCTION nothing();
ALTER EVENT TRIGGER disabled DISABLE;
CREATE EVENT TRIGGER "On Replica" ON ddl_command_start EXECUTE FUNCTION nothing();
ALTER EVENT TRIGGER "On Replica" ENABLE REPLICA;
CREATE EVENT TRIGGER always ON ddl_command_end EXECUTE FUNCTION nothing();
ALTER EVENT TRIGGER always ENABLE ALWAYS;
