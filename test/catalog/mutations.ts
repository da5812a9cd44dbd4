/** To the zoo: what somebody does by hand, and every difference that must be told of it. */
export const mutations: [sql: string, ...differences: string[]][] = [
  ['CREATE SCHEMA attic; CREATE TABLE attic.old (id int)', 'extra schema attic'],
  ['DROP SCHEMA pgboss CASCADE', 'missing schema pgboss'],
  ['DROP TABLE fleeting', 'missing table public.fleeting'],
  ['CREATE TABLE more (id serial PRIMARY KEY)', 'extra table public.more'],
  [
    'ALTER TABLE children RENAME TO descendants',
    'missing table public.children',
    'extra table public.descendants',
  ],
  ['ALTER TABLE fleeting SET LOGGED', 'different table public.fleeting: persistence'],
  [
    'ALTER TABLE accounts DISABLE ROW LEVEL SECURITY',
    'different table public.accounts: row level security',
  ],
  [
    'ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY',
    'different table public.accounts: forced row level security',
  ],
  ['ALTER TABLE accounts SET (fillfactor = 80)', 'different table public.accounts: options'],
  [
    'ALTER TABLE accounts REPLICA IDENTITY DEFAULT',
    'different table public.accounts: replica identity',
  ],
  [
    'ALTER TABLE children NO INHERIT parents',
    'different table public.children: inherits',
    'extra constraint parents_code on public.children',
  ],
  ["COMMENT ON TABLE by_hand IS 'other'", 'different table public.by_hand: comment'],
  ['COMMENT ON COLUMN by_hand.id IS NULL', 'different column id on public.by_hand: comment'],
  ['ALTER TABLE accounts DROP COLUMN until', 'missing column until on public.accounts'],
  ['ALTER TABLE accounts ADD COLUMN extra int', 'extra column extra on public.accounts'],
  [
    'ALTER TABLE accounts RENAME COLUMN until TO up_to',
    'missing column until on public.accounts',
    'extra column up_to on public.accounts',
  ],
  ['ALTER TABLE by_hand ALTER id TYPE bigint', 'different column id on public.by_hand: type'],
  ['ALTER TABLE by_hand ALTER id SET NOT NULL', 'different column id on public.by_hand: not null'],
  [
    "ALTER TABLE accounts ALTER feeling SET DEFAULT 'not fine'",
    'different column feeling on public.accounts: default',
  ],
  [
    'ALTER TABLE accounts ALTER feeling DROP DEFAULT',
    'different column feeling on public.accounts: default',
  ],
  [
    "ALTER TABLE accounts ALTER status SET DEFAULT 'old'",
    'different column status on public.accounts: default',
  ],
  [
    'ALTER TABLE accounts ALTER label DROP EXPRESSION',
    'different column label on public.accounts: generated, generation expression',
  ],
  [
    'ALTER TABLE accounts ALTER id SET GENERATED ALWAYS',
    'different column id on public.accounts: identity',
  ],
  [
    'ALTER TABLE accounts ALTER status SET STATISTICS 100',
    'different column status on public.accounts: statistics',
  ],
  [
    'ALTER SEQUENCE invoice_number CYCLE INCREMENT 6',
    'different sequence public.invoice_number: increment',
  ],
  [
    'ALTER TABLE accounts ALTER id SET INCREMENT 3',
    'different sequence accounts_id_seq on public.accounts: increment',
  ],
  [
    'ALTER SEQUENCE invoice_number OWNED BY accounts.number',
    'missing sequence public.invoice_number',
    'extra sequence invoice_number on public.accounts',
  ],
  [
    'ALTER TABLE accounts DROP CONSTRAINT accounts_status_check',
    'missing constraint accounts_status_check on public.accounts',
  ],
  [
    "ALTER TABLE accounts DROP CONSTRAINT accounts_status_check, ADD CONSTRAINT accounts_status_check CHECK (status IN ('new', 'older'))",
    'different constraint accounts_status_check on public.accounts: check',
  ],
  [
    'ALTER TABLE accounts VALIDATE CONSTRAINT accounts_later',
    'different constraint accounts_later on public.accounts: validated',
  ],
  [
    'ALTER TABLE rooms ALTER CONSTRAINT rooms_late NOT DEFERRABLE',
    'different constraint rooms_late on public.rooms: deferrable, deferred, definition',
  ],
  [
    'ALTER TABLE rooms DISABLE TRIGGER ALL',
    'different constraint rooms_key on public.rooms: disabled',
    'different constraint rooms_late on public.rooms: disabled',
  ],
  [
    'ALTER TABLE accounts DROP CONSTRAINT accounts_pkey',
    'missing constraint accounts_pkey on public.accounts',
  ],
  ['DROP INDEX accounts_lower', 'missing index accounts_lower on public.accounts'],
  ['CREATE INDEX by_number ON accounts (number)', 'extra index by_number on public.accounts'],
  [
    'DROP INDEX accounts_lower; CREATE INDEX accounts_lower ON accounts (upper(label), (number + 1) DESC, status text_pattern_ops)',
    'different index accounts_lower on public.accounts: key 1',
  ],
  [
    'DROP INDEX accounts_lower; CREATE INDEX accounts_lower ON accounts (lower(label), (number + 1), status)',
    'different index accounts_lower on public.accounts: keys',
  ],
  [
    "DROP INDEX spellings_kind; CREATE INDEX spellings_kind ON spellings (day, lower(kind)) WHERE kind IN ('a', 'c')",
    'different index spellings_kind on public.spellings: predicate',
  ],
  [
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'accounts_lower'::regclass",
    'different index accounts_lower on public.accounts: valid',
  ],
  [
    'ALTER TABLE accounts SET WITHOUT CLUSTER',
    'different index accounts_pkey on public.accounts: clustered',
  ],
  ["ALTER TYPE mood ADD VALUE 'better' BEFORE 'fine'", 'different type public.mood: labels'],
  [
    "ALTER TYPE mood RENAME VALUE 'fine' TO 'good'",
    'different type public.mood: labels',
    'different column feeling on public.accounts: default',
  ],
  [
    'ALTER TYPE address RENAME ATTRIBUTE "zip code" TO zip CASCADE',
    'missing column "zip code" on public.address',
    'missing column "zip code" on public.typed',
    'extra column zip on public.address',
    'extra column zip on public.typed',
  ],
  ['DROP TYPE spread', 'missing type public.spread'],
  ['ALTER DOMAIN email DROP NOT NULL', 'different domain public.email: not null'],
  ["ALTER DOMAIN email SET DEFAULT 'x@y'", 'different domain public.email: default'],
  [
    'ALTER DOMAIN email DROP CONSTRAINT email_at',
    'missing domain constraint email_at on public.email',
  ],
  [
    "ALTER DOMAIN email DROP CONSTRAINT email_kind; ALTER DOMAIN email ADD CONSTRAINT email_kind CHECK (VALUE IN ('a@b'))",
    'different domain constraint email_kind on public.email: check',
  ],
  ['DROP TRIGGER touched ON accounts', 'missing trigger touched on public.accounts'],
  [
    'ALTER TABLE accounts DISABLE TRIGGER touched',
    'different trigger touched on public.accounts: enabled',
  ],
  [
    'ALTER TABLE accounts ENABLE TRIGGER changed',
    'different trigger changed on public.accounts: enabled',
  ],
  [
    'ALTER TABLE events_2021 DISABLE TRIGGER of_events',
    'different trigger of_events on public.events_2021: enabled',
  ],
  [
    "CREATE OR REPLACE TRIGGER touched BEFORE INSERT OR UPDATE OF status ON accounts FOR EACH ROW WHEN (NEW.status IN ('new')) EXECUTE FUNCTION touch()",
    'different trigger touched on public.accounts: when',
  ],
  [
    "CREATE OR REPLACE TRIGGER touched BEFORE UPDATE OF status ON accounts FOR EACH ROW WHEN (NEW.status IN ('new', 'old')) EXECUTE FUNCTION touch()",
    'different trigger touched on public.accounts: definition',
  ],
  ['DROP POLICY own ON accounts', 'missing policy own on public.accounts'],
  ['ALTER POLICY own ON accounts USING (true)', 'different policy own on public.accounts: using'],
  ['ALTER POLICY own ON accounts TO pg_monitor', 'different policy own on public.accounts: roles'],
  [
    'ALTER POLICY "insert ON" ON accounts WITH CHECK (status <> \'old\')',
    'different policy "insert ON" on public.accounts: with check',
  ],
  ['CREATE POLICY "all" ON accounts', 'extra policy "all" on public.accounts'.replaceAll('"', '')],
  [
    "CREATE OR REPLACE FUNCTION is_even(n int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT n % 2 = 1'",
    'different function public.is_even(integer): source',
  ],
  ['ALTER FUNCTION touch() RESET search_path', 'different function public.touch(): settings'],
  [
    'ALTER FUNCTION touch() SECURITY INVOKER',
    'different function public.touch(): security definer',
  ],
  [
    'ALTER FUNCTION is_even VOLATILE STRICT',
    'different function public.is_even(integer): strict, volatility',
  ],
  [
    'ALTER FUNCTION is_even COST 5 PARALLEL SAFE',
    'different function public.is_even(integer): cost, parallel',
  ],
  [
    "CREATE OR REPLACE FUNCTION total(of_kind varchar DEFAULT 'b', VARIADIC more int[] DEFAULT ARRAY[1]) RETURNS TABLE (n bigint, kind text) STABLE PARALLEL SAFE COST 7 ROWS 5 LANGUAGE sql BEGIN ATOMIC SELECT 1, s.kind FROM spellings s; END",
    'different function public.total(character varying, integer[]): arguments, body',
  ],
  [
    "CREATE FUNCTION is_even(n bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    'extra function public.is_even(bigint)',
  ],
  ['DROP PROCEDURE tidy', 'missing function public.tidy(integer)'],
  ['DROP AGGREGATE concatenated(text)', 'missing aggregate public.concatenated(text)'],
  [
    "CREATE OR REPLACE AGGREGATE concatenated(text) (SFUNC = textcat, STYPE = text, INITCOND = 'x')",
    'different aggregate public.concatenated(text): initial state',
  ],
  [
    'CREATE OR REPLACE VIEW known AS SELECT id, status, extract(year FROM born) AS year, (home).street FROM accounts',
    'different view public.known: options, query',
  ],
  ['ALTER VIEW known RESET (security_barrier)', 'different view public.known: options'],
  [
    "ALTER VIEW simple ALTER COLUMN status SET DEFAULT 'new'",
    'different column status on public.simple: default',
  ],
  [
    'CREATE OR REPLACE VIEW simple AS SELECT id, status, number FROM accounts WITH CASCADED CHECK OPTION',
    'different view public.simple: query',
  ],
  ['DROP MATERIALIZED VIEW counted', 'missing view public.counted'],
  ['DROP INDEX counted_n', 'missing index counted_n on public.counted'],
  ['DROP RULE "no ON AS" ON simple', 'missing rule "no ON AS" on public.simple'],
  [
    'CREATE OR REPLACE RULE "no ON AS" AS ON DELETE TO simple DO INSTEAD NOTHING',
    'different rule "no ON AS" on public.simple: definition',
  ],
  [
    'ALTER TABLE events DETACH PARTITION events_2021',
    'different table public.events_2021: inherits, partition bound',
    '*',
  ],
  [
    'DROP STATISTICS accounts_together',
    'missing statistics "public.accounts_together" on public.accounts',
  ],
  [
    'DROP STATISTICS accounts_together; CREATE STATISTICS accounts_together (mcv) ON status, number FROM accounts',
    'different statistics "public.accounts_together" on public.accounts: columns, kinds',
  ],
  ['DROP PUBLICATION changes', 'missing publication changes', '*'],
  [
    'ALTER PUBLICATION changes DROP TABLE by_hand',
    'missing publication table changes on public.by_hand',
  ],
  [
    'ALTER PUBLICATION changes SET TABLE accounts (id, number) WHERE (number > 4), by_hand',
    'different publication table changes on public.accounts: where',
  ],
  ["ALTER PUBLICATION changes SET (publish = 'insert')", 'different publication changes: update'],
  [
    "DROP PUBLICATION changes; CREATE PUBLICATION changes FOR TABLE accounts (id, number) WHERE (number > 3), by_hand, rooms WITH (publish = 'insert, update')",
    'extra publication table changes on public.rooms',
  ],
  ['DROP EVENT TRIGGER watch', 'missing event trigger public.watch'],
  ['ALTER EVENT TRIGGER watch DISABLE', 'different event trigger public.watch: enabled'],
  ['DROP CAST (address AS text)', 'missing cast (public.address AS pg_catalog.text)'],
  [
    'DROP OPERATOR === (text, text)',
    'missing operator public.===(pg_catalog.text,pg_catalog.text)',
  ],
  ['DROP COLLATION german', 'missing collation public.german'],
  ['DROP TEXT SEARCH CONFIGURATION plain', 'missing text search configuration public.plain'],
  [
    'ALTER TABLE accounts ALTER label SET STORAGE PLAIN',
    'different column label on public.accounts: storage',
  ],
  [
    'ALTER TABLE accounts ALTER status SET COMPRESSION pglz',
    'different column status on public.accounts: compression',
  ],
  [
    'ALTER TABLE accounts ALTER status SET (n_distinct = 5)',
    'different column status on public.accounts: options',
  ],
  [
    'ALTER TABLE accounts SET (toast.autovacuum_enabled = off)',
    'different table public.accounts: toast options',
  ],
  [
    'ALTER INDEX accounts_lower ALTER COLUMN 1 SET STATISTICS 500',
    'different index accounts_lower on public.accounts: keys',
  ],
  ['ALTER FUNCTION is_even LEAKPROOF', 'different function public.is_even(integer): leakproof'],
  [
    'ALTER TABLE fleeting REPLICA IDENTITY NOTHING',
    'different table public.fleeting: replica identity',
  ],
  ['ALTER SEQUENCE invoice_number NO CYCLE', 'different sequence public.invoice_number: cycle'],
  [
    "ALTER TABLE events DETACH PARTITION events_2021; ALTER TABLE events ATTACH PARTITION events_2021 FOR VALUES FROM ('2021-02-01Z') TO ('2022-01-01Z')",
    'different table public.events_2021: partition bound',
    '*',
  ],
  [
    'CREATE RULE quiet AS ON INSERT TO by_hand DO INSTEAD NOTHING',
    'extra rule quiet on public.by_hand',
  ],
  [
    "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'counted_n'::regclass",
    'different index counted_n on public.counted: ready, valid',
  ],
];

/** The same, of what only PostgreSQL 18 has. */
export const mutationsOf18: [sql: string, ...differences: string[]][] = [
  [
    'ALTER TABLE by_hand ADD CONSTRAINT later NOT NULL id NOT VALID',
    'different column id on public.by_hand: not null, not null not validated',
  ],
  [
    "ALTER TABLE accounts DROP CONSTRAINT accounts_status_check, ADD CONSTRAINT accounts_status_check CHECK (status IN ('new', 'old')) NOT ENFORCED",
    'different constraint accounts_status_check on public.accounts: not enforced, validated',
  ],
  [
    "ALTER TABLE accounts DROP COLUMN label, ADD COLUMN label text GENERATED ALWAYS AS (CASE WHEN status IN ('new', 'old') THEN 'known' ELSE status || '?' END) VIRTUAL",
    'different column label on public.accounts: generated',
    '*',
  ],
];

/** To the zoo, where rights are asked for. */
export const grantMutations: [sql: string, ...differences: string[]][] = [
  ['GRANT SELECT ON accounts TO pg_monitor', 'different grants public.accounts: pg_monitor'],
  [
    'GRANT SELECT ON accounts TO pg_monitor WITH GRANT OPTION',
    'different grants public.accounts: pg_monitor',
  ],
  [
    'GRANT UPDATE (email) ON accounts TO pg_monitor',
    'different grants public.accounts: pg_monitor (email)',
  ],
  [
    'GRANT USAGE ON SEQUENCE invoice_number TO public',
    'different grants public.invoice_number: public',
  ],
  ['REVOKE EXECUTE ON FUNCTION touch FROM public', 'different grants public.touch(): public'],
  ['REVOKE USAGE ON TYPE mood FROM public', 'different grants public.mood: public'],
  ['GRANT CREATE ON SCHEMA pgboss TO pg_monitor', 'different schema grants pgboss: pg_monitor'],
  [
    'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO pg_monitor',
    'extra default privileges public.tables',
  ],
  [
    'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM public',
    'extra default privileges functions',
  ],
  ['CREATE TABLE more (id int); GRANT SELECT ON more TO public', 'extra table public.more'],
  ['CREATE SCHEMA attic', 'extra schema attic'],
  ['ALTER TABLE accounts OWNER TO pg_monitor'],
];

/** By anybody, and no business of the migrations. */
export const indifferent = [
  // The order of columns.
  "ALTER TABLE accounts DROP COLUMN until, ADD COLUMN until date DEFAULT (DATE '2020-02-01' + 3)",
  'ANALYZE spellings',
  'CREATE PUBLICATION by_operator FOR TABLE rooms',
  "SELECT setval('invoice_number', 5)",
  'REFRESH MATERIALIZED VIEW counted',
  'GRANT SELECT ON accounts TO pg_monitor',
  'ALTER TABLE accounts OWNER TO pg_monitor',
  'CREATE TEMP TABLE accounts (id int)',
  'CREATE SCHEMA dbops_rescue; CREATE TABLE dbops_rescue.kept (id int)',
  'ALTER EXTENSION plpgsql ADD TABLE by_hand; ALTER EXTENSION plpgsql DROP TABLE by_hand',
  "INSERT INTO accounts (email, status) VALUES ('a@b', 'new')",
  'CREATE TABLE of_extension (id serial PRIMARY KEY); ALTER EXTENSION plpgsql ADD TABLE of_extension; ALTER EXTENSION plpgsql ADD SEQUENCE of_extension_id_seq',
];
