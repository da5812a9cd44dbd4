import { objectName, keyOfObject } from '../catalog/snapshot.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { prove, type Source } from './prove.ts';
import type { DumpContext } from './sources.ts';
import { textOf } from './text.ts';

/** A schema as SQL. */
export interface Dump {
  /** The text of the file; ends with a newline. */
  text: string;
  /** The number of statements. */
  statements: number;
  /** Whether it was restored to the same schema. */
  isProven: boolean;
}

/**
 * Returns the dump of a schema.
 *
 * @param isProven whether it is restored in a shadow database and compared first
 * @throws DbopsError that names the objects that it cannot write or that are not restored
 */
export async function dumpOf(
  { progress }: Pick<DumpContext, 'progress'>,
  source: Source,
  isProven: boolean,
): Promise<Dump> {
  assertWritten(source);
  if (isProven) progress.update('restoring the dump in a shadow database');
  const statements = isProven ? await prove(source) : source.statements;
  return { text: textOf(statements), statements: statements.length, isProven };
}

/** Objects that are written together with the one that they belong to; the proof compares them. */
const parts = new Set([
  'column',
  'constraint',
  'index',
  'trigger',
  'domain constraint',
  'publication table',
  'grants',
  'schema grants',
  'default privileges',
]);

function assertWritten({ objects, written }: Source): void {
  const missing = objects.filter(
    (object) =>
      !parts.has(object.kind) &&
      !(object.kind === 'sequence' && object.properties['identity'] === true) &&
      !written.has(keyOfObject(object)),
  );
  if (missing.length === 0) return;
  const [first] = missing;
  throw new DbopsError({
    code: 'SCHEMA.UNSUPPORTED',
    exitCode: exitCodes.failed,
    message: 'dbops cannot write these objects as SQL, so no dump was written.',
    reason: missing.map((object) => `${object.kind} ${objectName(object)}`),
    hint: `Leave them out in dbops.config.ts, such as ignore: ['${first ? objectName(first) : ''}']`,
  });
}
