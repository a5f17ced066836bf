CREATE SCHEMA "Odd ""schema""";
CREATE FUNCTION "Odd ""schema"""."select"(internal) RETURNS index_am_handler LANGUAGE internal AS 'bthandler';
CREATE FUNCTION my_heap(internal) RETURNS table_am_handler LANGUAGE internal STRICT AS 'heap_tableam_handler';

CREATE ACCESS METHOD my_btree TYPE INDEX HANDLER bthandler;
CREATE ACCESS METHOD "Odd ""method""" TYPE INDEX HANDLER "Odd ""schema"""."select";
CREATE ACCESS METHOD my_table TYPE TABLE HANDLER heap_tableam_handler;
CREATE ACCESS METHOD "select" TYPE TABLE HANDLER my_heap;

COMMENT ON ACCESS METHOD "Odd ""method""" IS 'like btree';
CREATE OPERATOR CLASS int_ops DEFAULT FOR TYPE int USING "Odd ""method""" AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
    OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE TABLE kept (a int) USING "select";
CREATE INDEX kept_a ON kept USING "Odd ""method""" (a); --18+
