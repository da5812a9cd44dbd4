/** A folder of what is hard to compare: spellings, names, and where objects belong. */
export const zoo: Record<string, string> = {
  '0001_spellings.up.sql': `
    CREATE FUNCTION is_even(n int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT n % 2 = 0';
    CREATE TYPE mood AS ENUM ('fine', 'not fine');
    CREATE DOMAIN percentage AS numeric CHECK (VALUE BETWEEN 0 AND 100);
    CREATE TABLE spellings (
      id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      kind varchar(20) CHECK (kind IN ('a', 'b', 'it''s')),
      letter char(1) CHECK (letter IN ('x', 'y')),
      n int CHECK (is_even(n)),
      part percentage,
      feeling mood CONSTRAINT spellings_feeling CHECK (feeling <> 'not fine' OR n > 0),
      day date CHECK (day > DATE '2020-02-01'),
      span interval CHECK (span < INTERVAL '1 month 2 days 03:04:05'),
      at timestamptz CHECK (at >= TIMESTAMPTZ '2020-06-01 00:00:00+00'),
      ratio float8 CHECK (ratio < 0.1::float8),
      raw bytea CHECK (raw <> '\\x00ff'::bytea),
      body jsonb,
      name text COLLATE "C",
      EXCLUDE USING btree (kind WITH =) WHERE (kind IN ('a', 'b') AND day < DATE '2021-01-02')
    );
    ALTER TABLE spellings ADD CONSTRAINT spellings_trimmed CHECK (btrim(kind) = kind AND substring(name FROM 1 FOR 2) <> 'zz'
      AND extract(year FROM day) > 2000 AND (at AT TIME ZONE 'UTC') > TIMESTAMP '2019-01-01') NO INHERIT;
    CREATE INDEX spellings_kind ON spellings (day, lower(kind)) WHERE kind IN ('a', 'b');
    CREATE INDEX spellings_day ON spellings (at DESC NULLS LAST, n) INCLUDE (ratio) WHERE day > DATE '2020-03-04';
    CREATE INDEX spellings_span ON spellings ((span + INTERVAL '1 day 2 hours')) WHERE at > TIMESTAMPTZ '2020-01-01 12:00+02';
    CREATE INDEX spellings_body ON spellings USING gin (body jsonb_path_ops) WITH (fastupdate = off);
    CREATE INDEX spellings_pattern ON spellings (kind varchar_pattern_ops, name COLLATE "POSIX");
    CREATE INDEX spellings_brin ON spellings USING brin (at timestamptz_minmax_multi_ops (values_per_range = 16));
    CREATE UNIQUE INDEX spellings_nulls ON spellings (kind, n) NULLS NOT DISTINCT;
    CREATE INDEX spellings_text ON spellings USING gin (to_tsvector('english', coalesce(name, '') || ' ' || coalesce(kind, '')));
    CREATE MATERIALIZED VIEW seen AS SELECT id, kind FROM spellings;
    CREATE UNIQUE INDEX seen_id ON seen (id) WHERE kind IN ('a', 'b');`,

  '0002_families.up.sql': `
    CREATE TABLE events (
      id bigint NOT NULL, at timestamptz NOT NULL, kind varchar(9), owner int REFERENCES spellings (id) ON DELETE CASCADE,
      CONSTRAINT events_pkey PRIMARY KEY (id, at), CONSTRAINT events_kind CHECK (kind IN ('x', 'y'))
    ) PARTITION BY RANGE (at);
    CREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01Z') TO ('2021-01-01Z');
    CREATE TABLE events_2021 (LIKE events INCLUDING ALL);
    ALTER TABLE events ATTACH PARTITION events_2021 FOR VALUES FROM ('2021-01-01Z') TO ('2022-01-01Z');
    CREATE INDEX events_by_kind ON events (kind, at) WHERE kind IN ('x');
    CREATE INDEX events_2020_only ON events_2020 (owner);
    ALTER TABLE events_2020 ADD CONSTRAINT events_2020_id CHECK (id > 0);
    CREATE TABLE events_rest PARTITION OF events DEFAULT PARTITION BY RANGE (at);
    CREATE TABLE events_rest_all PARTITION OF events_rest DEFAULT;
    CREATE TABLE event_notes (event bigint, at timestamptz, FOREIGN KEY (event, at) REFERENCES events (id, at));

    CREATE TABLE parents (id int PRIMARY KEY, code varchar(5) CONSTRAINT parents_code CHECK (code IN ('p', 'q')), only_here int CHECK (only_here > 0) NO INHERIT);
    CREATE TABLE children (more int CHECK (more > 0)) INHERITS (parents);
    CREATE TABLE adopted (id int NOT NULL, code varchar(5), only_here int, CONSTRAINT parents_code CHECK (code IN ('p', 'q')));
    ALTER TABLE adopted INHERIT parents;
    CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, UNIQUE (id) INCLUDE (id));
    CREATE TABLE rooms (room int, during tsrange, EXCLUDE USING gist (during WITH &&) WHERE (NOT isempty(during)),
      CONSTRAINT rooms_key UNIQUE NULLS NOT DISTINCT (room) DEFERRABLE,
      CONSTRAINT rooms_late FOREIGN KEY (room) REFERENCES parents (id) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);`,

  '0003_names.up.sql': `
    CREATE SCHEMA "Sales Team";
    CREATE SCHEMA pgboss;
    CREATE TABLE pgboss.job (id int PRIMARY KEY);
    CREATE TABLE "Sales Team"."Order ""Lines"" ON x" (
      "Id" int CONSTRAINT "the key ON x" PRIMARY KEY, "select" varchar(3) CONSTRAINT "CHECK ( WHERE (" CHECK ("select" IN ('a', 'b')));
    CREATE INDEX "a INDEX b ON c" ON "Sales Team"."Order ""Lines"" ON x" (lower("select")) WHERE "select" IN ('a');
    CREATE UNIQUE INDEX "quote "" $& $1" ON "Sales Team"."Order ""Lines"" ON x" ("Id" DESC) WHERE "Id" > 0;
    CREATE INDEX "order" ON "Sales Team"."Order ""Lines"" ON x" ("select");
    CREATE INDEX ausdrücke ON "Sales Team"."Order ""Lines"" ON x" (("Id" + 1)) WHERE "select" <> '''';`,
};

/** What only a complete snapshot sees; it stands on the tables of the zoo. */
export const menagerie: Record<string, string> = {
  '0004_everything.up.sql': `
    CREATE TYPE address AS (street text, "zip code" varchar(10) COLLATE "C");
    CREATE TYPE spread AS RANGE (subtype = float8, subtype_diff = float8mi);
    CREATE DOMAIN email AS varchar(99) COLLATE "C" DEFAULT 'a@b' NOT NULL CONSTRAINT email_at CHECK (VALUE LIKE '%@%')
      CONSTRAINT email_kind CHECK (VALUE IN ('a@b', 'c@d'));
    CREATE SEQUENCE invoice_number AS int START 1000 INCREMENT 5 MAXVALUE 99999 CACHE 10 CYCLE;
    CREATE TABLE accounts (
      id bigint GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT 2) PRIMARY KEY,
      serial_number serial,
      email email,
      status varchar(10) NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'old')),
      feeling mood DEFAULT 'fine',
      home address,
      number int DEFAULT nextval('invoice_number'),
      born timestamptz DEFAULT now(), until date DEFAULT (DATE '2020-02-01' + 3), span interval DEFAULT INTERVAL '1 month 2 days',
      label text GENERATED ALWAYS AS (CASE WHEN status IN ('new', 'old') THEN 'known' ELSE status || '?' END) STORED
    ) WITH (fillfactor = 70, autovacuum_enabled = off);
    ALTER TABLE accounts REPLICA IDENTITY FULL, ALTER COLUMN status SET STATISTICS 500;
    ALTER TABLE accounts ADD CONSTRAINT accounts_later CHECK (number > 0) NOT VALID;
    ALTER TABLE accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON accounts FOR SELECT USING (email = current_user AND status IN ('new', 'old')
      AND EXISTS (SELECT FROM spellings s WHERE s.n = accounts.number AND s.kind IN ('a', 'b')));
    CREATE POLICY "insert ON" ON accounts AS RESTRICTIVE FOR INSERT TO pg_read_all_data, CURRENT_USER WITH CHECK (status = 'new');
    CREATE INDEX accounts_lower ON accounts (lower(label), (number + 1) DESC, status text_pattern_ops);
    CLUSTER accounts USING accounts_pkey;
    CREATE STATISTICS accounts_together (ndistinct, mcv) ON status, number, (lower(label)) FROM accounts;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$ BEGIN NEW.born := now(); RETURN NEW; END $$;
    CREATE FUNCTION total(of_kind varchar DEFAULT 'a', VARIADIC more int[] DEFAULT ARRAY[1]) RETURNS TABLE (n bigint, kind text)
      STABLE PARALLEL SAFE COST 7 ROWS 5 LANGUAGE sql BEGIN ATOMIC SELECT count(*), s.kind FROM spellings s WHERE s.kind IN ('a', 'b') AND s.kind = of_kind GROUP BY s.kind; END;
    CREATE PROCEDURE tidy(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
    CREATE AGGREGATE concatenated(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
    CREATE TRIGGER touched BEFORE INSERT OR UPDATE OF status ON accounts FOR EACH ROW WHEN (NEW.status IN ('new', 'old')) EXECUTE FUNCTION touch();
    CREATE TRIGGER changed AFTER UPDATE ON accounts FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch('x) EXECUTE');
    CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON accounts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE TRIGGER of_events AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION touch();
    ALTER TABLE accounts DISABLE TRIGGER changed;
    CREATE VIEW known WITH (security_barrier) AS SELECT a.id, a.status, extract(year FROM a.born) AS year, (a.home).street
      FROM accounts a LEFT JOIN spellings s ON s.n = a.number WHERE a.status IN ('new', 'old');
    CREATE VIEW simple AS SELECT id, status, number FROM accounts WHERE status IN ('new', 'old') WITH CASCADED CHECK OPTION;
    ALTER VIEW simple ALTER COLUMN status SET DEFAULT 'old';
    CREATE RULE "no ON AS" AS ON DELETE TO simple WHERE old.status IN ('new', 'old') DO INSTEAD NOTHING;
    CREATE MATERIALIZED VIEW counted AS SELECT status, count(*) AS n FROM accounts GROUP BY status HAVING count(*) > 1;
    CREATE INDEX counted_n ON counted (n);
    CREATE TABLE by_hash (id int, kind varchar(3)) PARTITION BY LIST ((CASE WHEN kind IN ('a', 'b') THEN 1 ELSE 2 END));
    CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES IN (1);
    CREATE TABLE typed OF address;
    CREATE TABLE by_hand (id int); COMMENT ON TABLE by_hand IS 'made for comments'; COMMENT ON COLUMN by_hand.id IS 'its id';
    COMMENT ON FUNCTION touch() IS 'sets born';
    CREATE COLLATION german (provider = icu, locale = 'de');
    CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
    CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq);
    CREATE CAST (address AS text) WITH INOUT;
    CREATE PUBLICATION changes FOR TABLE accounts (id, number) WHERE (number > 3), by_hand WITH (publish = 'insert, update');
    CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
    CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE') EXECUTE FUNCTION on_ddl();`,
};

/** Made by hand, and no business of the migrations. */
export const bystanders = `
  CREATE TABLE of_extension (id int PRIMARY KEY, n int CHECK (n > 0));
  CREATE INDEX of_extension_n ON of_extension (n);
  ALTER EXTENSION plpgsql ADD TABLE of_extension;
  CREATE TEMP TABLE of_session (id int PRIMARY KEY, n int CHECK (n > 0));
  CREATE SCHEMA dbops_rescue;
  CREATE TABLE dbops_rescue.kept (id int PRIMARY KEY)`;

/** What every session of the database starts with. */
export const hostileDefaults = [
  `search_path = 'pg_catalog', '"Sales Team"'`,
  `DateStyle = 'SQL, DMY'`,
  `IntervalStyle = 'iso_8601'`,
  `TimeZone = 'Asia/Kathmandu'`,
  'quote_all_identifiers = on',
  'extra_float_digits = -3',
  `bytea_output = 'escape'`,
  'standard_conforming_strings = off',
  'default_transaction_isolation = serializable',
  'default_transaction_read_only = on',
  'row_security = off',
];

/** Leaves what a dump and restore leaves: every expression is parsed from its own deparsed text. */
export const restoreSpelling = `
  SET search_path = '';
  DO $$
  DECLARE o record;
  BEGIN
    FOR o IN SELECT conrelid::regclass AS rel, conname, pg_get_constraintdef(c.oid) AS def FROM pg_constraint c
      WHERE contype IN ('c', 'x') AND conislocal AND conrelid <> 0 AND connamespace::regnamespace::text !~ '^(pg_|information_schema)'
    LOOP
      CONTINUE WHEN EXISTS (SELECT FROM pg_inherits WHERE o.rel IN (inhrelid, inhparent));
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s', o.rel, o.conname, o.conname, o.def);
    END LOOP;
    FOR o IN SELECT indexrelid::regclass AS rel, pg_get_indexdef(indexrelid) AS def FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
      WHERE relkind = 'i' AND NOT relispartition AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid)
    LOOP
      EXECUTE format('DROP INDEX %s', o.rel);
      EXECUTE o.def;
    END LOOP;
  END $$`;

/** What a database has that was made by PostgreSQL 13 and upgraded since: calls of functions. */
export const bornOn13 = `
  ALTER TABLE spellings DROP CONSTRAINT spellings_trimmed;
  ALTER TABLE spellings ADD CONSTRAINT spellings_trimmed CHECK (btrim(kind) = kind AND "substring"(name, 1, 2) <> 'zz'
    AND extract(year FROM day) > 2000 AND timezone('UTC', at) > TIMESTAMP '2019-01-01') NO INHERIT;`;

/** That is another function, with another type. */
export const otherExtract = bornOn13.replace('extract(year FROM day)', `date_part('year', day)`);
