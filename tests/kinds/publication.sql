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
CREATE TABLE "Odd ""table""" (id integer);                                                              --19+
CREATE TABLE parted (id integer) PARTITION BY LIST (id);                                               --19+
CREATE TABLE aaa () INHERITS ("Odd ""table""");                                                        --19+
CREATE PUBLICATION all_sequences FOR ALL SEQUENCES;                                                    --19+
CREATE PUBLICATION all_of_both FOR ALL TABLES, ALL SEQUENCES WITH (publish = 'insert');                --19+
CREATE PUBLICATION all_but FOR ALL TABLES EXCEPT (TABLE t);                                            --19+
CREATE PUBLICATION all_but_some FOR ALL TABLES EXCEPT (TABLE ONLY "Odd ""table""", parted, TABLE t), ALL SEQUENCES; --19+
CREATE PUBLICATION all_but_family FOR ALL TABLES EXCEPT (TABLE "Odd ""table""");                       --19+
ALTER PUBLICATION all_but OWNER TO alice;                                                              --19+
