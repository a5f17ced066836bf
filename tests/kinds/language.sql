CREATE FUNCTION "Odd ""handler"() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION inline(internal) RETURNS void LANGUAGE c STRICT AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION "VALIDATOR"(oid) RETURNS void LANGUAGE c STRICT AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE TRUSTED LANGUAGE "All ""options""" HANDLER "Odd ""handler" INLINE inline VALIDATOR "VALIDATOR";
CREATE LANGUAGE bare HANDLER "Odd ""handler";
CREATE TRUSTED LANGUAGE "select" HANDLER "Odd ""handler" VALIDATOR "VALIDATOR";
ALTER LANGUAGE "select" OWNER TO alice;
CREATE LANGUAGE "DO" HANDLER "Odd ""handler" INLINE inline;
ALTER LANGUAGE "DO" OWNER TO "Odd Role";
CREATE FUNCTION f() RETURNS int LANGUAGE "All ""options""" AS 'BEGIN RETURN 1; END';
-- Its handler is built in.
CREATE TRUSTED LANGUAGE builtin HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler;
