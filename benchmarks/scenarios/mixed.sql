-- A database as many are: 1 GB, five tables of different sizes and types, ten indexes, foreign keys, a matview.
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, born date, score numeric(10, 2), tags text[]);
INSERT INTO customers
SELECT i, 'customer ' || i, date '1950-01-01' + i % 20000, i / 7.0, ARRAY['t' || i % 10, md5(i::text)]
  FROM generate_series(1, pg_temp.scaled(400000)::int) i;

CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, placed timestamptz NOT NULL,
                     total numeric(12, 2), note text);
INSERT INTO orders
SELECT i, 1 + i % pg_temp.scaled(400000), timestamptz '2020-01-01' + i * interval '1 minute', i / 3.0
     , repeat(md5(i::text), 3)
  FROM generate_series(1, pg_temp.scaled(1500000)) i;

CREATE TABLE items (order_id bigint, line int, product int, price float8, PRIMARY KEY (order_id, line));
INSERT INTO items
SELECT 1 + i / 2, i % 2, i % 10007, i / 11.0 FROM generate_series(0, 2 * pg_temp.scaled(1500000) - 1) i;

CREATE TABLE clicks (at timestamptz NOT NULL, customer_id int NOT NULL);
INSERT INTO clicks
SELECT timestamptz '2024-01-01' + i * interval '1 second', i % 1000 FROM generate_series(1, pg_temp.scaled(2500000)) i;

CREATE TABLE files (id int PRIMARY KEY, body bytea);
INSERT INTO files
SELECT i, string_agg(sha512((i * 100 + j)::text::bytea), '')
  FROM generate_series(1, pg_temp.scaled(15000)::int) i, generate_series(1, 64) j GROUP BY i;

CREATE INDEX ON customers (name);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (placed);
CREATE INDEX ON orders (note) WHERE total > 1000;
CREATE INDEX ON items (product);
CREATE INDEX ON clicks USING brin (at);
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE items ADD FOREIGN KEY (order_id) REFERENCES orders;
CREATE MATERIALIZED VIEW turnover AS SELECT product, sum(price) AS total FROM items GROUP BY product;
