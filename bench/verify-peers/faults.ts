/**
 * The database of `bench/verify-peers.ts`: faults that a checker should report, and traps that none should. The
 * schema `app` is private; an API serves `public`, where the roles `anon` and `authenticated` of Supabase read.
 */

/** One thing that a checker reports, or must not report. */
export interface Case {
  /** The name of the check of dbops; of a fault that dbops does not look for, a name of its own. */
  kind: string;
  /** Its table, view, function, role, schema or extension, whose name occurs only here. */
  object: string;
  isFault: boolean;
  /** Creates it; empty where another case of the same object has done so. */
  sql: string;
  /** Another name by which a checker may report it, such as that of a sequence. */
  alias?: string;
  /** Why a trap is none of a fault, where its SQL does not show it. */
  why?: string;
}

const key = 'id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY';

/** A table with a primary key in the private schema. */
const table = (name: string, ...columns: string[]) =>
  `CREATE TABLE app.${name} (${[key, ...columns].join(', ')});`;

/** A table with row-level security in the schema that the API serves. */
const secured = (name: string, ...columns: string[]) =>
  `CREATE TABLE public.${name} (${[key, 'owner uuid', ...columns].join(', ')});
  ALTER TABLE public.${name} ENABLE ROW LEVEL SECURITY; GRANT ALL ON public.${name} TO anon, authenticated;`;

/** The same, with one policy. */
const withPolicy = (name: string, policy: string) =>
  `${secured(name)} CREATE POLICY ${name}_own ON public.${name} ${policy};`;

/** Marks an index as a build that was interrupted leaves it. */
const invalidate = (index: string) =>
  `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.${index}'::regclass;`;

const own = 'USING (owner = (SELECT auth.uid()))';
const longest = 'a_name_that_is_as_long_as_the_server_keeps_and_one_letter_more_';
const shortened = 'a_name_that_the_server_shortened_to_make_room_for_a_suffix_fkey';

const fault = (kind: string, object: string, sql: string, alias?: string): Case => ({
  kind,
  object,
  isFault: true,
  sql,
  ...(alias !== undefined && { alias }),
});

const trap = (kind: string, object: string, sql: string, more: Partial<Case> = {}): Case => ({
  kind,
  object,
  isFault: false,
  sql,
  ...more,
});

/** Roles, what Supabase has before the first migration, and tables to refer to. */
export const preparation = `CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE app_login LOGIN; CREATE ROLE app_server;
  CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth, public TO anon, authenticated;
  CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, phone text UNIQUE);
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
  CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS 'SELECT NULL::jsonb';
  CREATE SCHEMA app; CREATE SCHEMA private; CREATE SCHEMA extensions;
  ${table('parent', 'b bigint NOT NULL', 'UNIQUE (id, b)')}
  CREATE FUNCTION app.keep() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS 'BEGIN RETURN NEW; END';`;

const integrity: Case[] = [
  fault(
    'invalid-index',
    'bad_build',
    `${table('bad_build', 'a int')} CREATE INDEX bad_build_a ON app.bad_build (a); ${invalidate('bad_build_a')}`,
  ),
  fault(
    'invalid-index',
    'parts_missing',
    `CREATE TABLE app.parts_missing (id bigint PRIMARY KEY, a int) PARTITION BY RANGE (id);
    CREATE TABLE app.parts_low PARTITION OF app.parts_missing FOR VALUES FROM (0) TO (9);
    CREATE INDEX parts_missing_a ON ONLY app.parts_missing (a);`,
  ),
  fault(
    'invalid-index',
    'twins',
    `${table('twins', 'mail text')} INSERT INTO app.twins (mail) VALUES ('a@x'), ('b@x');
    CREATE UNIQUE INDEX twins_mail ON app.twins (mail); ${invalidate('twins_mail')}
    UPDATE pg_index SET indisunique = false, indisready = false, indislive = false WHERE indexrelid = 'app.twins_mail'::regclass;
    INSERT INTO app.twins (mail) VALUES ('a@x');
    UPDATE pg_index SET indisunique = true, indisready = true, indislive = true WHERE indexrelid = 'app.twins_mail'::regclass;`,
  ),
  fault('duplicate-rows-under-invalid-unique', 'twins', ''),
  fault(
    'leftover-index',
    'reindexed',
    `${table('reindexed', 'a int')} CREATE INDEX reindexed_a_ccnew ON app.reindexed (a); ${invalidate('reindexed_a_ccnew')}`,
  ),
  fault(
    'constraint-not-validated',
    'loose_check',
    `${table('loose_check', 'a int')} INSERT INTO app.loose_check (a) VALUES (-1);
    ALTER TABLE app.loose_check ADD CONSTRAINT loose_check_a CHECK (a > 0) NOT VALID;`,
  ),
  fault(
    'constraint-not-validated',
    'loose_key',
    `${table('loose_key', 'a bigint')} CREATE INDEX loose_key_a ON app.loose_key (a); INSERT INTO app.loose_key (a) VALUES (-1);
    ALTER TABLE app.loose_key ADD CONSTRAINT loose_key_fk FOREIGN KEY (a) REFERENCES app.parent NOT VALID;`,
  ),
  fault(
    'constraint-not-validated',
    'loose_null',
    `${table('loose_null', 'a int')} INSERT INTO app.loose_null (a) VALUES (NULL);
    ALTER TABLE app.loose_null ADD CONSTRAINT loose_null_a NOT NULL a NOT VALID;`,
  ),
  fault(
    'constraint-not-enforced',
    'unenforced',
    table('unenforced', 'a int', 'CONSTRAINT unenforced_a CHECK (a > 0) NOT ENFORCED'),
  ),
  fault(
    'disabled-trigger',
    'silent_audit',
    `${table('silent_audit', 'a int')} CREATE TRIGGER silent_audit_row BEFORE INSERT ON app.silent_audit FOR EACH ROW
    EXECUTE FUNCTION app.keep(); ALTER TABLE app.silent_audit DISABLE TRIGGER silent_audit_row;`,
  ),
  fault(
    'disabled-trigger',
    'keys_off',
    `${table('keys_off', 'a bigint REFERENCES app.parent')} CREATE INDEX keys_off_a ON app.keys_off (a);
    ALTER TABLE app.keys_off DISABLE TRIGGER ALL;`,
  ),
  fault(
    'sequence-behind',
    'imported',
    `${table('imported', 'a int')} INSERT INTO app.imported (id) OVERRIDING SYSTEM VALUE VALUES (1), (2), (500);`,
  ),
  fault(
    'key-overflow',
    'nearly_full',
    `CREATE TABLE app.nearly_full (id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY); SELECT setval('app.nearly_full_id_seq', 32000);`,
    'nearly_full_id_seq',
  ),
  fault(
    'key-overflow',
    'app_numbered',
    'CREATE TABLE app.app_numbered (id int PRIMARY KEY); INSERT INTO app.app_numbered VALUES (2000000000);',
  ),
  fault(
    'key-overflow',
    'narrow_child',
    `${table('wide_parent')} SELECT setval('app.wide_parent_id_seq', 2000000000);
    ${table('narrow_child', 'parent int REFERENCES app.wide_parent')} CREATE INDEX narrow_child_parent ON app.narrow_child (parent);`,
  ),
  fault('fk-type-mismatch', 'narrow_child', ''),
  fault(
    'unpopulated-view',
    'empty_totals',
    'CREATE MATERIALIZED VIEW app.empty_totals AS SELECT 1 AS one WITH NO DATA;',
  ),
  fault(
    'collation-version',
    'old_german',
    `CREATE COLLATION app.old_german (provider = icu, locale = 'de'); ${table('sorted', 'a text COLLATE app.old_german')}
    CREATE INDEX sorted_a ON app.sorted (a); UPDATE pg_collation SET collversion = '0.0' WHERE collname = 'old_german';`,
    'sorted',
  ),
  fault(
    'xid-age',
    'never_frozen',
    `${table('never_frozen')} UPDATE pg_class SET relfrozenxid =
    ((pg_current_xact_id()::text::int8 - 600000000 + 4294967296) % 4294967296)::text::xid WHERE oid = 'app.never_frozen'::regclass;`,
  ),
  fault(
    'orphan-partition-detach',
    'half_detached',
    `CREATE TABLE app.detaching (id bigint PRIMARY KEY) PARTITION BY LIST (id);
    CREATE TABLE app.half_detached PARTITION OF app.detaching FOR VALUES IN (1);
    UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'app.half_detached'::regclass;`,
  ),
  trap('invalid-index', 'being_built', table('being_built', 'a int'), {
    why: 'CREATE INDEX CONCURRENTLY is running',
  }),
  trap(
    'invalid-index',
    'parts_attached',
    `CREATE TABLE app.parts_attached (id bigint PRIMARY KEY, a int) PARTITION BY RANGE (id);
    CREATE TABLE app.attached_low PARTITION OF app.parts_attached FOR VALUES FROM (0) TO (9);
    CREATE INDEX parts_attached_a ON ONLY app.parts_attached (a); CREATE INDEX attached_low_a ON app.attached_low (a);
    ALTER INDEX app.parts_attached_a ATTACH PARTITION app.attached_low_a;`,
  ),
  trap('constraint-not-validated', 'unenforced', '', {
    why: 'PostgreSQL 18 cannot validate what it does not enforce',
  }),
  trap(
    'sequence-behind',
    'cycling',
    `CREATE TABLE app.cycling (id smallint GENERATED BY DEFAULT AS IDENTITY (CYCLE), at timestamptz, PRIMARY KEY (at, id));
    INSERT INTO app.cycling VALUES (32001, now()); SELECT setval('app.cycling_id_seq', 32000);`,
    { alias: 'cycling_id_seq' },
  ),
  trap('key-overflow', 'cycling', '', { alias: 'cycling_id_seq' }),
  trap(
    'key-overflow',
    'wide_key',
    `${table('wide_key')} SELECT setval('app.wide_key_id_seq', 9000000000);`,
  ),
  trap(
    'disabled-trigger',
    'replica_trigger',
    `${table('replica_trigger')} CREATE TRIGGER replica_trigger_row BEFORE INSERT ON app.replica_trigger FOR EACH ROW
    EXECUTE FUNCTION app.keep(); ALTER TABLE app.replica_trigger ENABLE REPLICA TRIGGER replica_trigger_row;`,
  ),
];

/** A foreign key to one column, and one to two. */
const child = (name: string, ...more: string[]) =>
  table(name, 'a bigint REFERENCES app.parent', 'b bigint', 'live boolean NOT NULL', ...more);
const pair = (name: string, ...more: string[]) =>
  table(
    name,
    'a bigint NOT NULL',
    'b bigint NOT NULL',
    'FOREIGN KEY (a, b) REFERENCES app.parent (id, b)',
    ...more,
  );

const foreignKeys: Case[] = [
  fault('fk-without-index', 'fk_plain', child('fk_plain')),
  fault('fk-without-index', 'fk_pair', pair('fk_pair')),
  fault(
    'fk-without-index',
    'fk_live',
    `${child('fk_live')} CREATE INDEX fk_live_a ON app.fk_live (a) WHERE live;`,
  ),
  fault(
    'fk-without-index',
    'fk_broken',
    `${child('fk_broken')} CREATE INDEX fk_broken_a ON app.fk_broken (a); ${invalidate('fk_broken_a')}`,
  ),
  fault('invalid-index', 'fk_broken', ''),
  fault(
    'fk-without-index',
    'fk_brin',
    `${child('fk_brin')} CREATE INDEX fk_brin_a ON app.fk_brin USING brin (a);`,
  ),
  fault(
    'fk-without-index',
    'fk_second',
    `${child('fk_second')} CREATE INDEX fk_second_ba ON app.fk_second (b, a);`,
  ),
  fault(
    'fk-without-index',
    'fk_spread',
    `${pair('fk_spread', 'c int')} CREATE INDEX fk_spread_acb ON app.fk_spread (a, c, b);`,
  ),
  fault(
    'fk-without-index',
    'fk_parts',
    `CREATE TABLE app.fk_parts (id bigint PRIMARY KEY, a bigint REFERENCES app.parent) PARTITION BY RANGE (id);
    CREATE TABLE app.fk_first PARTITION OF app.fk_parts FOR VALUES FROM (0) TO (9);`,
  ),
  fault(
    'fk-type-mismatch',
    'fk_numeric',
    `CREATE TABLE app.by_numeric (id numeric PRIMARY KEY); ${table('fk_numeric', 'a bigint REFERENCES app.by_numeric')}
    CREATE INDEX fk_numeric_a ON app.fk_numeric (a);`,
  ),
  fault(
    'nullable-multi-fk',
    'fk_loose',
    `${table('fk_loose', 'a bigint', 'b bigint', 'FOREIGN KEY (a, b) REFERENCES app.parent (id, b)')}
    CREATE INDEX fk_loose_ab ON app.fk_loose (a, b);`,
  ),
  fault(
    'duplicate-foreign-key',
    'fk_twice',
    `${child('fk_twice', 'CONSTRAINT fk_twice_again FOREIGN KEY (a) REFERENCES app.parent')} CREATE INDEX fk_twice_a ON app.fk_twice (a);`,
  ),
  trap(
    'fk-without-index',
    'fk_in_key',
    'CREATE TABLE app.fk_in_key (a bigint REFERENCES app.parent, b bigint, PRIMARY KEY (a, b));',
  ),
  trap(
    'fk-without-index',
    'fk_reversed',
    `${pair('fk_reversed')} CREATE INDEX fk_reversed_ba ON app.fk_reversed (b, a);`,
  ),
  trap(
    'fk-without-index',
    'fk_present',
    `${child('fk_present')} CREATE INDEX fk_present_a ON app.fk_present (a) WHERE a IS NOT NULL;`,
  ),
  trap(
    'fk-without-index',
    'fk_hash',
    `${child('fk_hash')} CREATE INDEX fk_hash_a ON app.fk_hash USING hash (a);`,
  ),
  trap('fk-without-index', 'fk_one_row', pair('fk_one_row', 'UNIQUE (b)'), {
    why: 'the unique index on b finds at most one row',
  }),
  trap(
    'fk-without-index',
    'fk_covered',
    `CREATE TABLE app.fk_covered (id bigint PRIMARY KEY, a bigint REFERENCES app.parent) PARTITION BY RANGE (id);
    CREATE TABLE app.fk_leaf PARTITION OF app.fk_covered FOR VALUES FROM (0) TO (9); CREATE INDEX fk_leaf_a ON app.fk_leaf (a);`,
    { why: 'every partition has an index' },
  ),
  trap('fk-without-index', 'fk_first', '', { why: 'a partition, whose parent is reported' }),
  trap(
    'fk-type-mismatch',
    'fk_text',
    `CREATE TABLE app.codes (code varchar(10) PRIMARY KEY); ${table('fk_text', 'a text REFERENCES app.codes')}
    CREATE INDEX fk_text_a ON app.fk_text (a);`,
  ),
  trap(
    'fk-type-mismatch',
    'fk_domain',
    `CREATE DOMAIN app.parent_id AS bigint; ${table('fk_domain', 'a app.parent_id REFERENCES app.parent')}
    CREATE INDEX fk_domain_a ON app.fk_domain (a);`,
  ),
  trap(
    'nullable-multi-fk',
    'fk_tenant',
    `${table('fk_tenant', 'a bigint NOT NULL', 'b bigint', 'FOREIGN KEY (a, b) REFERENCES app.parent (id, b)')}
    CREATE INDEX fk_tenant_ab ON app.fk_tenant (a, b);`,
    { why: 'an optional reference within a tenant' },
  ),
  trap(
    'nullable-multi-fk',
    'fk_both',
    `${table('fk_both', 'a bigint', 'b bigint', 'FOREIGN KEY (a, b) REFERENCES app.parent (id, b)', 'CHECK (num_nulls(a, b) IN (0, 2))')}
    CREATE INDEX fk_both_ab ON app.fk_both (a, b);`,
  ),
  trap(
    'duplicate-foreign-key',
    'fk_two_roles',
    `${table('fk_two_roles', 'a bigint REFERENCES app.parent', 'b bigint REFERENCES app.parent')}
    CREATE INDEX fk_two_roles_a ON app.fk_two_roles (a); CREATE INDEX fk_two_roles_b ON app.fk_two_roles (b);`,
  ),
];

const indexes: Case[] = [
  fault(
    'duplicate-index',
    'dup_plain',
    `${table('dup_plain', 'a int')} CREATE INDEX dup_one ON app.dup_plain (a); CREATE INDEX dup_two ON app.dup_plain (a);`,
  ),
  fault(
    'duplicate-index',
    'dup_named',
    `${table('dup_named', 'state text')} CREATE INDEX state ON app.dup_named (state); CREATE INDEX dup_state ON app.dup_named (state);`,
  ),
  fault(
    'duplicate-index',
    'dup_expression',
    `${table('dup_expression', 'a text')} CREATE INDEX dup_lower ON app.dup_expression (lower(a)) WHERE id > 0;
    CREATE INDEX dup_lower_again ON app.dup_expression (lower(a)) WHERE id > 0;`,
  ),
  fault(
    'duplicate-index',
    'dup_key',
    `${table('dup_key')} ALTER TABLE app.dup_key ADD UNIQUE (id);`,
  ),
  fault(
    'duplicate-index',
    'dup_parts',
    `CREATE TABLE app.dup_parts (id bigint PRIMARY KEY, a int) PARTITION BY RANGE (id);
    CREATE INDEX dup_parts_one ON app.dup_parts (a); CREATE INDEX dup_parts_two ON app.dup_parts (a);`,
  ),
  fault(
    'redundant-index',
    'red_prefix',
    `${table('red_prefix', 'a int', 'b int')} CREATE INDEX red_a ON app.red_prefix (a); CREATE INDEX red_ab ON app.red_prefix (a, b);`,
  ),
  fault(
    'redundant-index',
    'red_unique',
    `${table('red_unique', 'a int UNIQUE')} CREATE INDEX red_plain ON app.red_unique (a);`,
  ),
  fault(
    'redundant-index',
    'red_key',
    'CREATE TABLE app.red_key (a int, b int, PRIMARY KEY (a, b)); CREATE INDEX red_key_a ON app.red_key (a);',
  ),
  fault(
    'many-indexes',
    'overindexed',
    `${table('overindexed')} DO $$ BEGIN FOR i IN 1..10 LOOP EXECUTE format('CREATE INDEX ON app.overindexed ((id + %s))', i); END LOOP; END $$;`,
  ),
  fault(
    'index-bloat',
    'mostly_empty',
    `${table('mostly_empty', 'a text')} INSERT INTO app.mostly_empty (a) SELECT 'value ' || n FROM generate_series(1, 60000) n;
    CREATE INDEX mostly_empty_a ON app.mostly_empty (a); DELETE FROM app.mostly_empty WHERE id % 20 <> 0; ANALYZE app.mostly_empty;`,
  ),
  fault(
    'btree-on-array',
    'tagged',
    `${table('tagged', 'tags text[]')} CREATE INDEX tagged_tags ON app.tagged (tags);`,
  ),
  trap(
    'redundant-index',
    'sub_unique',
    `${table('sub_unique', 'a int UNIQUE', 'b int')} CREATE INDEX sub_unique_ab ON app.sub_unique (a, b);`,
    { why: 'UNIQUE (a) rejects duplicates' },
  ),
  trap(
    'redundant-index',
    'sub_classes',
    `${table('sub_classes', 'a text', 'b int')} CREATE INDEX sub_like ON app.sub_classes (a text_pattern_ops);
    CREATE INDEX sub_classes_ab ON app.sub_classes (a, b);`,
  ),
  trap(
    'redundant-index',
    'sub_collations',
    `${table('sub_collations', 'a text', 'b int')} CREATE INDEX sub_c ON app.sub_collations (a COLLATE "C");
    CREATE INDEX sub_collations_ab ON app.sub_collations (a, b);`,
  ),
  trap(
    'redundant-index',
    'sub_methods',
    `${table('sub_methods', 'a int[]', 'b int')} CREATE INDEX sub_gin ON app.sub_methods USING gin (a);
    CREATE INDEX sub_methods_ab ON app.sub_methods (a, b);`,
    { why: 'GIN finds elements' },
  ),
  trap(
    'redundant-index',
    'sub_include',
    `${table('sub_include', 'a int', 'b int', 'c int')} CREATE INDEX sub_covering ON app.sub_include (a) INCLUDE (c);
    CREATE INDEX sub_include_ab ON app.sub_include (a, b);`,
  ),
  trap(
    'redundant-index',
    'sub_include_only',
    `${table('sub_include_only', 'a int', 'b int')} CREATE UNIQUE INDEX sub_payload ON app.sub_include_only (a) INCLUDE (b);
    CREATE INDEX sub_sorted ON app.sub_include_only (a, b);`,
    { why: 'one is unique, the other sorted by both columns' },
  ),
  trap(
    'redundant-index',
    'sub_partial',
    `${table('sub_partial', 'a int', 'b int')} CREATE INDEX sub_partial_a ON app.sub_partial (a) WHERE b > 0;
    CREATE INDEX sub_partial_ab ON app.sub_partial (a, b) WHERE b > 9;`,
  ),
  trap(
    'duplicate-index',
    'dif_order',
    `${table('dif_order', 'a int')} CREATE INDEX dif_up ON app.dif_order (a); CREATE INDEX dif_first ON app.dif_order (a NULLS FIRST);`,
  ),
  trap(
    'duplicate-index',
    'dif_nulls',
    `${table('dif_nulls', 'a int')} CREATE UNIQUE INDEX dif_many ON app.dif_nulls (a);
    CREATE UNIQUE INDEX dif_single ON app.dif_nulls (a) NULLS NOT DISTINCT;`,
  ),
  trap(
    'duplicate-index',
    'dif_classes',
    `${table('dif_classes', 'a text')} CREATE INDEX dif_text ON app.dif_classes (a); CREATE INDEX dif_like ON app.dif_classes (a text_pattern_ops);
    CREATE INDEX dif_c ON app.dif_classes (a COLLATE "C"); CREATE INDEX dif_hash ON app.dif_classes USING hash (a);`,
  ),
  trap(
    'duplicate-index',
    'dif_partial',
    `${table('dif_partial', 'a int', 'b int')} CREATE INDEX dif_positive ON app.dif_partial (a) WHERE b > 0;
    CREATE INDEX dif_negative ON app.dif_partial (a) WHERE b < 0; CREATE INDEX dif_all ON app.dif_partial (a) INCLUDE (b);`,
  ),
  trap(
    'unused-index',
    'fresh',
    `${table('fresh', 'a int')} CREATE INDEX fresh_a ON app.fresh (a);`,
    { why: 'statistics are a minute old' },
  ),
  trap('unused-index', 'fk_tenant', '', { why: 'it supports a foreign key' }),
  trap(
    'index-bloat',
    'dense',
    `${table('dense', 'a text')}
    INSERT INTO app.dense (a) SELECT 'value ' || n FROM generate_series(1, 60000) n; ANALYZE app.dense;`,
  ),
];

const tables: Case[] = [
  fault('no-primary-key', 'keyless', 'CREATE TABLE app.keyless (a int);'),
  fault(
    'no-primary-key',
    'keyless_whole',
    `CREATE TABLE app.keyless_whole (a int) PARTITION BY LIST (a);
    CREATE TABLE app.first_of_keyless PARTITION OF app.keyless_whole FOR VALUES IN (1);`,
  ),
  fault(
    'replica-identity',
    'published',
    'CREATE TABLE app.published (a int); CREATE PUBLICATION feed FOR TABLE app.published;',
  ),
  fault('no-primary-key', 'published', ''),
  fault('timestamp-without-zone', 'clocked', table('clocked', 'at timestamp NOT NULL')),
  fault('discouraged-type', 'with_json', table('with_json', 'a json')),
  fault('discouraged-type', 'with_char', table('with_char', 'a char(3)')),
  fault('discouraged-type', 'with_money', table('with_money', 'a money')),
  fault('int-primary-key', 'short_key', 'CREATE TABLE app.short_key (id serial PRIMARY KEY);'),
  fault('int-primary-key', 'nearly_full', ''),
  fault('identifier-63', longest, `CREATE TABLE app.${longest}x (${key});`),
  fault('quoted-name', 'MixedCase', `CREATE TABLE app."MixedCase" (${key});`),
  fault('quoted-name', 'reserved', table('reserved', '"order" int')),
  fault('unlogged-table', 'volatile', `CREATE UNLOGGED TABLE app.volatile (${key});`),
  fault(
    'autovacuum-off',
    'unvacuumed',
    `CREATE TABLE app.unvacuumed (${key}) WITH (autovacuum_enabled = false);`,
  ),
  fault('reg-type-column', 'configured', table('configured', 'a regconfig')),
  fault(
    'inherited-table',
    'heir',
    `${table('ancestor')} CREATE TABLE app.heir (PRIMARY KEY (id)) INHERITS (app.ancestor);`,
  ),
  trap('no-primary-key', 'first_of_keyless', '', { why: 'a partition, whose parent is reported' }),
  trap(
    'no-primary-key',
    'brought',
    `CREATE TABLE app.brought (a int); ALTER EXTENSION plpgsql ADD TABLE app.brought;`,
    { why: 'a table of an extension' },
  ),
  trap('no-primary-key', 'parts_attached', '', { why: 'a partitioned table with a key' }),
  trap('no-primary-key', 'scratch', '', { why: 'a temporary table of another session' }),
  trap(
    'timestamp-without-zone',
    'clocked_part',
    `CREATE TABLE app.clocked_whole (at timestamptz PRIMARY KEY, opens time) PARTITION BY RANGE (at);
    CREATE TABLE app.clocked_part PARTITION OF app.clocked_whole DEFAULT;`,
  ),
  trap(
    'discouraged-type',
    'sound_types',
    table('sound_types', 'a jsonb', 'b "char"', 'c numeric(12, 2)', 'd varchar(3)'),
  ),
  trap('int-primary-key', 'code_key', 'CREATE TABLE app.code_key (code int PRIMARY KEY);', {
    why: 'a code, which no sequence fills',
  }),
  trap(
    'identifier-63',
    'suffixed',
    `${table('suffixed', `a bigint CONSTRAINT ${shortened} REFERENCES app.parent`)} CREATE INDEX suffixed_a ON app.suffixed (a);`,
    { alias: shortened, why: 'the server shortened it and kept the suffix' },
  ),
  trap('quoted-name', 'größe', `CREATE TABLE app.größe (${key}, name text, type int, value int);`),
  trap('reg-type-column', 'upgradable', table('upgradable', 'a regclass', 'b regtype')),
  trap(
    'autovacuum-off',
    'eager',
    `CREATE TABLE app.eager (${key}) WITH (autovacuum_enabled = true, autovacuum_vacuum_scale_factor = 0.01);`,
  ),
];

const definer = (name: string, more: string) =>
  `CREATE FUNCTION public.${name}() RETURNS int LANGUAGE plpgsql ${more} AS 'BEGIN RETURN 1; END';`;

const security: Case[] = [
  fault(
    'rls-off',
    'open_table',
    `CREATE TABLE public.open_table (${key}); GRANT SELECT ON public.open_table TO anon;`,
  ),
  fault(
    'rls-off',
    'open_whole',
    `CREATE TABLE public.open_whole (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE public.open_part PARTITION OF public.open_whole FOR VALUES FROM (0) TO (9); ALTER TABLE public.open_part ENABLE ROW LEVEL SECURITY;
    GRANT SELECT ON public.open_whole, public.open_part TO anon;`,
  ),
  fault(
    'policy-without-rls',
    'asleep',
    `CREATE TABLE app.asleep (${key}, owner uuid); CREATE POLICY asleep_own ON app.asleep ${own};`,
  ),
  fault(
    'policy-without-rls',
    'asleep_whole',
    `CREATE TABLE app.asleep_whole (id bigint PRIMARY KEY, owner uuid) PARTITION BY RANGE (id);
    CREATE POLICY asleep_whole_own ON app.asleep_whole ${own};`,
  ),
  fault('rls-without-policy', 'closed', secured('closed')),
  fault(
    'rls-not-forced',
    'of_login',
    `CREATE TABLE app.of_login (${key}, owner uuid); ALTER TABLE app.of_login ENABLE ROW LEVEL SECURITY;
    CREATE POLICY of_login_own ON app.of_login ${own}; ALTER TABLE app.of_login OWNER TO app_login;`,
  ),
  fault('bypassing-role', 'app_bypass', 'CREATE ROLE app_bypass LOGIN BYPASSRLS;'),
  fault('unwrapped-auth-call', 'each_row', withPolicy('each_row', 'USING (owner = auth.uid())')),
  fault(
    'unwrapped-auth-call',
    'half_wrapped',
    withPolicy('half_wrapped', 'USING (owner = (SELECT auth.uid()) OR owner = auth.uid())'),
  ),
  fault(
    'unwrapped-auth-call',
    'by_setting',
    withPolicy('by_setting', `USING (owner = current_setting('app.user', true)::uuid)`),
  ),
  fault(
    'always-true-write-policy',
    'anyone_updates',
    withPolicy('anyone_updates', 'FOR UPDATE USING (true)'),
  ),
  fault(
    'always-true-write-policy',
    'anyone_deletes',
    withPolicy('anyone_deletes', 'FOR DELETE USING (1 = 1 OR owner IS NULL)'),
  ),
  fault(
    'always-true-write-policy',
    'anyone_inserts',
    withPolicy('anyone_inserts', 'FOR INSERT WITH CHECK ((SELECT true))'),
  ),
  fault(
    'always-true-write-policy',
    'anyone_whole',
    `CREATE TABLE public.anyone_whole (id bigint PRIMARY KEY) PARTITION BY RANGE (id); ALTER TABLE public.anyone_whole ENABLE ROW LEVEL SECURITY;
    CREATE POLICY anyone_whole_all ON public.anyone_whole FOR DELETE USING (true);`,
  ),
  fault(
    'multiple-permissive-policies',
    'two_policies',
    `${withPolicy('two_policies', own)} CREATE POLICY two_policies_more ON public.two_policies FOR SELECT USING (id = 2);`,
  ),
  fault(
    'function-search-path',
    'definer_path',
    `${definer('definer_path', 'SECURITY DEFINER')} REVOKE EXECUTE ON FUNCTION public.definer_path FROM PUBLIC;`,
  ),
  fault(
    'public-definer-function',
    'erase',
    definer('erase', `SECURITY DEFINER SET search_path = ''`),
  ),
  fault(
    'public-definer-function',
    'erase_by_anon',
    `${definer('erase_by_anon', `SECURITY DEFINER SET search_path = ''`)}
    REVOKE EXECUTE ON FUNCTION public.erase_by_anon FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.erase_by_anon TO anon;`,
  ),
  fault(
    'public-create',
    'wide_open',
    'CREATE SCHEMA wide_open; GRANT CREATE ON SCHEMA wide_open TO PUBLIC;',
  ),
  fault(
    'view-bypasses-rls',
    'shows_all',
    `${withPolicy('notes', own)} CREATE VIEW public.shows_all AS SELECT id FROM public.notes; GRANT SELECT ON public.shows_all TO anon;`,
  ),
  fault(
    'view-bypasses-rls',
    'shows_copy',
    'CREATE MATERIALIZED VIEW public.shows_copy AS SELECT id FROM public.notes; GRANT SELECT ON public.shows_copy TO anon;',
  ),
  fault(
    'auth-users-exposed',
    'shows_users',
    'CREATE VIEW public.shows_users AS SELECT email FROM auth.users; GRANT SELECT ON public.shows_users TO anon;',
  ),
  fault(
    'user-metadata-policy',
    'self_promoted',
    withPolicy(
      'self_promoted',
      `USING (((SELECT auth.jwt()) -> 'user_metadata' ->> 'role') = 'admin')`,
    ),
  ),
  fault(
    'foreign-table-in-api',
    'elsewhere',
    `CREATE EXTENSION file_fdw SCHEMA extensions; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
    CREATE FOREIGN TABLE public.elsewhere (id int) SERVER files OPTIONS (filename '/dev/null'); GRANT SELECT ON public.elsewhere TO anon;`,
  ),
  fault('extension-in-public', 'citext', 'CREATE EXTENSION citext SCHEMA public;'),
  fault('extension-outdated', 'hstore', `CREATE EXTENSION hstore SCHEMA extensions VERSION '1.7';`),
  fault(
    'fk-to-auth-unique',
    'by_phone',
    `${table('by_phone', 'phone text REFERENCES auth.users (phone)')} CREATE INDEX by_phone_phone ON app.by_phone (phone);`,
  ),
  trap('rls-off', 'open_part', '', { why: 'a partition with row-level security' }),
  trap(
    'rls-off',
    'unreachable',
    `CREATE TABLE public.unreachable (${key}); REVOKE ALL ON public.unreachable FROM PUBLIC;`,
  ),
  trap('rls-off', 'hidden', `CREATE TABLE private.hidden (${key});`),
  trap('policy-without-rls', 'notes', ''),
  trap(
    'unwrapped-auth-call',
    'wrapped',
    withPolicy(
      'wrapped',
      `USING (owner = (SELECT auth.uid()) AND (SELECT current_setting('app.open', true)) = 'yes')`,
    ),
  ),
  trap(
    'unwrapped-auth-call',
    'wrapped_cast',
    withPolicy('wrapped_cast', `USING (owner = (SELECT (auth.jwt() ->> 'sub')::uuid))`),
  ),
  trap(
    'unwrapped-auth-call',
    'only_text',
    withPolicy('only_text', `USING (owner::text = 'auth.uid()')`),
  ),
  trap(
    'always-true-write-policy',
    'all_may_read',
    withPolicy('all_may_read', 'FOR SELECT USING (true)'),
  ),
  trap(
    'always-true-write-policy',
    'server_writes',
    withPolicy('server_writes', 'TO app_server USING (true) WITH CHECK (true)'),
  ),
  trap(
    'always-true-write-policy',
    'limited',
    `${withPolicy('limited', 'USING (true)')} CREATE POLICY limited_more ON public.limited AS RESTRICTIVE ${own};`,
    { why: 'a restrictive policy limits it' },
  ),
  trap(
    'multiple-permissive-policies',
    'split_policies',
    `${secured('split_policies')} CREATE POLICY split_read ON public.split_policies FOR SELECT ${own};
    CREATE POLICY split_write ON public.split_policies FOR INSERT WITH CHECK (owner = (SELECT auth.uid()));
    CREATE POLICY split_all ON public.split_policies AS RESTRICTIVE USING (id > 0);`,
  ),
  trap(
    'function-search-path',
    'inlined',
    `CREATE FUNCTION public.inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';`,
    { why: 'a SQL function with a setting cannot be inlined' },
  ),
  trap(
    'function-search-path',
    'parsed_body',
    `CREATE FUNCTION public.parsed_body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.notes; END;`,
    { why: 'the names in its body are resolved' },
  ),
  trap('function-search-path', 'citext_eq', '', { why: 'a function of an extension' }),
  trap(
    'public-definer-function',
    'is_member',
    `CREATE FUNCTION public.is_member() RETURNS boolean STABLE LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT true';
    ${withPolicy('of_members', 'USING ((SELECT public.is_member()))')}`,
    { why: 'a policy calls it, so that every role must be able to' },
  ),
  trap(
    'public-definer-function',
    'on_change',
    `CREATE FUNCTION public.on_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS 'BEGIN RETURN NEW; END';`,
    { why: 'a trigger function cannot be called' },
  ),
  trap(
    'view-bypasses-rls',
    'as_reader',
    'CREATE VIEW public.as_reader WITH (security_invoker = true) AS SELECT id FROM public.notes; GRANT SELECT ON public.as_reader TO anon;',
  ),
  trap(
    'view-bypasses-rls',
    'of_constants',
    'CREATE VIEW public.of_constants AS SELECT 1 AS one; GRANT SELECT ON public.of_constants TO anon;',
    { why: 'it reads no table with row-level security' },
  ),
  trap(
    'view-bypasses-rls',
    'for_admins',
    'CREATE VIEW public.for_admins AS SELECT id FROM public.notes; REVOKE ALL ON public.for_admins FROM PUBLIC;',
  ),
  trap(
    'auth-users-exposed',
    'users_for_admins',
    'CREATE VIEW public.users_for_admins AS SELECT email FROM auth.users; REVOKE ALL ON public.users_for_admins FROM PUBLIC;',
  ),
  trap(
    'public-create',
    'usable',
    'CREATE SCHEMA usable; GRANT USAGE ON SCHEMA usable TO PUBLIC; GRANT CREATE ON SCHEMA usable TO app_server;',
  ),
];

export const cases: readonly Case[] = [
  ...integrity,
  ...foreignKeys,
  ...indexes,
  ...tables,
  ...security,
];
