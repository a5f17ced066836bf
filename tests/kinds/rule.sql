CREATE SCHEMA "Odd ""schema""";
CREATE TABLE "Odd ""schema"""."Table" (id integer PRIMARY KEY, "select" text, n integer DEFAULT 1);
CREATE TABLE log (at timestamptz DEFAULT now(), what text, old_id integer);
CREATE VIEW seen AS SELECT id, "select" FROM "Odd ""schema"""."Table";

CREATE RULE nothing AS ON DELETE TO "Odd ""schema"""."Table" DO INSTEAD NOTHING;
CREATE RULE "conditional; ""nothing""" AS ON UPDATE TO "Odd ""schema"""."Table"
 WHERE OLD.n = 3 AND NEW."select" LIKE 'a%;' DO INSTEAD NOTHING;
CREATE RULE "insert" AS ON INSERT TO "Odd ""schema"""."Table" WHERE NEW.id > 0
    DO ALSO INSERT INTO log (what, old_id) VALUES ('inserted ''' || NEW."select" || '''', NEW.id);
CREATE RULE several AS ON UPDATE TO "Odd ""schema"""."Table" DO ALSO (
    INSERT INTO log (what) SELECT 'one; two' WHERE NEW.id <> OLD.id;
    UPDATE log SET what = log.what || NEW."select" WHERE log.old_id = OLD.id;
    DELETE FROM log WHERE old_id = NEW.n;
    NOTIFY changed, 'payload'
);
CREATE RULE selecting AS ON UPDATE TO log DO ALSO SELECT count(*) FROM log;

CREATE RULE "instead of insert" AS ON INSERT TO seen
    DO INSTEAD INSERT INTO "Odd ""schema"""."Table" AS t VALUES (NEW.id, NEW."select", DEFAULT)
    ON CONFLICT (id) DO UPDATE SET n = t.n + 1 RETURNING id, "select";
CREATE RULE "instead of delete" AS ON DELETE TO seen
    DO INSTEAD DELETE FROM "Odd ""schema"""."Table" t WHERE t.id = OLD.id RETURNING t.id, t."select";
CREATE RULE "instead of update" AS ON UPDATE TO seen
    DO INSTEAD UPDATE "Odd ""schema"""."Table" SET "select" = NEW."select" WHERE id = OLD.id;
CREATE RULE "ON CONSTRAINT" AS ON INSERT TO log
    DO ALSO INSERT INTO "Odd ""schema"""."Table" (id) VALUES (1) ON CONFLICT ON CONSTRAINT "Table_pkey" DO NOTHING;

CREATE RULE disabled AS ON INSERT TO log DO INSTEAD NOTHING;
ALTER TABLE log DISABLE RULE disabled;
CREATE RULE "On Replica" AS ON INSERT TO log DO INSTEAD NOTHING;
ALTER TABLE log ENABLE REPLICA RULE "On Replica";
CREATE RULE always AS ON DELETE TO log DO ALSO NOTIFY deleted;
ALTER TABLE log ENABLE ALWAYS RULE always;

CREATE TABLE parted (k integer, v text) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE RULE on_parted AS ON INSERT TO parted DO INSTEAD INSERT INTO parted_1 VALUES (NEW.*);
CREATE RULE on_partition AS ON UPDATE TO parted_1 DO ALSO NOTIFY updated;

-- A table that became a view through its rule.
--<16 CREATE TABLE made_view (id integer, label text);
--<16 CREATE RULE "_RETURN" AS ON SELECT TO made_view
--<16     DO INSTEAD SELECT id, "select" AS label FROM "Odd ""schema"""."Table";
