import { basename, relative, resolve } from 'node:path';
import { codeOf } from '../db/connection-error.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { isSqlState, sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes, messageOf, usageError } from '../errors.ts';
import { offsetOfError, serverSays, showPlace } from '../sql/error-position.ts';
import { splitStatements, SqlSyntaxError } from '../sql/statements.ts';
import { readText } from '../text-file.ts';
import type { FileSet, ModuleSet } from './definition.ts';
import { effectsOf } from './effects.ts';
import { asOurselves, asTheRole } from './role.ts';
import { describeEffect, type TableEffect } from './table-effect.ts';

/** A file or a module of the team. */
export interface CodeSet {
  name: string;
  /** The absolute path. */
  file: string;
  /** Runs it in the caller's transaction. */
  run(session: Session): Promise<void>;
  /** Remarks on its text. */
  notes: readonly string[];
}

/**
 * Reads a file or loads a module before anything runs.
 *
 * @throws usage error for a file that ends the transaction, or a module without `seed`
 */
export async function readCode(
  name: string,
  set: FileSet | ModuleSet,
  root: string,
): Promise<CodeSet> {
  const file = resolve(root, 'file' in set ? set.file : set.module);
  const text = readText(file);
  const notes = notesOn(name, text);
  if ('module' in set) return { name, file, notes, run: await loadModule(file) };
  await assertRunsWithin(file, text);
  return { name, file, notes, run: (session) => runFile(session, file, text) };
}

function notesOn(name: string, text: string): string[] {
  if (!/\brandom\s*\(/i.test(text)) return [];
  return [`seeds.${name} calls random(): each database gets other values.`];
}

/** Only with one of these words does a file need the grammar, which takes long to load. */
const suspicious = /\b(?:begin|start|commit|end|rollback|abort|prepare|savepoint|release|copy)\b/i;

async function assertRunsWithin(file: string, text: string): Promise<void> {
  if (!suspicious.test(text)) return;
  const statements = await splitStatements(text).catch((error: unknown) => {
    if (!(error instanceof SqlSyntaxError)) throw error;
    throw usageError(
      'SEED.FILE',
      `${basename(file)} has a syntax error; nothing was changed.`,
      'Correct the file. Lines that begin with a backslash are commands of psql: remove them.',
      [...showPlace(file, text, error.offset), error.message],
    );
  });
  const ending = statements.find(({ controlsTransaction }) => controlsTransaction);
  const copy = statements.find(({ readsStdin }) => readsStdin);
  const found = ending ?? copy;
  if (!found) return;
  throw usageError(
    'SEED.FILE',
    ending
      ? `${basename(file)} controls the transaction; nothing was changed.`
      : `${basename(file)} reads rows from the input of psql (COPY … FROM STDIN); nothing was changed.`,
    ending
      ? 'Remove BEGIN, COMMIT, ROLLBACK and SAVEPOINT: all seeds run in one transaction.'
      : 'Write the rows as INSERT: pg_dump --data-only --inserts',
    showPlace(file, text, found.offset + leadingSpace(found.sql)),
  );
}

const leadingSpace = (text: string) => text.length - text.trimStart().length;

async function runFile(session: Session, file: string, text: string): Promise<void> {
  await session.script(asTheRole);
  try {
    await session.script(text);
  } catch (error) {
    throw failedIn(file, text, error);
  }
}

async function loadModule(file: string): Promise<CodeSet['run']> {
  const { loadSeedModule } = await import('../formats/shared/kysely-module.ts');
  const run = await loadSeedModule(file);
  return async (session) => {
    await session.script(asTheRole);
    await run(session).catch((error: unknown) => {
      throw failedIn(file, undefined, error);
    });
  };
}

function failedIn(file: string, text: string | undefined, error: unknown): unknown {
  const cause = error instanceof ScriptError ? error.cause : error;
  const code = codeOf(cause);
  const isLock = code === sqlstate.lockNotAvailable || code === sqlstate.deadlockDetected;
  if (cause instanceof DbopsError || isLock || (text !== undefined && !isSqlState(code)))
    return error;
  const name = relative(process.cwd(), file);
  return new DbopsError({
    code: 'SEED.FAILED',
    exitCode: exitCodes.failed,
    message: `${basename(file)} failed; the transaction was rolled back.`,
    reason: [
      ...(text === undefined ? [name] : showPlace(file, text, offsetOfError(cause, text, 0))),
      // A migration may leave the transaction by a directive, a seed may not.
      ...(isSqlState(code)
        ? serverSays(cause)
        : [messageOf(cause).replace(/, or put .* on its first line/, '')]),
    ],
    hint: `Correct ${name}, then run: dbops seed`,
    cause,
  });
}

/** What a file or module did. */
export interface CodeResult {
  effects: readonly TableEffect[];
  /** What a second run would do; empty: it is idempotent. */
  repeats: readonly TableEffect[];
}

/**
 * Runs a file or module and proves that a second run changes nothing. Where the first run has no effect it is
 * rolled back, and a second one would have none.
 *
 * @throws usage error with the tables and counts, unless `allowRepeat`
 */
export async function runCode(
  session: Session,
  set: CodeSet,
  { allowRepeat }: { allowRepeat: boolean },
): Promise<CodeResult> {
  const effects = await effectsOf(session, () => set.run(session));
  if (effects.length === 0) return { effects, repeats: [] };
  await set.run(session);
  await session.script(`RESET SESSION AUTHORIZATION; RESET ROLE; ${asOurselves(session)}`);
  const repeats = await secondRun(session, set, allowRepeat);
  if (repeats.length === 0 || allowRepeat) return { effects, repeats };
  throw notIdempotent(set, repeats.map(describeEffect));
}

async function secondRun(
  session: Session,
  set: CodeSet,
  allowRepeat: boolean,
): Promise<TableEffect[]> {
  try {
    return await effectsOf(session, () => set.run(session));
  } catch (error) {
    if (allowRepeat) return [];
    if (!(error instanceof DbopsError) || error.code !== 'SEED.FAILED') throw error;
    throw notIdempotent(set, ['The second run fails:', ...error.reason]);
  }
}

function notIdempotent({ name, file }: CodeSet, reason: string[]): DbopsError {
  return usageError(
    'SEED.NOT_IDEMPOTENT',
    `${basename(file)} (seeds.${name}) is not idempotent: a second run would write again; nothing was changed.`,
    'Use INSERT … ON CONFLICT … DO NOTHING or DO UPDATE, without random values; or allow it: dbops seed --allow-repeat',
    reason,
  );
}
