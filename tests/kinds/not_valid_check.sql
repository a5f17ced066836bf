CREATE TABLE t (a integer, b integer, CHECK (b > 0));
ALTER TABLE t ADD CONSTRAINT "Odd "" check" CHECK (a > 0) NOT VALID;
ALTER TABLE t ADD CHECK (a < b) NO INHERIT NOT VALID;
ALTER TABLE t ADD CONSTRAINT "not null" NOT NULL a NOT VALID; --18+
ALTER TABLE t ADD CONSTRAINT no_inherit NOT NULL b NO INHERIT NOT VALID; --18+
CREATE TABLE not_enforced (a integer CHECK (a > 0) NOT ENFORCED, CONSTRAINT "Odd" CHECK (a < 9) NO INHERIT NOT ENFORCED); --18+

CREATE TABLE parent (a integer, b integer);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE child_of_its_own () INHERITS (parent);
CREATE TABLE a_child_that_is_valid (CONSTRAINT positive CHECK (a > 0)) INHERITS (parent);
ALTER TABLE child_of_its_own ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
ALTER TABLE parent ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
ALTER TABLE child_of_its_own ADD CHECK (b > 0) NOT VALID;
CREATE TABLE created_later () INHERITS (parent);
ALTER TABLE parent ADD CONSTRAINT nn NOT NULL b NOT VALID; --18+
ALTER TABLE child VALIDATE CONSTRAINT nn; --18+
ALTER TABLE child VALIDATE CONSTRAINT positive;
CREATE TABLE parent_by_columns (a integer, b integer);
CREATE TABLE child_by_columns (a integer, b integer) INHERITS (parent_by_columns);
CREATE TABLE grandchild_by_columns (a integer, b integer) INHERITS (child_by_columns);
ALTER TABLE parent_by_columns ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
ALTER TABLE child_by_columns VALIDATE CONSTRAINT positive;
CREATE TABLE null_parent (a integer);
CREATE TABLE null_child (a integer) INHERITS (null_parent);
CREATE TABLE null_grandchild (a integer) INHERITS (null_child);
ALTER TABLE null_parent ADD CONSTRAINT nn NOT NULL a NOT VALID; --18+
ALTER TABLE null_child VALIDATE CONSTRAINT nn; --18+
CREATE TABLE null_parent_of_two (a integer NOT NULL);
CREATE TABLE null_child_of_two () INHERITS (null_parent, null_parent_of_two);

CREATE TABLE partitioned (a integer, b integer) PARTITION BY LIST (a);
CREATE TABLE part PARTITION OF partitioned FOR VALUES IN (1);
CREATE TABLE part_of_its_own PARTITION OF partitioned FOR VALUES IN (2);
ALTER TABLE part_of_its_own ADD CHECK (b > 1) NOT VALID;
ALTER TABLE partitioned ADD CONSTRAINT positive CHECK (b > 0) NOT VALID;
ALTER TABLE partitioned ADD CONSTRAINT nn NOT NULL b NOT VALID; --18+

CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE f (a text) SERVER nowhere;
ALTER FOREIGN TABLE f ADD CHECK (a > 'a') NOT VALID;
CREATE FUNCTION of_t(t) RETURNS boolean LANGUAGE sql AS 'SELECT true';
ALTER TABLE t ADD CONSTRAINT cycle CHECK (of_t(t)) NOT VALID;
