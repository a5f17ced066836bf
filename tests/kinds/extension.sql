-- requires: hstore, citext, cube, earthdistance
CREATE SCHEMA "Odd ""schema""";
CREATE EXTENSION hstore WITH SCHEMA "Odd ""schema""";
CREATE EXTENSION citext;
CREATE SCHEMA geo AUTHORIZATION alice;
CREATE EXTENSION earthdistance WITH SCHEMA geo CASCADE;
-- What needs members needs their extensions.
CREATE DOMAIN address AS citext DEFAULT 'nobody@example.com' CHECK (VALUE OPERATOR(public.<>) '');
CREATE TYPE place AS ("At" geo.cube, tags "Odd ""schema""".hstore[]);
-- Relocated after its creation.
CREATE EXTENSION dict_int;
CREATE SCHEMA "select";
ALTER EXTENSION dict_int SET SCHEMA "select";
