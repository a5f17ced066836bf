CREATE SCHEMA "Odd ""schema""";
CREATE SCHEMA "select";
CREATE TABLE "select".t (id integer PRIMARY KEY);
CREATE TABLE other (id integer PRIMARY KEY, name text);
CREATE PUBLICATION "Odd ""publication""" FOR TABLES IN SCHEMA "Odd ""schema""";                            --15+
CREATE PUBLICATION several FOR TABLES IN SCHEMA "select", public, "Odd ""schema""" WITH (publish = 'delete'); --15+
CREATE PUBLICATION with_table FOR TABLES IN SCHEMA "select", TABLE other WHERE (id > 0), "select".t;       --15+
