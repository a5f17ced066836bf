-- How many large objects there are.
SELECT count(*) AS count
  FROM pg_largeobject_metadata
