import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import * as z from 'zod';
import type { BackfillTarget } from '../../backfill/definition.ts';
import { parseTarget } from '../../backfill/parse-target.ts';
import { deriveTarget, plainTable, readKnown } from '../../expand-contract/derive.ts';
import { splitMigration, withoutMoved, type EmptyColumn } from '../../expand-contract/plan.ts';
import type { Session } from '../../db/session.ts';
import { usageError } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import { readStatuses } from '../../runner/tracking-state.ts';
import type { Migration } from '../../migration.ts';
import { done, text } from '../../report.ts';
import { piecesOf } from '../../sql/alter-table.ts';
import { plainName, readPlacedAssignment } from '../../sql/expression.ts';
import { shellWord } from '../../output/shell.ts';
import { placeFolder } from '../../formats/place.ts';
import { defineCommand } from '../../command.ts';
import { filesOf } from '../../expand-contract/files.ts';
import { folderOf } from '../../open-project.ts';

export const command = defineCommand({
  description:
    'Splits a pending migration that would lock or fail on a table with rows, such as ADD COLUMN … NOT NULL. FILE keeps what can be applied at once (expand); a backfill fills the columns; a new last file enforces the constraints without a long lock (contract). Values are derived from foreign keys, or given with --set.',
  arguments: [['<file>', 'name or path of the migration; must be the last of the folder']],
  options: [
    [
      '--set <assignment...>',
      "'TABLE.COLUMN = EXPRESSION' for a column whose value cannot be derived; repeatable",
    ],
    ['--dry-run', 'print the files and write nothing'],
  ],
  examples: [
    'dbops migrate expand-contract 0006_cloudy_blizzard --dry-run',
    'dbops migrate expand-contract drizzle/0006_cloudy_blizzard.sql --set "purchases.stripe_payment_intent_id = \'legacy_\' || purchases.id"',
  ],
  flags: z.object({
    arguments: z.tuple([z.string()]),
    set: z.array(z.string()).default([]),
    dryRun: z.boolean().default(false),
  }),
  async run(context, { arguments: [wanted], set, dryRun }) {
    const unplaced = await folderOf(context);
    const session = await context.session();
    const folder = await placeFolder(session, unplaced);
    const migration = await pendingLast(session, folder, wanted);
    const { split, rollback } = await read(session, migration);
    if (split.contract.length === 0) throw nothingToSplit(migration);
    const backfills = await backfillsFor(session, split.columns, set);
    const cut = { folder, migration, split, rollback, backfills, now: context.clock() };
    const files = filesOf(cut);
    if (!dryRun) write(files);
    const shown = Object.keys(files).map((file) => relative(context.io.cwd, file));
    return done(
      { files: shown, backfills: [...backfills.keys()], notes: split.notes, dryRun },
      ...(dryRun
        ? Object.entries(files).map(([file, content]) => ({
            kind: 'code' as const,
            text: `-- ${relative(context.io.cwd, file)}\n${content}`,
          }))
        : shown.map((file) => text(`✓ ${file}`, 'good'))),
      ...split.notes.map((note) => text(note, 'warn')),
      text(
        dryRun
          ? '→ Write the files: run the command without --dry-run'
          : '→ Review the files, then run: dbops migrate up',
      ),
    );
  },
});

/** @throws usage error for a migration that is applied, unknown, or not the last */
async function pendingLast(session: Session, folder: Folder, wanted: string): Promise<Migration> {
  const name = basename(wanted).replace(/(?:\.up)?\.sql$/, '');
  const asked = name === 'migration' ? basename(dirname(wanted)) : name;
  const statuses = await readStatuses(session, folder);
  const status = statuses.find(
    (each) =>
      each.name === asked || each.name === wanted || each.name.replace(/\.sql$/, '') === asked,
  );
  const refuse = (code: string, message: string, hint: string) =>
    usageError(`EXPAND.${code}`, message, hint);
  if (!status?.migration)
    throw refuse(
      'UNKNOWN',
      `The folder has no migration ${asked}.`,
      'List its migrations: dbops migrate status',
    );
  const { migration } = status;
  if (status.state !== 'pending' && status.state !== 'out-of-order')
    throw refuse(
      'APPLIED',
      `${migration.name} is ${status.state} on this database; applied migrations are not rewritten.`,
      'Create a new migration instead: dbops migrate new NAME',
    );
  if (migration.up.kind !== 'sql')
    throw refuse(
      'MODULE',
      `${migration.name} is a module; only SQL migrations can be split.`,
      'Rewrite the migration in SQL.',
    );
  if (folder.migrations.at(-1)?.name !== migration.name)
    throw refuse(
      'NOT_LAST',
      `${migration.name} is not the last migration: its constraints would be enforced after the migrations that follow it.`,
      `Split the last migration, ${folder.migrations.at(-1)?.name ?? ''}, or make this one the last.`,
    );
  return migration;
}

async function read(session: Session, { up, down }: Migration) {
  const pieces = up.kind === 'sql' ? await piecesOf(up.sql) : [];
  const split = splitMigration(pieces, await readKnown(session, pieces));
  const rollback =
    down?.kind === 'sql' ? withoutMoved(await piecesOf(down.sql), split.moved) : undefined;
  return { split, rollback };
}

function nothingToSplit({ name }: Migration) {
  return usageError(
    'EXPAND.NOTHING',
    `${name} requires nothing of existing rows.`,
    'Apply it unchanged: dbops migrate up',
  );
}

/** Returns one backfill for each column name. @throws usage error for a column without a value */
async function backfillsFor(
  session: Session,
  columns: readonly EmptyColumn[],
  set: readonly string[],
): Promise<Map<string, BackfillTarget[]>> {
  const given = await readSets(set, columns);
  const backfills = new Map<string, BackfillTarget[]>();
  const unknown: string[] = [];
  for (const column of columns) {
    const own = await plainTable(column.table);
    const plain = await plainName(column.name);
    const value = given.get(column);
    const target =
      value === undefined
        ? await deriveTarget(session, column)
        : { table: own, set: `${plain} = ${value}`, done: `${plain} IS NOT NULL` };
    if (!target) unknown.push(`--set ${shellWord(`${own}.${plain} = EXPRESSION`)}`);
    else {
      const backfill = column.name.replaceAll(/[^\p{L}\p{N}]+/gu, '-');
      await assertReadBack(target, backfill, column);
      backfills.set(backfill, [...(backfills.get(backfill) ?? []), target]);
    }
  }
  if (unknown.length === 0) return backfills;
  throw usageError(
    'EXPAND.NO_VALUE',
    `No value given for existing rows in ${unknown.length === 1 ? 'a new column' : `${unknown.length} new columns`}; no file was written.`,
    'Provide an expression for each column, such as (SELECT …) or a literal, and run the command again.',
    unknown,
  );
}

/**
 * Returns SQL of the values that are given for columns.
 *
 * @throws usage error for text that is not `TABLE.COLUMN = EXPRESSION`, or names another column
 */
async function readSets(
  set: readonly string[],
  columns: readonly EmptyColumn[],
): Promise<Map<EmptyColumn, string>> {
  const given = new Map<EmptyColumn, string>();
  for (const each of set) {
    const { schema, table, column, value } = await readPlacedAssignment(each, '--set');
    const found = columns.find(
      (one) =>
        one.name === column &&
        one.table.name === table &&
        (schema === undefined || schema === one.table.schema),
    );
    if (!found)
      throw usageError(
        'EXPAND.SET',
        `--set names no column that the migration adds without a value: ${each}`,
        `Name one of these; names with capital letters need quotes: ${(await namesOf(columns)).join(', ')}`,
      );
    given.set(found, value);
  }
  return given;
}

function namesOf(columns: readonly EmptyColumn[]): Promise<string[]> {
  return Promise.all(
    columns.map(async ({ table, name }) => `${await plainTable(table)}.${await plainName(name)}`),
  );
}

/** A definition that reads back as another table or column would fail once the expand part is applied. */
async function assertReadBack(
  target: BackfillTarget,
  backfill: string,
  { table, name }: EmptyColumn,
): Promise<void> {
  const { table: place, column } = await parseTarget(target, backfill);
  if (place.name !== table.name || place.schema !== table.schema || column !== name)
    throw new Error(`${target.table}.${target.set} does not read back as ${table.name}.${name}`);
}

/** Writes every file under another name first, so that a failure leaves FILE unchanged. */
function write(files: Readonly<Record<string, string>>): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, content);
  }
  for (const file of Object.keys(files)) renameSync(`${file}.new`, file);
}
