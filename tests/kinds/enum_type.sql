CREATE SCHEMA s;
CREATE TYPE plain AS ENUM ('a', 'b');
CREATE TYPE s."No ""labels" AS ENUM ();
CREATE TYPE "select" AS ENUM ('it''s', 'back\slash', '', ' ', '"quoted"', 'ÄÖ', '%s %I $$', 'a,b');
ALTER TYPE "select" OWNER TO alice;
CREATE TYPE s.reordered AS ENUM ('first', 'third', 'FIFTH');
ALTER TYPE s.reordered ADD VALUE 'second' BEFORE 'third';
ALTER TYPE s.reordered ADD VALUE 'fourth' AFTER 'third';
ALTER TYPE s.reordered ADD VALUE 'sixth';
ALTER TYPE s.reordered RENAME VALUE 'FIFTH' TO 'fifth';
ALTER TYPE s.reordered ADD VALUE 'zeroth' BEFORE 'first';
ALTER TYPE s.reordered OWNER TO "Odd Role";
-- A type in the way of an array type's name.
CREATE TYPE _squeezed AS ENUM ('x');
CREATE TYPE squeezed AS ENUM ('y');
CREATE TYPE line AS (one squeezed[], other _squeezed[]);
