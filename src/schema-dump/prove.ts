import {
  differencesOf,
  judgeIn,
  keyOfDifference,
  type Difference,
} from '../catalog/differences.ts';
import { describeDetail } from '../catalog/describe.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { fixedSettings, fullSnapshot, keyOfObject, objectName } from '../catalog/snapshot.ts';
import { ScriptError, type Session } from '../db/session.ts';
import type { SchemaPiece } from '../ddl/writer/piece.ts';
import { writeSchema, type KeptObjects } from '../ddl/writer/write.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { missingOnServer } from '../runner/failure/missing-on-server.ts';
import { prepare } from '../shadow/replay.ts';
import { withShadow, type ShadowOptions } from '../shadow/shadow.ts';
import { serverSays, shortened } from '../sql/error-position.ts';
import { statementsBefore, textOf } from './text.ts';

/** A schema as it was read and written. */
export interface Source {
  /** The objects that the dump must create, with their privileges. */
  objects: readonly SchemaObject[];
  statements: readonly string[];
  pieces: readonly SchemaPiece[];
  written: ReadonlySet<string>;
  choice: KeptObjects;
  format: Format;
  /** The shadow database into which it is restored. */
  shadow: ShadowOptions;
}

/**
 * Restores a dump in a shadow database and compares the catalogs. The server prints some expressions
 * differently once they were restored, so the text that is returned is the one that restores to itself: it
 * is the same whether a database was created by migrations or from a dump.
 *
 * @returns the statements of the proven dump
 * @throws DbopsError that names the statement that fails or the objects that differ
 */
export function prove(source: Source): Promise<readonly string[]> {
  return withShadow(source.shadow, async (shadow) => {
    await prepare(shadow, source.format);
    const given = new Set((await snapshotOf(shadow)).map(keyOfObject));
    const first = await restoreAndCompare(shadow, source, source.statements, given);
    if (isSame(first, source.statements)) return first;
    const second = await restoreAndCompare(shadow, source, first, given);
    // The spelling of an expression settles when it has been restored once.
    return isSame(second, first) ? second : restoreAndCompare(shadow, source, second, given);
  });
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return textOf(one) === textOf(other);
}

async function snapshotOf(shadow: Session): Promise<SchemaObject[]> {
  await shadow.script(`BEGIN; ${fixedSettings}`);
  try {
    return await fullSnapshot(shadow, { grants: true });
  } finally {
    await shadow.script('ROLLBACK');
  }
}

/** Leaves the shadow as it was. @returns the restored schema as it is written there */
async function restoreAndCompare(
  shadow: Session,
  { objects, choice, written }: Source,
  statements: readonly string[],
  given: ReadonlySet<string>,
): Promise<readonly string[]> {
  await shadow.script('BEGIN; RESET ALL');
  try {
    await restore(shadow, statements);
    await shadow.script(fixedSettings);
    const restored = await fullSnapshot(shadow, { grants: true });
    const isFound = comparing(objects, { given, written });
    const found = restored.filter(isFound);
    const differences = await differencesOf(objects, found, judgeIn(shadow), { all: true });
    if (differences.length > 0) throw unproven(differences);
    return (await writeSchema(shadow, choice)).statements;
  } finally {
    await shadow.script('ROLLBACK');
  }
}

/** Schemas and extensions are also written where only a kept object needs them. */
function comparing(
  objects: readonly SchemaObject[],
  { given, written }: { given: ReadonlySet<string>; written: ReadonlySet<string> },
): (object: SchemaObject) => boolean {
  const expected = new Set(objects.map(keyOfObject));
  return (object) => {
    const key = keyOfObject(object);
    if (expected.has(key)) return true;
    const isNeeded = object.kind === 'schema' || object.kind === 'extension';
    return !given.has(key) && !(isNeeded && written.has(key)) && object.kind !== 'schema grants';
  };
}

/**
 * Materialized views are not filled: that reads data, and a function that they call may find other names
 * on the search_path of another major version.
 */
async function restore(shadow: Session, all: readonly string[]): Promise<void> {
  const statements = all.filter((sql) => !sql.startsWith('REFRESH '));
  try {
    await shadow.script(textOf(statements));
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    throw doesNotRestore(error, statements[error.completed - statementsBefore]);
  }
}

function doesNotRestore({ cause, completed }: ScriptError, sql: string | undefined): DbopsError {
  const missing = missingOnServer(cause);
  return new DbopsError({
    code: 'SCHEMA.UNRESTORABLE',
    exitCode: exitCodes.failed,
    message: 'The dump cannot be restored, so it was not written.',
    reason: [
      ...serverSays(cause),
      ...(sql === undefined ? [`statement ${completed}`] : [shortened(sql)]),
    ],
    hint:
      missing?.kind === 'extension'
        ? `Prove the dump on a server that has the extension ${missing.name}: --shadow-url postgres://… Or write it unproven: --no-proof`
        : 'If the statement needs an object that the configuration leaves out, include that object or leave out this one too: schemas or ignore in dbops.config.ts.',
    cause,
  });
}

const listed = 20;

function unproven(differences: readonly Difference[]): DbopsError {
  return new DbopsError({
    code: 'SCHEMA.UNPROVEN',
    exitCode: exitCodes.failed,
    message: 'The dump does not restore to the same schema, so it was not written.',
    reason: differences.slice(0, listed).map(describe),
    hint: 'Leave these objects out (ignore in dbops.config.ts), and report them as a bug of dbops.',
  });
}

function describe(difference: Difference): string {
  const { object, change } = difference;
  const name = `${object.kind} ${objectName(object)}`;
  if (change !== 'different')
    return `${name}: ${change === 'missing' ? 'not restored' : 'restored, but not in the schema'}`;
  return `${name}: ${difference.details.map(describeDetail).join('; ')} (${keyOfDifference(difference)})`;
}
