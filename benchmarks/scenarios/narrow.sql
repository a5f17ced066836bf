-- Rows as small as can be: one table, two integers, no index; 10 million rows. What a row costs the client shows here.
CREATE TABLE narrow (a int NOT NULL, b int NOT NULL);
INSERT INTO narrow SELECT i, i % 1000 FROM generate_series(1, pg_temp.scaled(10000000)) i;
