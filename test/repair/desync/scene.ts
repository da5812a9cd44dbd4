import { readFileSync } from 'node:fs';
import { quoteIdentifier, quoteLiteral } from '../../../src/db/quote.ts';
import type { Session } from '../../../src/db/session.ts';
import type { Folder, TrackingRow } from '../../../src/formats/format.ts';
import type { Migration } from '../../../src/migration.ts';
import { splitStatements } from '../../../src/sql/statements.ts';
import { folderOf, type FormatName } from './folders.ts';
import type { MigrationText } from './turnover.ts';
import type { Random } from './random.ts';

/** A database whose tracking table has fallen out of step, and what is true of it. */
export interface Scene {
  folder: Folder;
  /** As it was when its migrations were run. */
  before: Folder;
  /** What was done, a line each: for whoever has to find out why a case fails. */
  story: string[];
  /** Names of the migrations that were run whole. */
  applied: Set<string>;
  /** Names of those that were run in part. */
  partial: Set<string>;
  /** Names of those whose file says something else now than what was run. */
  changed: Set<string>;
  /** Names of those that are recorded and were never run. */
  claimed: Set<string>;
  /** One was left out, and later ones that may rest on it were run. */
  hasHole: boolean;
  /** Rows were written between migrations. */
  hasRows: boolean;
  /** Objects were dropped by hand. */
  hasLost: boolean;
  /** There is more in the database than migrations have made. */
  hasMore: boolean;
  /** Rows were written that no repair can account for. */
  hasStrays: boolean;
}

interface Stage {
  session: Session;
  format: FormatName;
  steps: readonly MigrationText[];
  /** The same folder without edits: read once. */
  plain: Folder;
  random: Random;
}

/** Makes a database out of step, in the transaction that the session is in. */
export async function damage(stage: Stage): Promise<Scene> {
  const { session, plain, steps, random } = stage;
  const story: string[] = [];
  const scene: Scene = {
    folder: plain,
    before: plain,
    story,
    applied: new Set(),
    partial: new Set(),
    changed: new Set(),
    claimed: new Set(),
    hasHole: false,
    hasRows: false,
    hasLost: false,
    hasMore: false,
    hasStrays: false,
  };
  await session.script('SAVEPOINT empty');
  await apply(stage, scene);
  await record(session, plain, scene.applied);
  await damageRows(stage, scene);
  if (random.chance(0.25)) await dropObjects(stage, scene);
  if (random.chance(0.25)) await addObjects(stage, scene);
  if (random.chance(0.25)) await editFiles(stage, scene, steps);
  return scene;
}

/** As many as somebody has run: a first part, then perhaps one left out, or one in part. */
async function apply({ session, plain, steps, random }: Stage, scene: Scene): Promise<void> {
  const { migrations } = plain;
  const length = random.below(migrations.length + 1);
  const hole = random.chance(0.3) ? random.below(length + 1) : -1;
  const hasRows = random.chance(0.3);
  for (const [at, { name }] of migrations.slice(0, length).entries()) {
    if (at === hole) continue;
    if (await attempt(session, [steps[at]?.sql ?? ''])) scene.applied.add(name);
    if (hasRows && random.chance(0.3)) await writeRows(session);
  }
  scene.hasRows = hasRows;
  if (hasRows) scene.story.push('rows written between them');
  scene.hasHole = scene.applied.size < length;
  if (hole >= 0) scene.story.push(`left out: ${migrations[hole]?.name}`);
  scene.story.push(`run: ${[...scene.applied].join(', ')}`);
  if (!random.chance(0.3)) return;
  const left = migrations.findIndex(({ name }) => !scene.applied.has(name));
  const statements = await splitStatements(steps[left]?.sql ?? '');
  const some = random.chance(0.5)
    ? statements.slice(0, random.below(statements.length))
    : random.some(statements, 0.5);
  const name = migrations[left]?.name;
  if (name === undefined || some.length === 0) return;
  for (const { sql } of some) if (await attempt(session, [sql])) scene.partial.add(name);
  scene.story.push(`in part: ${name}, ${some.length} of ${statements.length}`);
}

/**
 * Takes everything back and runs these migrations, in the folder's order.
 *
 * @returns whether all of them could be run
 */
export async function runInstead(
  session: Session,
  steps: readonly MigrationText[],
  { before }: Scene,
  names: ReadonlySet<string>,
): Promise<boolean> {
  await session.script('ROLLBACK TO empty');
  for (const [at, { name }] of before.migrations.entries())
    if (names.has(name) && !(await attempt(session, [steps[at]?.sql ?? '']))) return false;
  return true;
}

/** As the application does: what a migration does can depend on them. */
async function writeRows(session: Session): Promise<void> {
  const tables = await session.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname ~ '^thing_'`,
  );
  for (const { name } of tables)
    await attempt(session, [`INSERT INTO public.${quoteIdentifier(name)} DEFAULT VALUES`]);
}

/** Whether the statements could be run; without a trace if not. */
async function attempt(session: Session, statements: readonly string[]): Promise<boolean> {
  await session.script('SAVEPOINT attempt');
  try {
    for (const sql of statements) await session.script(sql);
    await session.script('SET LOCAL search_path TO DEFAULT; RELEASE attempt');
    return true;
  } catch {
    await session.script('ROLLBACK TO attempt; RELEASE attempt');
    return false;
  }
}

/** Writes the rows as an undamaged run does. */
async function record(
  session: Session,
  { tracking, migrations }: Folder,
  applied: ReadonlySet<string>,
): Promise<void> {
  await session.script(tracking.create);
  for (const migration of migrations) {
    if (!applied.has(migration.name)) continue;
    const [prepared = {}] = tracking.prepare
      ? await session.query<TrackingRow>(tracking.prepare)
      : [];
    // Where rows refer to one another, the tool writes none after a gap.
    await attempt(session, [tracking.record(migration, prepared)]);
  }
}

interface PlacedRow {
  place: string;
  [column: string]: unknown;
}

async function damageRows(stage: Stage, scene: Scene): Promise<void> {
  const { session, plain, random } = stage;
  const form = plain.tracking.rows;
  const { table } = form;
  const rows = await session.query<PlacedRow>(`SELECT ctid::text AS place, t.* FROM ${table} t`);
  const where = ({ place }: PlacedRow) => `WHERE ctid = ${quoteLiteral(place)}`;
  const run = async (story: string, sql: string) => {
    if (await attempt(session, [sql])) scene.story.push(story);
  };
  const kind = random.below(10);
  if (kind === 0) await run('every row deleted', `DELETE FROM ${table}`);
  if (kind >= 1 && kind <= 4) {
    const from = kind === 1 ? random.below(rows.length + 1) : 0;
    for (const row of kind === 1 ? rows.slice(from) : random.some(rows, 0.4))
      await run(`row deleted: ${row.place}`, `DELETE FROM ${table} ${where(row)}`);
  }
  if (kind === 5) await duplicate(stage, rows, scene);
  if (kind === 6 && form.contentOf && form.isChain !== true)
    for (const row of random.some(rows, 0.3)) await changeHash(stage, row, scene);
  if (kind === 7) await renumber(stage, random.pick(rows), scene);
  if (kind === 8) {
    const absent = plain.migrations.filter(
      ({ name }) => !scene.applied.has(name) && !scene.partial.has(name),
    );
    const claimed = random.some(absent, 0.4);
    if (
      await attempt(
        session,
        claimed.map((each) => plain.tracking.record(each, { batch: 1 })),
      )
    ) {
      scene.hasStrays ||= claimed.length > 0;
      for (const { name } of claimed) scene.claimed.add(name);
      scene.story.push(`recorded and never run: ${claimed.map(({ name }) => name).join(', ')}`);
    }
  }
  if (kind === 9 && stage.format === 'prisma') {
    const name = [...scene.partial, ...scene.applied].at(0);
    if (name !== undefined)
      await run(
        `failed row: ${name}`,
        `UPDATE ${table} SET finished_at = NULL WHERE migration_name = ${quoteLiteral(name)};
         INSERT INTO ${table} (id, checksum, migration_name) SELECT gen_random_uuid()::text, 'x', ${quoteLiteral(name)}
           WHERE NOT EXISTS (SELECT FROM ${table} WHERE migration_name = ${quoteLiteral(name)})`,
      );
  }
}

async function duplicate({ session, plain, random }: Stage, rows: PlacedRow[], scene: Scene) {
  const { table, key } = plain.tracking.rows;
  const row = random.pick(rows);
  if (!row) return;
  const columns = Object.keys(row).filter((name) => name !== 'place' && name !== 'id');
  const list = columns.map(quoteIdentifier).join(', ');
  const id = key.includes('id') && typeof row['id'] === 'string' ? ['id'] : [];
  const fresh = id.length > 0 ? 'id, ' : '';
  const value = id.length > 0 ? 'gen_random_uuid()::text, ' : '';
  // A table without its key: somebody has made it by hand.
  const statements = [
    ...(key.includes('id')
      ? []
      : [
          `DO $$ DECLARE o record; BEGIN FOR o IN SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(${quoteLiteral(table)}) AND contype = 'p' LOOP EXECUTE 'ALTER TABLE ${table} DROP CONSTRAINT ' || quote_ident(o.conname) || ' CASCADE'; END LOOP; END $$`,
        ]),
    `INSERT INTO ${table} (${fresh}${list}) SELECT ${value}${list} FROM ${table} WHERE ctid = ${quoteLiteral(row.place)}`,
  ];
  if (await attempt(session, statements)) scene.story.push(`row twice: ${row.place}`);
}

async function changeHash({ session, plain, format }: Stage, row: PlacedRow, scene: Scene) {
  const { table } = plain.tracking.rows;
  const where = `WHERE ctid = ${quoteLiteral(row.place)}`;
  const hash = quoteLiteral('0'.repeat(64));
  const set =
    format === 'supabase'
      ? `statements = ARRAY['SELECT 4711']`
      : `${'checksum' in row ? 'checksum' : 'hash'} = ${hash}`;
  if (await attempt(session, [`UPDATE ${table} SET ${set} ${where}`]))
    scene.story.push(`other hash: ${row.place}`);
}

/** The row is of a file that has another number now. */
async function renumber({ session, plain }: Stage, row: PlacedRow | undefined, scene: Scene) {
  const { table, knownBy } = plain.tracking.rows;
  const [column = ''] = knownBy;
  if (!row) return;
  const old = row[column];
  const fresh =
    typeof old === 'string' && /\D/.test(old)
      ? quoteLiteral(
          old.replace(/^\d+/, (digits) => digits.replace(/\d$/, (d) => `${(Number(d) + 5) % 10}9`)),
        )
      : quoteLiteral(`${BigInt(String(old)) + 7n}`);
  const sql = `UPDATE ${table} SET ${quoteIdentifier(column)} = ${fresh} WHERE ctid = ${quoteLiteral(row.place)}`;
  if (!(await attempt(session, [sql]))) return;
  scene.story.push(`renumbered: ${String(old)} is ${fresh}`);
  scene.hasStrays = true;
}

async function dropObjects({ session, random }: Stage, scene: Scene): Promise<void> {
  const objects = await session.query<{ drop: string }>(
    `SELECT format('DROP INDEX %I.%I', schemaname, indexname) AS drop FROM pg_indexes
       WHERE schemaname = 'public' AND tablename NOT IN ('schema_migrations', 'pgmigrations', '_prisma_migrations', 'kysely_migration', 'knex_migrations')
     UNION ALL SELECT format('ALTER TABLE %I.%I DROP COLUMN %I CASCADE', table_schema, table_name, column_name)
       FROM information_schema.columns c JOIN information_schema.tables USING (table_schema, table_name)
       WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name !~ 'migration'
     UNION ALL SELECT format('DROP TABLE %I.%I CASCADE', table_schema, table_name) FROM information_schema.tables
       WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name !~ 'migration'
     ORDER BY 1`,
  );
  const chosen = random.pick(objects);
  if (!chosen || !(await attempt(session, [chosen.drop]))) return;
  scene.story.push(chosen.drop);
  scene.hasLost = true;
}

async function addObjects({ session, random }: Stage, scene: Scene): Promise<void> {
  const count = random.chance(0.1) ? 300 : 1 + random.below(3);
  const made = Array.from(
    { length: count },
    (_, at) => `CREATE TABLE by_hand_${at} (id int, note text)`,
  );
  if (!(await attempt(session, made))) return;
  scene.story.push(`${count} tables by hand`);
  scene.hasMore = true;
}

/** Edits that mean the same, and some that do not. */
const edits: Record<string, (text: string) => string> = {
  'line endings': (text) => text.replaceAll('\n', '\r\n'),
  BOM: (text) => `\uFEFF${text}`,
  comments: (text) => `${text}\n-- reviewed\n`,
  'white space': (text) => `${text}\n\n   \n`,
};

async function editFiles(
  stage: Stage,
  scene: Scene,
  steps: readonly MigrationText[],
): Promise<void> {
  const { format, random, plain } = stage;
  if (format === 'graphile-migrate') return; // it refuses a committed file that was edited
  const at = random.below(steps.length);
  const target = plain.migrations[at]?.name ?? '';
  if (random.chance(0.3)) {
    const table = `edited_${at}`;
    const changed = steps.map((step, index) =>
      index === at
        ? {
            ...step,
            sql: `${step.sql.trimEnd().replace(/;?$/, ';')}\nCREATE TABLE ${table} (id int);`,
          }
        : step,
    );
    scene.folder = await folderOf(format, changed);
    scene.changed.add(target);
    scene.story.push(`edited: ${target} makes ${table} too`);
    return;
  }
  const kind = random.pick(Object.keys(edits)) ?? 'comments';
  const isModule = format === 'kysely' || format === 'knex';
  const edit = edits[kind];
  if (isModule || !edit || (kind === 'BOM' && format === 'dbmate')) return;
  const name = slugOf(plain.migrations[at]);
  scene.folder = await folderOf(format, steps, (file, text) =>
    file.includes(name) && file.endsWith('.sql') ? edit(text) : text,
  );
  scene.story.push(`${kind}: ${target}`);
}

function slugOf(migration: Migration | undefined): string {
  if (!migration) return '-';
  const words = migration.name.replace(/^\d+[-_]*/, '');
  return readFileSync(migration.up.file, 'utf8') === '' ? '-' : words;
}
