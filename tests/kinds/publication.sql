CREATE TABLE t (id integer PRIMARY KEY);
CREATE PUBLICATION plain;
CREATE PUBLICATION "Odd ""name""; 'quoted'" FOR ALL TABLES;
CREATE PUBLICATION "select" WITH (publish = '');
CREATE PUBLICATION inserts WITH (publish = 'insert');
CREATE PUBLICATION "All but inserts" FOR ALL TABLES WITH (publish = 'truncate, delete, update');
CREATE PUBLICATION via_root WITH (publish_via_partition_root = true);                                  --13+
CREATE PUBLICATION all_via_root FOR ALL TABLES WITH (publish = 'delete', publish_via_partition_root); --13+
CREATE PUBLICATION generated_columns WITH (publish_generated_columns = stored);                        --18+
CREATE PUBLICATION no_generated_columns WITH (publish_generated_columns = none);                       --18+
CREATE PUBLICATION generated_via_root FOR ALL TABLES
  WITH (publish_via_partition_root = true --13+
      , publish_generated_columns = stored --18+
--<13 WITH (publish = 'insert'
       );
ALTER PUBLICATION inserts OWNER TO "Odd Role";
ALTER PUBLICATION plain OWNER TO alice;
