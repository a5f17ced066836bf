-- The columns that only the copy has: see attributes.py.
SELECT e.relid, e.place, e.name, e.type, e.modifier
  FROM jsonb_to_recordset(nullif(current_setting('replicator.extra', true), '')::jsonb)
       AS e (relid oid, place int, name text, type oid, modifier int)
