import { ScriptError, type Server } from '../db/session.ts';
import { relative } from 'node:path';
import { codeOf } from '../db/connection-error.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes, messageOf, usageError, type ExitCode } from '../errors.ts';
import type { Direction, Migration, Script } from '../migration.ts';
import { MigrationError } from '../runner/send-migration.ts';
import { failureLines } from '../runner/failure/failure-lines.ts';
import { missingOnServer } from '../runner/failure/missing-on-server.ts';
import { offsetOfError, offsetOfStatement, serverSays, showPlace } from '../sql/error-position.ts';

type Engine = Server['kind'];

/** A file that is run in a shadow. */
interface Replay {
  migration: Migration;
  script: Script;
  source: string;
  direction: Direction;
}

/** The shadow database was lost during a replay; the migration is not known to be the cause. */
export class LostInReplay extends Error {
  readonly migration: string;
  constructor(migration: string, cause: unknown) {
    super(messageOf(cause), { cause });
    this.migration = migration;
  }
}

/**
 * Returns whether the migrations caused the error, not the machine, the shadow database, its privileges
 * or an interruption. Only then can another proof succeed.
 */
export function isFaultOfFolder(error: unknown): error is DbopsError {
  return (
    error instanceof DbopsError && !ofSurroundings.has(error.exitCode) && !ofShadow.has(error.code)
  );
}

const ofSurroundings = new Set<ExitCode>([
  exitCodes.interrupted,
  exitCodes.unreachable,
  exitCodes.locked,
]);
const ofShadow = new Set(['SHADOW.TIMEOUT', 'SHADOW.PLATFORM', 'SHADOW.PRELUDE', 'SHADOW.LOST']);

/** Returns the error for a migration that fails on an empty database, or for its rollback. */
export async function doesNotReplay(
  { migration: { name }, script, source, direction }: Replay,
  error: unknown,
  engine: Engine,
): Promise<DbopsError> {
  const { cause, point } =
    error instanceof MigrationError ? error : { cause: error, point: undefined };
  const offset = point && (point.offset ?? (await offsetOfStatement(point.sql, point.completed)));
  const reason = [...showPlace(script.file, source, offset), ...failureLines(cause)];
  const missing = missingOnServer(cause);
  if (missing?.kind === 'extension')
    return lacksExtension(name, missing.name, { engine, reason, cause });
  return new DbopsError({
    code: 'SHADOW.REPLAY',
    exitCode: exitCodes.failed,
    message:
      direction === 'up'
        ? `${name} does not run on an empty database, so the expected schema is not known.`
        : `The rollback of ${name} does not run where the migration has been run.`,
    reason,
    hint: missing
      ? `The shadow database does not have the ${missing.kind} ${missing.name}. Replay on a server that has it: --shadow-url postgres://…`
      : elsewhere(cause),
    cause,
  });
}

/** An applied file cannot be corrected, and what it needs may have been created by something else. */
function elsewhere(cause: unknown): string {
  const server = 'replay on a server where the file runs: --shadow-url postgres://…';
  return made.has(codeOf(cause))
    ? `If something other than these migrations creates it, create it for the shadow in the file of shadowPrelude (dbops init proposes one), or ${server}`
    : `If the file needs other settings, extensions or another version, ${server}`;
}

/** SQLSTATEs of objects that do not exist. */
const made: ReadonlySet<string> = new Set([
  sqlstate.undefinedTable,
  sqlstate.undefinedObject,
  sqlstate.undefinedFunction,
  sqlstate.undefinedColumn,
  sqlstate.invalidSchemaName,
]);

/** Returns the error for a prelude of the configuration that does not run. */
export function preludeFails(
  file: string,
  sql: string,
  { cause, offset = 0 }: { cause: unknown; offset?: number },
): DbopsError {
  const within = offsetOfError(cause, sql.slice(offset), 0) ?? 0;
  return usageError(
    'SHADOW.PRELUDE',
    `The prelude ${relative(process.cwd(), file)} does not run on an empty database; nothing was changed.`,
    'Correct the file, which shadowPrelude names in the configuration.',
    [...showPlace(file, sql, offset + within), ...failureLines(cause)],
  );
}

function lacksExtension(
  name: string,
  extension: string,
  { engine, reason, cause }: { engine: Engine; reason: string[]; cause: unknown },
): DbopsError {
  const where = engine === 'pglite' ? 'the embedded shadow' : 'the server of --shadow-url';
  return new DbopsError({
    code: 'SHADOW.EXTENSION',
    exitCode: exitCodes.usage,
    message: `${name} needs the extension ${extension}, which ${where} lacks.`,
    reason,
    hint: 'Replay on a server where it is installed: --shadow-url postgres://…',
    cause,
  });
}

/** Returns the error for a platform's own objects that cannot be created in the shadow. */
export function doesNotPrepare(error: unknown): DbopsError {
  const cause = error instanceof ScriptError ? error.cause : error;
  return new DbopsError({
    code: 'SHADOW.PLATFORM',
    exitCode: exitCodes.failed,
    message:
      'The roles, schemas and extensions of the platform cannot be created in the shadow database.',
    reason: serverSays(cause),
    hint: 'Give the user of --shadow-url the right to create roles (CREATEROLE), or leave --shadow-url out.',
    cause,
  });
}
