import { sqlstate } from '../db/sqlstate.ts';
import { usageError, type DbopsError } from '../errors.ts';
import type { ConnectionNames, Directives, SqlScript } from '../migration.ts';
import { lineOf, splitStatements, SqlSyntaxError, type Statement } from './statements.ts';

/** How a file is sent to the server. */
export interface ExecutionPlan {
  /** As one transaction: BEGIN and COMMIT of the file's own are spaces, so that places stay. */
  sql: string;
  /** As it was written. */
  source: string;
  /** Part by part, outside a transaction. */
  isStepwise: boolean;
  /** What forces that, where nobody asked for it. */
  forcedBy?: Statement;
}

interface Input {
  /** Of the migration, for messages. */
  name: string;
  script: SqlScript;
  directives: Directives;
}

/** A cheap look that spares most files the parser. */
const suspicious =
  /\b(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare|concurrently|vacuum|reindex|cluster|system|database|tablespace|subscription|discard|stdin)\b|\\[a-z!.;?]/i;

/**
 * Decides how a file is run, in the live database as in a shadow. Statements that no transaction
 * may hold make it run part by part; other tools' files are not asked to say so.
 *
 * A text that PostgreSQL's grammar does not accept is left to the server, which tells more.
 *
 * @throws usage error, with the line, for what can't be part of a migration: psql's own commands,
 *   rows of COPY, ROLLBACK and savepoints
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
 * SQLSTATEs by which the server says that a file can't be one transaction, whatever the parser
 * thinks: `active_sql_transaction`, and `unsafe_new_enum_value_usage`, a value of ALTER TYPE … ADD
 * VALUE that is used before it is committed.
 */
export const needsCommits: ReadonlySet<string> = new Set<string>([
  sqlstate.activeSqlTransaction,
  sqlstate.unsafeNewEnumValueUsage,
]);

/** Statements that are committed together. */
export interface Part {
  sql: string;
  /** 0-based, in UTF-16 units of the file. */
  offset: number;
  statements: readonly [Statement, ...Statement[]];
}

/**
 * Cuts a file where it may be cut: between statements, but not between its own BEGIN and COMMIT.
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

/** The rows of a COPY are no SQL: what stands before them tells. */
async function copyBefore(source: string, offset: number): Promise<Statement | undefined> {
  const before = source.slice(0, source.lastIndexOf(';', offset) + 1);
  const last = (await splitStatements(before).catch(() => [])).at(-1);
  return last?.readsStdin ? last : undefined;
}

interface Refusal {
  psql(offset: number): DbopsError;
  copy(statement: Statement): DbopsError;
  /** @throws when no migration may hold the statement */
  check(statement: Statement): void;
}

function refusalFor({ name, script, directives }: Input, needsDirective: boolean): Refusal {
  const refuse = (code: string, message: string, hint: string) =>
    usageError(`MIGRATION.${code}`, `${name} ${message}`, hint, [script.file]);
  const copy = ({ line }: Statement) =>
    refuse(
      'COPY',
      `copies rows from standard input (line ${line}), which only psql can do.`,
      'Write them as INSERT … VALUES, or load them with psql or dbops seed.',
    );
  /** A COMMIT in the file would end our transaction half-way and keep half of a failing file. */
  const control = ({ line, boundary }: Statement) =>
    refuse(
      'TRANSACTION_CONTROL',
      `begins or ends a transaction itself (line ${line}).`,
      directives.noTransaction
        ? 'Remove BEGIN and COMMIT, or the directive no-transaction: with it each statement runs by itself.'
        : boundary || needsDirective
          ? 'Remove BEGIN and COMMIT: every file runs in a transaction of its own. For statements that can not, use "-- dbops: no-transaction".'
          : 'Remove ROLLBACK and savepoints: every file is committed as a whole, or not at all.',
    );
  return {
    copy,
    psql: (offset) =>
      refuse(
        'PSQL',
        `holds a command of psql (line ${lineOf(script.sql, offset)}: ${wordAt(script.sql, offset)}), which the server does not know.`,
        'Write it as SQL, or take it out; the text of an \\i file belongs into the migration.',
      ),
    check(statement) {
      const isOurs = statement.boundary !== undefined && !needsDirective;
      if (statement.controlsTransaction && !isOurs) throw control(statement);
      if (statement.readsStdin) throw copy(statement);
      if (statement.discardsAll)
        throw refuse(
          'DISCARD',
          `gives up the locks of its own run with DISCARD ALL (line ${statement.line}).`,
          'Take it out: settings end with the file by themselves.',
        );
    },
  };
}

function wordAt(source: string, offset: number): string {
  return /^\S+/.exec(source.slice(offset))?.[0] ?? '';
}
