CREATE FOREIGN DATA WRAPPER plain;
CREATE FOREIGN DATA WRAPPER "Odd ""wrapper""" VALIDATOR postgresql_fdw_validator;
GRANT USAGE ON FOREIGN DATA WRAPPER plain, "Odd ""wrapper""" TO alice, "Odd Role";

CREATE SERVER aaa FOREIGN DATA WRAPPER plain;
CREATE SERVER "Odd ""server""" TYPE 'ora''cle' VERSION E'12.1 \\x' FOREIGN DATA WRAPPER plain
    OPTIONS (z '1', a '', "Odd ""option""" E'it''s \\ "x"', "select" 'a=b,c');
CREATE SERVER "select" TYPE '' VERSION '' FOREIGN DATA WRAPPER "Odd ""wrapper"""
    OPTIONS (host 'db', port '5432', dbname 'x');
CREATE SERVER typed TYPE 'only' FOREIGN DATA WRAPPER plain;
CREATE SERVER versioned VERSION '1' FOREIGN DATA WRAPPER plain;
ALTER SERVER versioned VERSION '2' OPTIONS (b '1', a '2');
ALTER SERVER "Odd ""server""" OWNER TO "Odd Role";
ALTER SERVER typed OWNER TO alice;
COMMENT ON SERVER typed IS 'it has a type';
GRANT USAGE ON FOREIGN SERVER aaa TO alice;
