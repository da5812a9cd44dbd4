import { sqlstate } from '../db/sqlstate.ts';
import { usageError, type DbopsError } from '../errors.ts';
import type { ConnectionNames, Directives, SqlScript } from '../migration.ts';
import { lineOf, splitStatements, SqlSyntaxError, type Statement } from './statements.ts';

/** How a file is sent to the server. */
export interface ExecutionPlan {
  /** For one transaction: BEGIN and COMMIT of the file are replaced by spaces, so that positions stay. */
  sql: string;
  /** The text of the file. */
  source: string;
  /** Whether the file runs part by part, outside a transaction. */
  isStepwise: boolean;
  /** The statement that requires this, without a directive. */
  forcedBy?: Statement;
}

interface Input {
  /** The name of the migration, for messages. */
  name: string;
  script: SqlScript;
  directives: Directives;
}

/** Parsing is needed only for files with one of these words. */
const suspicious =
  /\b(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare|concurrently|vacuum|reindex|cluster|system|database|tablespace|subscription|discard|stdin)\b|\\[a-z!.;?]/i;

/**
 * Decides how a file is sent, to a database or to a shadow. Statements that cannot run in a
 * transaction make it run part by part; files of other tools need no directive for that.
 *
 * SQL that PostgreSQL's grammar rejects is sent as it is, so that the server reports the error.
 *
 * @throws usage error, with the line, for what a migration cannot contain: psql commands, rows of
 *   COPY, ROLLBACK and savepoints
 */
export async function executionOf(
  { name, script, directives }: Input,
  { needsDirective = false }: { needsDirective?: boolean },
  connection?: ConnectionNames,
): Promise<ExecutionPlan> {
  const source = connection && script.sqlFor ? script.sqlFor(connection) : script.sql;
  const isAsked = directives.noTransaction || script.noTransaction === true;
  const plain: ExecutionPlan = { sql: source, source, isStepwise: isAsked };
  if (!suspicious.test(source)) return plain;
  const refusal = refusalFor({ name, script, directives }, needsDirective);
  const statements = await parsed(source, refusal);
  for (const statement of statements) refusal.check(statement);
  const alone = statements.find(({ standsAlone }) => standsAlone);
  if (needsDirective || !(alone || statements.some(({ boundary }) => boundary))) return plain;
  return {
    sql: withoutBoundaries(source, statements),
    source,
    isStepwise: isAsked || alone !== undefined,
    ...(alone && !isAsked && { forcedBy: alone }),
  };
}

/**
 * SQLSTATEs with which the server refuses to run a file in one transaction. The second one is for a
 * value of ALTER TYPE … ADD VALUE that is used before it is committed.
 */
export const needsCommits: ReadonlySet<string> = new Set<string>([
  sqlstate.activeSqlTransaction,
  sqlstate.unsafeNewEnumValueUsage,
]);

/** Statements of a file that are committed together. */
export interface Part {
  sql: string;
  /** 0-based, in UTF-16 units of the file. */
  offset: number;
  statements: readonly [Statement, ...Statement[]];
}

/**
 * Splits a file between statements, but not between its own BEGIN and COMMIT.
 *
 * @throws SqlSyntaxError
 */
export async function splitParts(source: string): Promise<Part[]> {
  const parts: Part[] = [];
  let open: Statement[] | undefined;
  for (const statement of await splitStatements(source)) {
    if (statement.boundary) {
      if (open) parts.push(...partOf(source, open));
      open = statement.boundary === 'begin' ? [] : undefined;
    } else if (open) open.push(statement);
    else parts.push(...partOf(source, [statement]));
  }
  return open ? [...parts, ...partOf(source, open)] : parts;
}

function partOf(source: string, [first, ...rest]: readonly Statement[]): Part[] {
  if (!first) return [];
  const last = rest.at(-1) ?? first;
  const sql = source.slice(first.offset, last.offset + last.sql.length);
  return [{ sql, offset: first.offset, statements: [first, ...rest] }];
}

function withoutBoundaries(source: string, statements: readonly Statement[]): string {
  let text = '';
  let end = 0;
  for (const { boundary, offset, sql } of statements) {
    if (!boundary) continue;
    text += source.slice(end, offset) + sql.replaceAll(/[^\r\n]/g, ' ');
    end = offset + sql.length;
  }
  return text + source.slice(end);
}

async function parsed(source: string, refusal: Refusal): Promise<Statement[]> {
  try {
    return await splitStatements(source);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    if (source[error.offset] === '\\') throw refusal.psql(error.offset);
    const copy = await copyBefore(source, error.offset);
    if (copy) throw refusal.copy(copy);
    return [];
  }
}

/** Returns the COPY … FROM STDIN before a syntax error: its rows are not SQL. */
async function copyBefore(source: string, offset: number): Promise<Statement | undefined> {
  const before = source.slice(0, source.lastIndexOf(';', offset) + 1);
  const last = (await splitStatements(before).catch(() => [])).at(-1);
  return last?.readsStdin ? last : undefined;
}

interface Refusal {
  psql(offset: number): DbopsError;
  copy(statement: Statement): DbopsError;
  /** @throws usage error when a migration cannot contain the statement */
  check(statement: Statement): void;
}

function refusalFor({ name, script, directives }: Input, needsDirective: boolean): Refusal {
  const refuse = (code: string, message: string, hint: string) =>
    usageError(`MIGRATION.${code}`, `${name} ${message}`, hint, [script.file]);
  const copy = ({ line }: Statement) =>
    refuse(
      'COPY',
      `copies rows from standard input (line ${line}), which requires psql.`,
      'Write the rows as INSERT … VALUES, or load them with psql or dbops seed.',
    );
  /** A COMMIT would end the transaction of the migration: a file that fails later would remain half applied. */
  const control = ({ line, boundary }: Statement) =>
    refuse(
      'TRANSACTION_CONTROL',
      `begins or ends a transaction itself (line ${line}).`,
      directives.noTransaction
        ? 'Remove BEGIN and COMMIT, or the directive no-transaction, with which each statement is committed separately.'
        : boundary || needsDirective
          ? 'Remove BEGIN and COMMIT: each file runs in its own transaction. For statements that cannot run in a transaction, use "-- dbops: no-transaction".'
          : 'Remove ROLLBACK and savepoints: a file is committed as a whole or not at all.',
    );
  return {
    copy,
    psql: (offset) =>
      refuse(
        'PSQL',
        `contains a psql command (line ${lineOf(script.sql, offset)}: ${wordAt(script.sql, offset)}), which the server cannot run.`,
        'Replace it with SQL or remove it. Copy the text of an \\i file into the migration.',
      ),
    check(statement) {
      const isOurs = statement.boundary !== undefined && !needsDirective;
      if (statement.controlsTransaction && !isOurs) throw control(statement);
      if (statement.readsStdin) throw copy(statement);
      if (statement.discardsAll)
        throw refuse(
          'DISCARD',
          `releases the locks of its own run with DISCARD ALL (line ${statement.line}).`,
          'Remove it: settings are reset automatically after the file.',
        );
    },
  };
}

function wordAt(source: string, offset: number): string {
  return /^\S+/.exec(source.slice(offset))?.[0] ?? '';
}
