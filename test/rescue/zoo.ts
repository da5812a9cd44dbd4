/** Tables of everything that is hard to copy and to put back. */
export const create = `
  CREATE SCHEMA "Sales Team";
  CREATE TYPE mood AS ENUM ('good', 'it''s "bad"');
  CREATE TYPE place AS (street text, at timestamptz);
  CREATE DOMAIN percentage AS numeric(5,2) CHECK (VALUE BETWEEN 0 AND 100);
  CREATE COLLATION "my order" (provider = icu, locale = 'de');
  CREATE SEQUENCE invoice_number START 1000 INCREMENT 5;
  CREATE TABLE "Sales Team"."Order ""Lines""; --" (
    "Id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "select" mood[], "the ""key""" uuid DEFAULT gen_random_uuid(),
    home place, share percentage, name text COLLATE "my order", invoice int DEFAULT nextval('invoice_number'),
    twice bigint GENERATED ALWAYS AS ("Id" * 2) STORED);
  CREATE TABLE kinds (
    a smallint, b numeric, c numeric(30,10), d real, e double precision, f money, g varchar(9), h char(5), i bytea,
    j timestamptz, k timestamp(2), l date, m timetz, n interval, o boolean, p point, q inet, r cidr, s bit(4), t varbit,
    u json, v jsonb, w xml, x int4range, y int[], z tstzmultirange, aa tsvector, ab regclass, ac "char", ad name, ae mood, af text);
  CREATE TABLE staff (id serial PRIMARY KEY, boss int REFERENCES staff, team int);
  CREATE TABLE teams (id int PRIMARY KEY, lead int REFERENCES staff);
  ALTER TABLE staff ADD CONSTRAINT staff_team FOREIGN KEY (team) REFERENCES teams;
  CREATE TABLE codes (code text NOT NULL UNIQUE DEFERRABLE, id int NOT NULL, value text);
  CREATE UNIQUE INDEX codes_id ON codes (id);
  CREATE TABLE twins (a int, b text);
  CREATE TABLE events (id int, at date, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
  CREATE TABLE events_2 PARTITION OF events DEFAULT PARTITION BY LIST (id);
  CREATE TABLE events_2_1 PARTITION OF events_2 DEFAULT;
  CREATE TABLE parents (id int PRIMARY KEY, code text);
  CREATE TABLE children (more int) INHERITS (parents);
  CREATE TABLE secrets (id int PRIMARY KEY, owner text);
  ALTER TABLE secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY nobody ON secrets USING (false);`;

export const fill = `
  INSERT INTO "Sales Team"."Order ""Lines""; --" ("select", home, share, name)
    SELECT ARRAY['good', NULL, 'it''s "bad"']::mood[], ROW('a, "b" (' || n, '2020-03-29 02:30+02')::place, n / 3.0, 'Ä\\' || n
      FROM generate_series(1, 7) n;
  INSERT INTO kinds VALUES
    (-7, 1e-30, 12345678901234567890.0123456789, 0.1, 0.1 + 0.2, 12.34, 'it''s', 'x', '\\x00ff27', '2020-03-29 02:30:00.123456+02',
     '2020-01-01 00:00:00.12', 'infinity', '10:00+05:30', '1 mon -2 days 03:00:00.5', true, '(1,2.5)', '::1/64', '10.0.0.0/8',
     B'1010', B'1', '{"b": 1,  "a": 1, "a": 2}', '{"a": [1.10, null]}', '<a>&amp;</a>', '[1,5)', '{{1,NULL},{3,4}}',
     '{[2020-01-01,2020-02-01),(2021-01-01,)}', 'a:1 fat:2', 'staff', 'q', 'n', 'good', E'tab\\t "quoted" \\\\ \\n ü');
  INSERT INTO kinds (a) VALUES (NULL), (NULL);
  INSERT INTO kinds (d, e, b, n) VALUES ('NaN', '-0', 'NaN', '-1 year'), ('-Infinity', 5e-324, 'Infinity', '0');
  INSERT INTO staff (boss) VALUES (NULL), (1), (2);
  INSERT INTO teams VALUES (1, 1), (2, 3);
  UPDATE staff SET team = 1 + id % 2;
  INSERT INTO codes VALUES ('x', 1, 'one'), ('y', 2, NULL);
  INSERT INTO twins VALUES (1, 'a'), (1, 'a'), (1, 'b'), (NULL, NULL), (NULL, NULL);
  INSERT INTO events VALUES (1, '2020-05-05', 'in'), (1, '2022-05-05', 'out'), (2, '2022-05-05', NULL);
  INSERT INTO parents VALUES (1, 'p');
  INSERT INTO children VALUES (2, 'c', 5);
  INSERT INTO secrets VALUES (1, 'me');`;

export const drop = `
  DROP TABLE children, parents, secrets, events, twins, codes, teams, staff, kinds CASCADE;
  DROP SCHEMA "Sales Team" CASCADE;
  DROP SEQUENCE invoice_number;
  DROP TYPE mood, place; DROP DOMAIN percentage; DROP COLLATION "my order";`;
