CREATE SCHEMA "Odd ""schema""";
CREATE TABLE "Odd ""schema"""."Table" (id integer, "user" name, "select" text);
CREATE TABLE t (id integer, owner name, amount numeric);
CREATE TABLE parted (k integer) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE FUNCTION allowed(name, VARIADIC integer[]) RETURNS boolean LANGUAGE sql AS 'SELECT true';

CREATE POLICY everything ON t;
CREATE POLICY "Everything ""else"";" ON "Odd ""schema"""."Table" USING (true) WITH CHECK (false);
CREATE POLICY permissive ON t AS PERMISSIVE FOR ALL TO PUBLIC USING (owner = current_user);
CREATE POLICY restrictive ON t AS RESTRICTIVE USING (amount > 0 AND amount < 100 OR owner IS NULL);
CREATE POLICY reading ON t FOR SELECT TO alice USING (allowed(owner, 1, id));
CREATE POLICY inserting ON t FOR INSERT TO bob, alice WITH CHECK (owner = 'bob; ''quoted'' 100%');
CREATE POLICY updating ON t AS RESTRICTIVE FOR UPDATE TO "Odd Role", carol USING (id = 1) WITH CHECK (id IN (1, 2));
CREATE POLICY deleting ON t FOR DELETE TO alice USING (EXISTS (SELECT FROM "Odd ""schema"""."Table" o
 WHERE o."user" = t.owner AND o.id = t.id AND o."select" IN (SELECT 'x' AS name UNION SELECT name FROM pg_settings)));
CREATE POLICY session ON "Odd ""schema"""."Table" FOR UPDATE USING ("user" = session_user AND "select" ~ '^\d+$');
CREATE POLICY on_parted ON parted USING (k > 0);
CREATE POLICY on_partition ON parted_1 TO alice USING (k = 1);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
