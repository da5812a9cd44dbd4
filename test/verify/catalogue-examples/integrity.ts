import type { CatalogueExamples } from './example.ts';

/** Half a partitioned table detached, which DETACH PARTITION CONCURRENTLY leaves behind when it is interrupted. */
const detachPending = `CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
  UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'p_1'::regclass`;

const outsideTransactions = 'VACUUM runs outside transactions';

/** SQL: makes the oldest row of a table so many transactions old; numbers wrap around at 2^32. */
function aged(relation: string, transactions: number): string {
  return `UPDATE pg_class SET relfrozenxid = ((pg_current_xact_id()::text::int8 - ${transactions} + 4294967296) % 4294967296)::text::xid
    WHERE oid = ${relation}`;
}

export const integrity: CatalogueExamples = {
  'invalid-index': [
    {
      title: 'an index that a failed build left behind',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX t_a ON t (a);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass`,
      finds: ['invalid-index:t_a on public.t'],
    },
    {
      title: 'the index of a partitioned table that lacks that of a partition, as a warning',
      sql: `CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
        CREATE INDEX p_id ON ONLY p (id)`,
      finds: ['invalid-index:p_id on public.p'],
      severities: ['warning'],
    },
    { title: 'a valid index', sql: 'CREATE TABLE t (id int PRIMARY KEY)', finds: [] },
    {
      title:
        'a remainder of REINDEX CONCURRENTLY, which leftover-index reports, and a temporary table',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX t_a_ccnew ON t (a);
        CREATE TEMP TABLE scratch (a int); CREATE INDEX scratch_a ON scratch (a);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('t_a_ccnew'::regclass, 'scratch_a'::regclass)`,
      finds: [],
    },
  ],
  'duplicate-rows-under-invalid-unique': [
    {
      title:
        'rows with the same values, by an expression and a condition, and with names to be quoted',
      sql: `CREATE TABLE "T" (id int PRIMARY KEY, "E-mail" text, gone boolean DEFAULT false);
        INSERT INTO "T" VALUES (1, 'a@x'), (2, 'A@x'), (3, 'b@x'), (4, NULL), (5, NULL);
        CREATE UNIQUE INDEX "By mail" ON "T" ("E-mail") WHERE NOT gone;
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"By mail"'::regclass;
        UPDATE pg_index SET indisunique = false, indisready = false, indislive = false WHERE indexrelid = '"By mail"'::regclass;
        INSERT INTO "T" VALUES (6, 'b@x', false), (7, 'a@x', true);
        UPDATE pg_index SET indisunique = true WHERE indexrelid = '"By mail"'::regclass`,
      finds: ['duplicate-rows-under-invalid-unique:"By mail" on public."T"'],
    },
    {
      title: 'an invalid unique index whose values are unique but for NULL',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, NULL), (3, NULL);
        CREATE UNIQUE INDEX t_a ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass`,
      finds: [],
    },
    {
      title: 'an index that calls a function of the application',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text);
        CREATE FUNCTION folded(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT pg_catalog.lower($1)';
        CREATE UNIQUE INDEX t_a ON t (folded(a)); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass`,
      finds: ['not-checked:duplicate-rows-under-invalid-unique/t_a on public.t'],
      severities: ['info'],
    },
  ],
  'leftover-index': [
    {
      title: 'what REINDEX CONCURRENTLY leaves behind, also of a TOAST table',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text); CREATE INDEX t_a_ccnew ON t (a);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a_ccnew'::regclass`,
      finds: ['leftover-index:t_a_ccnew on public.t'],
    },
    {
      title: 'a valid index of that name',
      sql: 'CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX t_ccnew ON t (a)',
      finds: [],
    },
  ],
  'constraint-not-validated': [
    {
      title: 'a CHECK that is NOT VALID',
      sql: 'CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0) NOT VALID',
      finds: ['constraint-not-validated:positive on public.t'],
      says: ['no row violates it at this moment: CHECK ((id > 0)) NOT VALID'],
    },
    {
      title: 'rows that violate a CHECK, with their keys and without a fix',
      sql: `CREATE TABLE t (a int, b text, v int, PRIMARY KEY (a, b)); INSERT INTO t SELECT n, 'x', -1 FROM generate_series(1, 5) n;
        INSERT INTO t VALUES (6, 'x', 1), (7, 'x', NULL); ALTER TABLE t ADD CONSTRAINT positive CHECK (v > 0) NOT VALID`,
      finds: ['constraint-not-validated:positive on public.t'],
      says: ['5 rows violate it (a, b: 1, x; 2, x; 3, x; …)'],
    },
    {
      title: 'rows that refer to nothing',
      sql: `CREATE TABLE "Parent" (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, "Of" int, at_all int);
        INSERT INTO child VALUES (1, 9, 1), (2, NULL, 1);
        ALTER TABLE child ADD CONSTRAINT of_fk FOREIGN KEY ("Of") REFERENCES "Parent" NOT VALID`,
      finds: ['constraint-not-validated:of_fk on public.child'],
      says: ['1 row violates it (id: 1)'],
    },
    {
      title: 'a NOT NULL that is NOT VALID',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, NULL);
        ALTER TABLE t ADD CONSTRAINT present NOT NULL a NOT VALID`,
      finds: ['constraint-not-validated:present on public.t'],
      says: ['1 row violates it (id: 1)'],
      since: 18,
    },
    {
      title: 'a CHECK that calls a function of the application, which is not run',
      sql: `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
        CREATE FUNCTION fails(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END';
        ALTER TABLE t ADD CONSTRAINT odd CHECK (fails(id)) NOT VALID`,
      finds: ['constraint-not-validated:odd on public.t'],
      says: ['existing rows may violate it'],
      unfixed: 'the function rejects every row',
    },
    {
      title: 'a CHECK that is validated',
      sql: 'CREATE TABLE t (id int PRIMARY KEY CHECK (id > 0))',
      finds: [],
    },
    {
      title: 'a CHECK that is NOT ENFORCED',
      sql: 'CREATE TABLE t (id int PRIMARY KEY, CHECK (id > 0) NOT ENFORCED)',
      finds: [],
      since: 18,
    },
  ],
  'constraint-not-enforced': [
    {
      title: 'a CHECK and a foreign key that are NOT ENFORCED',
      sql: `CREATE TABLE t (id int PRIMARY KEY, up int, CONSTRAINT positive CHECK (id > 0) NOT ENFORCED,
        CONSTRAINT up_fk FOREIGN KEY (up) REFERENCES t NOT ENFORCED)`,
      finds: [
        'constraint-not-enforced:positive on public.t',
        'constraint-not-enforced:up_fk on public.t',
      ],
      since: 18,
    },
    {
      title: 'a CHECK that is NOT VALID',
      sql: 'CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t ADD CHECK (id > 0) NOT VALID',
      finds: [],
    },
  ],
  'disabled-trigger': [
    {
      title: 'a trigger that is disabled',
      sql: `CREATE TABLE t (id int PRIMARY KEY); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER "Audit" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t DISABLE TRIGGER "Audit"`,
      finds: ['disabled-trigger:"Audit" on public.t'],
    },
    {
      title: 'a foreign key whose internal triggers are disabled on one of its tables, once',
      sql: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT a_fk REFERENCES a);
        ALTER TABLE b DISABLE TRIGGER ALL; ALTER TABLE a DISABLE TRIGGER ALL`,
      finds: ['disabled-trigger:a_fk on public.b'],
    },
    {
      title: 'a trigger of the application and a foreign key, on different tables',
      sql: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT a_fk REFERENCES a);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TABLE c (id int PRIMARY KEY);
        CREATE TRIGGER audit BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE b DISABLE TRIGGER ALL; ALTER TABLE c DISABLE TRIGGER audit`,
      finds: ['disabled-trigger:a_fk on public.b', 'disabled-trigger:audit on public.c'],
    },
    {
      title: 'a trigger of a partitioned table, without its copies, and one of a partition alone',
      sql: `CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
        CREATE TABLE p_2 PARTITION OF p FOR VALUES IN (2);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER everywhere BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER partly BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE p DISABLE TRIGGER everywhere; ALTER TABLE p_2 DISABLE TRIGGER partly`,
      finds: ['disabled-trigger:everywhere on public.p', 'disabled-trigger:partly on public.p_2'],
    },
    {
      title: 'a foreign key of a partitioned table, once',
      sql: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE p (id int, a int CONSTRAINT a_fk REFERENCES a) PARTITION BY LIST (id);
        CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1); ALTER TABLE p DISABLE TRIGGER ALL`,
      finds: ['disabled-trigger:a_fk on public.p'],
    },
    {
      title: 'triggers that are enabled, and one that runs on replicas only',
      sql: `CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE t ENABLE REPLICA TRIGGER x`,
      finds: [],
    },
  ],
  'sequence-behind': [
    {
      title: 'identity and serial columns with values that the sequence has still to return',
      sql: `CREATE TABLE "A" ("Id" int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY); CREATE TABLE b (id bigserial PRIMARY KEY);
        INSERT INTO "A" VALUES (1), (2), (3); INSERT INTO b VALUES (1), (500)`,
      finds: ['sequence-behind:"Id" on public."A"', 'sequence-behind:id on public.b'],
    },
    {
      title: 'a sequence that was set to a value which it returns next',
      sql: `CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t SELECT FROM generate_series(1, 9); SELECT setval('t_id_seq', 9, false)`,
      finds: ['sequence-behind:id on public.t'],
      says: [
        'it returns 9 next, and the column has values up to 9; the next INSERT repeats a value',
      ],
    },
    {
      title: 'a value that the sequence reaches after many INSERTs, as a warning',
      sql: 'CREATE TABLE t (id bigserial PRIMARY KEY); INSERT INTO t VALUES (1000000)',
      finds: ['sequence-behind:id on public.t'],
      severities: ['warning'],
    },
    {
      title: 'a sequence of a partitioned table, once',
      sql: `CREATE TABLE p (id bigserial PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (99);
        INSERT INTO p VALUES (1)`,
      finds: ['sequence-behind:id on public.p'],
    },
    {
      title: 'sequences that are ahead, were set ahead, or are used by no default',
      sql: `CREATE TABLE a (id serial PRIMARY KEY, other int); INSERT INTO a SELECT FROM generate_series(1, 3);
        CREATE TABLE b (id serial PRIMARY KEY); INSERT INTO b VALUES (1), (2), (3); SELECT setval('b_id_seq', 4, false);
        CREATE TABLE c (id serial PRIMARY KEY); ALTER TABLE c ALTER id DROP DEFAULT; INSERT INTO c VALUES (7);
        CREATE TABLE d (id serial PRIMARY KEY);
        CREATE SEQUENCE codes; CREATE TABLE e (id int DEFAULT 100 + nextval('codes') PRIMARY KEY); INSERT INTO e VALUES (200)`,
      finds: [],
    },
    {
      title: 'an identity that CYCLEs',
      sql: `CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY (CYCLE) PRIMARY KEY); INSERT INTO t VALUES (1), (9)`,
      finds: [],
    },
  ],
  'key-overflow': [
    {
      title: 'keys that a sequence has filled to 70 and to 90 percent, of small and other integers',
      sql: `CREATE TABLE a (id serial PRIMARY KEY); SELECT setval('a_id_seq', 1600000000);
        CREATE TABLE b (id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY); SELECT setval('b_id_seq', 30000)`,
      finds: ['key-overflow:id on public.a', 'key-overflow:id on public.b'],
      severities: ['warning', 'error'],
    },
    {
      title: 'a key that the application fills',
      sql: 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (2000000000)',
      finds: ['key-overflow:id on public.t'],
    },
    {
      title: 'a sequence that kept its limit when its column was changed to bigint',
      sql: `CREATE TABLE t (id serial PRIMARY KEY); ALTER TABLE t ALTER id TYPE bigint; SELECT setval('t_id_seq', 2147480000)`,
      finds: ['key-overflow:id on public.t'],
      severities: ['error'],
    },
    {
      title: 'a foreign key column that is narrower than its key',
      sql: `CREATE TABLE a (id bigserial PRIMARY KEY); SELECT setval('a_id_seq', 2000000000);
        CREATE TABLE b (id bigint PRIMARY KEY, "aId" int CONSTRAINT a_fk REFERENCES a)`,
      finds: ['key-overflow:a_fk on public.b/aId'],
      severities: ['error'],
    },
    {
      title: 'keys with room, bigint keys, and an identity that CYCLEs',
      sql: `CREATE TABLE a (id serial PRIMARY KEY); SELECT setval('a_id_seq', 1500000000);
        CREATE TABLE b (id bigserial PRIMARY KEY, a int REFERENCES a); SELECT setval('b_id_seq', 9000000000);
        CREATE TABLE c (id smallint GENERATED ALWAYS AS IDENTITY (CYCLE) PRIMARY KEY); SELECT setval('c_id_seq', 32000);
        CREATE TABLE d (id int PRIMARY KEY)`,
      finds: [],
    },
  ],
  'unpopulated-view': [
    {
      title: 'a view WITH NO DATA',
      sql: 'CREATE MATERIALIZED VIEW v AS SELECT 1 AS one WITH NO DATA',
      finds: ['unpopulated-view:public.v'],
    },
    {
      title: 'a populated view',
      sql: 'CREATE MATERIALIZED VIEW v AS SELECT 1 AS one',
      finds: [],
    },
  ],
  'collation-version': [
    {
      title:
        'a collation of another version than that of the library, with the indexes that it sorts',
      sql: `CREATE COLLATION german (provider = icu, locale = 'de'); CREATE TABLE t (id int PRIMARY KEY, a text COLLATE german);
        CREATE INDEX t_a ON t (a); UPDATE pg_collation SET collversion = '0.0' WHERE collname = 'german'`,
      finds: ['collation-version:public.german'],
      says: ['Indexes that it sorts: public.t_a.'],
      unless: 'PGlite',
    },
    {
      title:
        'a collation of the version of the library, and one that no index sorts by and no one created',
      sql: `CREATE TABLE t (id int PRIMARY KEY, a text COLLATE "C"); CREATE INDEX t_a ON t (a);
        UPDATE pg_collation SET collversion = '0.0' WHERE collname = 'de-x-icu'`,
      finds: [],
    },
  ],
  'xid-age': [
    {
      title: 'old tables, also by their TOAST table, the oldest first',
      sql: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, t text); CREATE TABLE c (id int PRIMARY KEY);
        ${aged(`'a'::regclass`, 600_000_000)}; ${aged(`'c'::regclass`, 400_000_000)};
        ${aged(`(SELECT reltoastrelid FROM pg_class WHERE oid = 'b'::regclass)`, 1_600_000_000)}`,
      finds: ['xid-age:public.b', 'xid-age:public.a'],
      severities: ['error', 'warning'],
      unfixed: outsideTransactions,
    },
    {
      title: 'a limit that autovacuum keeps by its own setting',
      sql: `CREATE TABLE a (id int PRIMARY KEY); ${aged(`'a'::regclass`, 150_000_000)}`,
      finds: [],
      thresholds: { ageWarning: 100_000_000 },
    },
  ],
  'orphan-partition-detach': [
    {
      title: 'a partition that was detached by half',
      sql: detachPending,
      finds: ['orphan-partition-detach:public.p_1'],
    },
    {
      title: 'a partition, and one that was detached',
      sql: `CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
        CREATE TABLE p_2 PARTITION OF p FOR VALUES IN (2); ALTER TABLE p DETACH PARTITION p_2`,
      finds: [],
    },
  ],
};
