-- A value of every type at its edges, and tables of every shape.
CREATE TYPE mood AS ENUM ('sad', 'it''s fine', 'happy');
CREATE DOMAIN mood_domain AS mood;
CREATE TYPE pair AS (a int, b text);
CREATE TABLE everything (
    id int PRIMARY KEY, small smallint, big bigint, real4 real, real8 double precision, exact numeric, money money,
    string text, padded char(5), name name, bytes bytea, flag boolean, day date, clock time, clock_tz timetz,
    moment timestamp, moment_tz timestamptz, span interval, address inet, net cidr, mac macaddr, bits varbit, uuid uuid,
    js json, jsb jsonb, path jsonpath, words tsvector, query tsquery, ints int4range, point point, box box, lsn pg_lsn,
    class regclass, ints_array int[], texts text[][], mood mood, moods mood[], dom mood_domain, pair pair, pairs pair[],
    "generated" int GENERATED ALWAYS AS (id * 2) STORED
);
INSERT INTO everything VALUES
    (1, -32768, -9223372036854775808, 'NaN', '-Infinity', 'NaN', '-12.34', E'tab\tnewline\nbackslash\\ \\.', 'a',
     'n', '\x00ff5c', true, 'infinity', '24:00', '12:00+05:30', '-infinity', '294276-12-31 23:59:59.999999Z',
     '-178000000 years 3 days', '::1/64', '10/8', '08:00:2b:01:02:03', B'', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
     '{"a" : [1 ,2]}', '{"a": [1, 2]}', '$.a[*]', 'a:1A b:2', 'a & !b', 'empty', '(1,2)', '((0,0),(1,1))', '16/B374D848',
     'pg_class', '{}', '{{a,NULL},{"","NULL"}}', 'it''s fine', '{sad,NULL}', 'happy', '(1,"x, y")', '{"(1,)",NULL}'),
    (2, 1, 1, 0.1, 0.1, 1.00, '0', '', '', '', '', false, '0001-01-01 BC', '00:00', '00:00-15:59', 'epoch', 'epoch', '0',
     '127.0.0.1', '::/0', '00:00:00:00:00:00', B'101', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'null', 'null', '$', '',
     '', '[1,5)', '(NaN,Infinity)', '((0,0),(0,0))', '0/0', '0', '[5:6]={1,2}', '{}', 'sad', '{}', 'sad', '(,)', '{}');
INSERT INTO everything (id) VALUES (3);
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 7);
CREATE TABLE parent (a int);
CREATE TABLE child (b text) INHERITS (parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (2, 'two');
CREATE TABLE dropped (a int, gone text, b int);
INSERT INTO dropped VALUES (1, 'x', 2);
ALTER TABLE dropped DROP COLUMN gone;
CREATE TABLE by_enum (mood mood, n int) PARTITION BY HASH (mood);
CREATE TABLE by_enum_0 PARTITION OF by_enum FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_enum_1 PARTITION OF by_enum FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO by_enum SELECT m, n FROM unnest(enum_range(NULL::mood)) m, generate_series(1, 100) n;
CREATE UNLOGGED TABLE "Un""logged" ("a b" int);
INSERT INTO "Un""logged" VALUES (1);
CREATE SEQUENCE counter START 5;
SELECT nextval('counter'), nextval('counter');
CREATE SEQUENCE untouched START 9;
SELECT lo_from_bytea(4711, ''), lo_from_bytea(4712, '\x00'), lo_from_bytea(4713, repeat('large object ', 200000)::bytea);
ALTER LARGE OBJECT 4712 OWNER TO alice;
COMMENT ON LARGE OBJECT 4713 IS 'the large one';
GRANT SELECT ON LARGE OBJECT 4713 TO bob;
