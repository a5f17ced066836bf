-- The same of what older servers do not know.
CREATE FUNCTION united() RETURNS SETOF int
    BEGIN ATOMIC SELECT id FROM a UNION ALL SELECT NULL; SELECT x FROM b UNION SELECT <101>; END;
CREATE FUNCTION returns(v varchar) RETURNS bool RETURN v IN ('x', '<102>') AND EXTRACT('YEAR' FROM now()) > 2;
CREATE FUNCTION again(i int) RETURNS int RETURN CASE WHEN i > 0 THEN 1 END;
CREATE PROCEDURE changes(IN a int, IN b int DEFAULT 4) BEGIN ATOMIC
    INSERT INTO b SELECT a UNION SELECT NULL;
    UPDATE b AS q SET x = <103> WHERE x = changes.a;
    DELETE FROM a AS z WHERE v IN ('x', 'y');
END;
CREATE STATISTICS of_expressions ON (EXTRACT('YEAR' FROM ts)), (v || '<104>') FROM a;
CREATE STATISTICS of_columns ON lower(v), id FROM a;
