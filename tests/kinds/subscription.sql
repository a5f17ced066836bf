-- requires: postgres_fdw --19+
CREATE SUBSCRIPTION plain CONNECTION 'host=nowhere dbname=x' PUBLICATION p WITH (connect = false);
CREATE SUBSCRIPTION "Odd ""name""; 'quoted'" CONNECTION 'host=''no where'' password=''it\''s; 100% <&>"'' dbname=é'
  PUBLICATION "Odd ""publication""", "select", p WITH (connect = false, slot_name = 'select');
CREATE SUBSCRIPTION no_slot CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE SUBSCRIPTION commits CONNECTION '' PUBLICATION p WITH (connect = false, synchronous_commit = remote_apply);
CREATE SUBSCRIPTION commits_on CONNECTION '' PUBLICATION p WITH (connect = false, synchronous_commit = on);
CREATE SUBSCRIPTION "binary" CONNECTION '' PUBLICATION p WITH (connect = false, binary = true);            --14+
CREATE SUBSCRIPTION streams CONNECTION '' PUBLICATION p WITH (connect = false, streaming = on);            --14+
CREATE SUBSCRIPTION no_streams CONNECTION '' PUBLICATION p WITH (connect = false, streaming = off);        --14+
CREATE SUBSCRIPTION two_phases CONNECTION '' PUBLICATION p WITH (connect = false, two_phase = true);       --15+
CREATE SUBSCRIPTION disabled CONNECTION '' PUBLICATION p WITH (connect = false, disable_on_error = true);  --15+
CREATE SUBSCRIPTION parallel CONNECTION '' PUBLICATION p WITH (connect = false, streaming = parallel);     --16+
CREATE SUBSCRIPTION no_password CONNECTION '' PUBLICATION p WITH (connect = false, password_required = false); --16+
CREATE SUBSCRIPTION as_owner CONNECTION '' PUBLICATION p WITH (connect = false, run_as_owner = true);      --16+
CREATE SUBSCRIPTION no_origin CONNECTION '' PUBLICATION p WITH (connect = false, origin = none);           --16+
CREATE SUBSCRIPTION any_origin CONNECTION '' PUBLICATION p WITH (connect = false, origin = "any");         --16+
CREATE SUBSCRIPTION fails_over CONNECTION '' PUBLICATION p WITH (connect = false, failover = true);        --17+
CREATE SUBSCRIPTION of_alice CONNECTION 'password=x' PUBLICATION p WITH (connect = false);                 --16+
ALTER SUBSCRIPTION of_alice OWNER TO alice;                                                                --16+
CREATE EXTENSION IF NOT EXISTS postgres_fdw;                                                                             --19+
CREATE SERVER "Odd ""server""" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'no where', dbname 'x');    --19+
CREATE USER MAPPING FOR CURRENT_USER SERVER "Odd ""server""" OPTIONS (user 'me', password 'secret');      --19+
CREATE SUBSCRIPTION by_server SERVER "Odd ""server""" PUBLICATION p WITH (connect = false, slot_name = NONE); --19+
CREATE SUBSCRIPTION retains CONNECTION '' PUBLICATION p                                                   --19+
  WITH (connect = false, retain_dead_tuples = true, max_retention_duration = 1000);                        --19+
CREATE SUBSCRIPTION times_out CONNECTION '' PUBLICATION p WITH (connect = false, wal_receiver_timeout = '5min'); --19+
CREATE SUBSCRIPTION never_times_out CONNECTION '' PUBLICATION p WITH (connect = false, wal_receiver_timeout = 0); --19+
