import { relative } from 'node:path';
import type { Context } from '../context.ts';
import { codeOf } from '../db/connection-error.ts';
import { quoteIdentifier, quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
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

/** What a replay of the folder has shown. */
export interface FolderLook<T> {
  prelude?: PreludeProposal;
  /** What `look` returned; absent where the migrations do not replay. */
  seen?: T;
}

/**
 * Replays the folder in a shadow database, and looks at the tables there.
 *
 * A prelude is returned for a folder that does not run on an empty database because of objects that no
 * migration creates. Schemas and roles are written out. Of other objects only the name is known, so they are left
 * as comments to complete.
 *
 * @param look called with the shadow once all migrations are replayed
 */
export async function proposePrelude<T>(
  context: Context,
  folder: Folder,
  look: (shadow: Session) => Promise<T>,
): Promise<FolderLook<T>> {
  try {
    return await replayUntilComplete(context, folder, look);
  } catch (error) {
    // The configuration does not depend on a replay: the commands that need one report what stops it.
    if (error instanceof DbopsError && error.exitCode !== exitCodes.interrupted) return {};
    throw error;
  }
}

async function replayUntilComplete<T>(
  context: Context,
  { format, migrations }: Folder,
  look: (shadow: Session) => Promise<T>,
): Promise<FolderLook<T>> {
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
    const answer = await withReplayer(wanted, async (shadow): Promise<{ seen: T } | DbopsError> => {
      const failure = await replay(shadow, migrations, wanted.format).catch(onlyOfReplay);
      if (failure) return failure;
      await shadow.script('RESET ALL; SET search_path TO pg_catalog, pg_temp');
      return { seen: await look(shadow) };
    });
    if (!(answer instanceof DbopsError))
      return { ...answer, ...(lines.length > 0 && { prelude: { sql: textOf(lines) } }) };
    const missing = missingIn(answer.cause);
    if (!missing)
      return lines.length > 0 ? { prelude: { sql: textOf(lines), stoppedBy: answer } } : {};
    const where = relative(io.cwd, answer.reason[0] ?? '');
    lines.push(`${missing.sql}  -- ${where}`);
    if (!missing.isWhole) return { prelude: { sql: textOf(lines), stoppedBy: answer } };
  }
  return { prelude: { sql: textOf(lines) } };
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
