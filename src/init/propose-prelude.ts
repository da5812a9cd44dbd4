import { relative } from 'node:path';
import type { Context } from '../context.ts';
import { codeOf } from '../db/connection-error.ts';
import { quoteIdentifier, quoteName } from '../db/quote.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import { text, type Block } from '../report.ts';
import { preludeName } from './config-file.ts';
import type { Folder } from '../formats/format.ts';
import { quotedNames } from '../sql/quoted-names.ts';
import { withReplayer } from '../shadow/replay-cache-key.ts';
import { replay } from '../shadow/replay.ts';

/** What the migrations expect of a database and no migration creates. */
export interface PreludeProposal {
  /** Text of the file. */
  sql: string;
  /** Why the migrations still do not run on an empty database; absent when they do. */
  stoppedBy?: DbopsError;
}

/** A replay for each object that is missing; a folder that lacks more is completed by hand. */
const most = 20;

/**
 * Returns a prelude for a folder that does not run on an empty database because of objects that no
 * migration creates; undefined for any other folder. Schemas and roles are written out. Of other
 * objects only the name is known, so they are left as comments to complete.
 */
export async function proposePrelude(
  context: Context,
  folder: Folder,
): Promise<PreludeProposal | undefined> {
  try {
    return await replayUntilComplete(context, folder);
  } catch (error) {
    // The configuration does not depend on a replay: the commands that need one report what stops it.
    if (error instanceof DbopsError && error.exitCode !== exitCodes.interrupted) return undefined;
    throw error;
  }
}

async function replayUntilComplete(
  context: Context,
  { format, migrations }: Folder,
): Promise<PreludeProposal | undefined> {
  const { settings, signal, progress, io } = context;
  const lines: string[] = [];
  for (let tried = 0; tried < most; tried++) {
    progress.update(`replaying ${migrations.length} migrations in a shadow database`);
    const sql = lines.join('\n');
    const wanted = {
      format: { ...format, prelude: { file: '', sql, settings: [], schemas: [] } },
      migrations,
      targetNames: { database: 'shadow', roles: [] },
      scope: settings.scope,
      environment: settings.environment,
      signal,
    };
    const failure = await withReplayer(wanted, (shadow) =>
      replay(shadow, migrations, wanted.format),
    ).then(() => undefined, onlyOfReplay);
    if (!failure) return lines.length > 0 ? { sql: textOf(lines) } : undefined;
    const missing = missingIn(failure.cause);
    if (!missing) return lines.length > 0 ? { sql: textOf(lines), stoppedBy: failure } : undefined;
    const where = relative(io.cwd, failure.reason[0] ?? '');
    lines.push(`${missing.sql}  -- ${where}`);
    if (!missing.isWhole) return { sql: textOf(lines), stoppedBy: failure };
  }
  return { sql: textOf(lines) };
}

function onlyOfReplay(error: unknown): DbopsError {
  if (error instanceof DbopsError && error.code === 'SHADOW.REPLAY') return error;
  throw error;
}

interface Missing {
  sql: string;
  /** Whether the statement creates the object; otherwise it is a comment to complete. */
  isWhole: boolean;
}

const kinds: Partial<Record<string, string>> = {
  [sqlstate.undefinedTable]: 'TABLE',
  [sqlstate.undefinedFunction]: 'FUNCTION',
  [sqlstate.undefinedObject]: 'TYPE',
};

/** The messages are those of the embedded engine, which are in English. */
function missingIn(cause: unknown): Missing | undefined {
  const { message = '' } = cause as Partial<Error>;
  const [name] = quotedNames(message);
  const code = codeOf(cause);
  const missingSchema = code === sqlstate.invalidSchemaName ? name : undefined;
  if (missingSchema !== undefined)
    return { sql: `CREATE SCHEMA ${quoteIdentifier(missingSchema)};`, isWhole: true };
  const role = /^role "(.+)" does not exist$/.exec(message)?.[1];
  if (role !== undefined) return { sql: `CREATE ROLE ${quoteIdentifier(role)};`, isWhole: true };
  const kind = kinds[code];
  const object = name ?? /^function (.+) does not exist$/.exec(message)?.[1];
  if (!kind || object === undefined || !message.endsWith('does not exist')) return undefined;
  const [last = object, schema] = object.split('.').toReversed();
  const written =
    kind === 'FUNCTION' ? object : quoteName({ name: last, ...(schema && { schema }) });
  return { sql: `-- CREATE ${kind} ${written} …;`, isWhole: false };
}

function textOf(lines: readonly string[]): string {
  return `-- What the migrations expect of a database and no migration creates. dbops runs this file in every
-- shadow database before the first migration, and never in your database.
${lines.join('\n')}
`;
}

/** Returns what the report says of a proposal. */
export function proposalLines(proposal: PreludeProposal | undefined): Block[] {
  if (!proposal) return [];
  const { stoppedBy } = proposal;
  return [
    text(`✓ ${preludeName}  what the migrations expect and none of them creates`, 'good'),
    ...(stoppedBy
      ? [
          text(`${stoppedBy.message}`, 'warn'),
          ...stoppedBy.reason.map((line) => text(`  ${line}`, 'dim')),
          text(`→ Complete ${preludeName}`),
        ]
      : []),
  ];
}
