-- 25 tables with rows: cycles, self-references, composite keys, partitions, inheritance, MATCH FULL, deferrable keys,
-- tables without any key, hostile names, references that only a definition declares.
CREATE TABLE regions (id int PRIMARY KEY, name text);
CREATE TABLE countries (code text PRIMARY KEY, region int REFERENCES regions);
CREATE TABLE addresses (id bigint PRIMARY KEY, country text NOT NULL REFERENCES countries);
CREATE TABLE customers (id int PRIMARY KEY, referred_by int REFERENCES customers, address int REFERENCES addresses
                       , main_account int, name text);
CREATE TABLE accounts (id int PRIMARY KEY
                      , customer int NOT NULL REFERENCES customers DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE customers ADD FOREIGN KEY (main_account) REFERENCES accounts DEFERRABLE;
CREATE TABLE categories (id int PRIMARY KEY, parent int REFERENCES categories);
CREATE TABLE suppliers (id int PRIMARY KEY, country text REFERENCES countries);
CREATE TABLE products (id int PRIMARY KEY, category int REFERENCES categories, supplier int REFERENCES suppliers
                      , successor int REFERENCES products);
CREATE TABLE product_texts (product int REFERENCES products, lang text, body text, PRIMARY KEY (product, lang));
CREATE TABLE warehouses (id int PRIMARY KEY, address bigint REFERENCES addresses);
CREATE TABLE stock (warehouse int REFERENCES warehouses, product int REFERENCES products, pieces int
                   , UNIQUE (product, warehouse));
CREATE TABLE orders (id int, day date, customer int REFERENCES customers, agent int REFERENCES customers
                    , PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
CREATE TABLE orders_old PARTITION OF orders FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE orders_new PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO (MAXVALUE) PARTITION BY LIST (id);
CREATE TABLE orders_new_few PARTITION OF orders_new FOR VALUES IN (1, 2, 3);
CREATE TABLE orders_new_rest PARTITION OF orders_new DEFAULT;
CREATE TABLE lines (order_id int, order_day date, n int, product int REFERENCES products
                   , PRIMARY KEY (order_id, order_day, n)
                   , FOREIGN KEY (order_day, order_id) REFERENCES orders (day, id));
CREATE TABLE shipments (id int, kind text, order_id int, order_day date, n int, product int, warehouse int
                       , FOREIGN KEY (order_id, order_day, n) REFERENCES lines
                       , FOREIGN KEY (warehouse, product) REFERENCES stock (warehouse, product) MATCH FULL
                       ) PARTITION BY LIST (kind);
CREATE TABLE shipments_air PARTITION OF shipments FOR VALUES IN ('air');
CREATE TABLE shipments_sea PARTITION OF shipments FOR VALUES IN ('sea');
CREATE TABLE friendships (a int REFERENCES customers, b int REFERENCES customers, PRIMARY KEY (a, b));
CREATE TABLE departments (id int PRIMARY KEY, head int);
CREATE TABLE employees (id int PRIMARY KEY, department int REFERENCES departments, team int, "Buddy""s %" int);
CREATE TABLE teams (id int PRIMARY KEY, lead int REFERENCES employees);
ALTER TABLE departments ADD FOREIGN KEY (head) REFERENCES employees;
ALTER TABLE employees ADD FOREIGN KEY (team) REFERENCES teams;
ALTER TABLE customers ADD care int REFERENCES employees;
CREATE TABLE documents (id int PRIMARY KEY, owner int REFERENCES customers, title text);
CREATE TABLE contracts (starts date) INHERITS (documents);
CREATE SCHEMA "Odd.Schema";
CREATE TABLE "Odd.Schema"."it's ""100%""" ("Key A" int, "Key-B" text, "of" int REFERENCES customers
                                           , UNIQUE ("Key-B", "Key A"));
CREATE TABLE "Odd.Schema"."Child" (a int, b text
                                   , FOREIGN KEY (a, b) REFERENCES "Odd.Schema"."it's ""100%""" ("Key A", "Key-B"));
CREATE TABLE comments (subject_type text, subject bigint, author int);
CREATE TABLE settings (name text, value text);

INSERT INTO regions SELECT g, 'r' || g FROM generate_series(1, 6) g;
INSERT INTO countries SELECT 'c' || g, nullif(g % 7, 0) FROM generate_series(1, 40) g;
INSERT INTO addresses SELECT g, 'c' || 1 + g * 7 % 40 FROM generate_series(1, 400) g;
INSERT INTO departments SELECT g FROM generate_series(1, 9) g;
INSERT INTO employees SELECT g, 1 + g % 9, NULL, nullif(g * 3 % 50, 0) FROM generate_series(1, 50) g;
INSERT INTO teams SELECT g, 1 + g * 11 % 50 FROM generate_series(1, 12) g;
UPDATE departments SET head = id * 5; UPDATE employees SET team = 1 + id % 12 WHERE id % 4 > 0;
INSERT INTO customers SELECT g, CASE WHEN g % 4 = 0 THEN g / 4 END, 1 + g * 13 % 400, NULL, 'n' || g
                             , CASE WHEN g % 30 = 0 THEN 1 + g % 50 END
  FROM generate_series(1, 300) g;
INSERT INTO accounts SELECT g, 1 + g * 7 % 300 FROM generate_series(1, 500) g;
UPDATE customers SET main_account = (SELECT min(a.id) FROM accounts a WHERE a.customer = customers.id) WHERE id % 3 > 0;
UPDATE customers SET main_account = 1 + id * 29 % 500 WHERE id % 40 = 7;
INSERT INTO categories SELECT g, CASE WHEN g > 1 THEN g / 2 END FROM generate_series(1, 60) g;
INSERT INTO suppliers SELECT g, 'c' || 1 + g % 40 FROM generate_series(1, 30) g;
INSERT INTO products SELECT g, 1 + g % 60, nullif(g % 31, 0), CASE WHEN g % 5 = 0 THEN 1 + g / 3 END
  FROM generate_series(1, 200) g;
INSERT INTO product_texts SELECT g, lang, 'text ' || g FROM generate_series(1, 200) g, unnest(ARRAY['de', 'en']) lang;
INSERT INTO warehouses SELECT g, g * 20 FROM generate_series(1, 8) g;
INSERT INTO stock SELECT w, p, w * p FROM generate_series(1, 8) w, generate_series(1, 200) p WHERE (w + p) % 3 = 0;
INSERT INTO orders SELECT g, date '2025-12-01' + g % 60, 1 + g * 23 % 300, CASE WHEN g % 90 = 0 THEN 1 + g % 300 END
  FROM generate_series(1, 900) g;
INSERT INTO lines SELECT id, day, n, nullif(1 + (id * n) % 200, 13)
  FROM orders, generate_series(1, 3) n WHERE (id + n) % 3 > 0;
INSERT INTO shipments SELECT row_number() OVER (), CASE WHEN (l.order_id + l.n) % 2 = 0 THEN 'air' ELSE 'sea' END
                           , l.order_id, l.order_day, CASE WHEN l.order_id % 11 > 0 THEN l.n END, s.product, s.warehouse
  FROM lines l LEFT JOIN stock s ON s.product = l.product AND s.warehouse = 1 + l.order_id % 8 WHERE l.order_id % 2 = 0
     OR l.n = 1;
INSERT INTO friendships SELECT g, 1 + g * 31 % 300 FROM generate_series(1, 300) g WHERE g % 20 < 3;
INSERT INTO documents SELECT g, 1 + g * 3 % 300, 'd' || g FROM generate_series(1, 150) g;
INSERT INTO contracts SELECT g, CASE WHEN g % 2 = 0 THEN 900 + g ELSE 1 + g % 300 END, 'k' || g, '2026-01-01'
  FROM generate_series(1, 80) g;
INSERT INTO "Odd.Schema"."it's ""100%""" SELECT g, 'k' || g % 5, 1 + g % 300 FROM generate_series(1, 100) g;
INSERT INTO "Odd.Schema"."Child" SELECT g, CASE WHEN g % 6 > 0 THEN 'k' || g % 5 END FROM generate_series(1, 100) g;
INSERT INTO "Odd.Schema"."Child" SELECT g, 'no such' FROM generate_series(1, 0) g;
INSERT INTO comments SELECT (ARRAY['product', 'document', 'nothing'])[1 + g % 3], g % 250, 1 + g % 320
  FROM generate_series(1, 400) g;
INSERT INTO comments SELECT * FROM comments WHERE subject % 10 = 0;
INSERT INTO settings SELECT 's' || g, 'v' FROM generate_series(1, 20) g;
ANALYZE;
