import type { Node } from 'libpg-query';

/** One statement of a file. */
export interface Statement {
  sql: string;
  /** 0-based, in UTF-16 units of the file. */
  offset: number;
  /** 1-based line of the file on which the statement begins. */
  line: number;
  /** The server refuses it inside a transaction block. */
  standsAlone: boolean;
  /** `BEGIN`, `COMMIT`, `ROLLBACK`, …: the file would end the runner's own transaction. */
  controlsTransaction: boolean;
  /** `COPY … FROM STDIN`: its rows are psql's to send, and a migration has none to send. */
  readsStdin: boolean;
  /** Of `CREATE INDEX CONCURRENTLY name`: what a failed run may leave behind, invalid. */
  concurrentIndex?: { schema?: string; name: string };
}

/** The text is not SQL that PostgreSQL's own grammar accepts. */
export class SqlSyntaxError extends Error {
  /** 0-based, in UTF-16 units of the text. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Splits a file by PostgreSQL's own grammar (libpg-query): dollar quotes, `BEGIN ATOMIC` bodies
 * and nested comments are never cut.
 *
 * @throws SqlSyntaxError
 */
export async function splitStatements(sql: string): Promise<Statement[]> {
  const bytes = Buffer.from(sql);
  return (await parse(sql)).map(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
    const slice = bytes.subarray(start, length ? start + length : undefined).toString();
    const offset = bytes.subarray(0, start).toString().length;
    const index = stmt ? concurrentIndexOf(stmt) : undefined;
    return {
      sql: slice.trimEnd(),
      offset,
      line: lineOf(sql, offset),
      standsAlone: stmt ? standsAlone(stmt) : false,
      controlsTransaction: stmt ? 'TransactionStmt' in stmt : false,
      readsStdin: stmt ? readsStdin(stmt) : false,
      ...(index && { concurrentIndex: index }),
    };
  });
}

/** The parser is WebAssembly: loaded when a file has to be split, and not before. */
export async function parse(sql: string) {
  const { hasSqlDetails, loadModule, parseSync } = await import('libpg-query');
  await loadModule();
  try {
    return sql ? (parseSync(sql).stmts ?? []) : []; // it refuses an empty text
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    throw new SqlSyntaxError(
      error.message,
      offsetOfCharacter(sql, error.sqlDetails?.cursorPosition ?? 0),
    );
  }
}

/** Statements that PreventInTransactionBlock() guards in the server's sources. */
function standsAlone(stmt: Node): boolean {
  if ('IndexStmt' in stmt) return stmt.IndexStmt.concurrent === true;
  if ('DropStmt' in stmt) return stmt.DropStmt.concurrent === true;
  if ('ReindexStmt' in stmt)
    return (
      JSON.stringify(stmt.ReindexStmt.params ?? []).includes('"concurrently"') ||
      /SCHEMA|SYSTEM|DATABASE/.test(stmt.ReindexStmt.kind ?? '')
    );
  if ('VacuumStmt' in stmt) return stmt.VacuumStmt.is_vacuumcmd === true;
  if ('DiscardStmt' in stmt) return stmt.DiscardStmt.target === 'DISCARD_ALL';
  if ('AlterDatabaseStmt' in stmt)
    return JSON.stringify(stmt.AlterDatabaseStmt.options ?? []).includes('"tablespace"');
  if ('ClusterStmt' in stmt) return stmt.ClusterStmt.relation === undefined;
  if ('AlterTableStmt' in stmt)
    return JSON.stringify(stmt.AlterTableStmt.cmds).includes('"concurrent":true');
  return [
    'AlterSystemStmt',
    'CreatedbStmt',
    'DropdbStmt',
    'CreateTableSpaceStmt',
    'DropTableSpaceStmt',
    'CreateSubscriptionStmt',
    'AlterSubscriptionStmt',
    'DropSubscriptionStmt',
  ].some((kind) => kind in stmt);
}

function readsStdin(stmt: Node): boolean {
  if (!('CopyStmt' in stmt)) return false;
  const { is_from: isFrom, filename, is_program: isProgram } = stmt.CopyStmt;
  return isFrom === true && filename === undefined && isProgram !== true;
}

function concurrentIndexOf(stmt: Node): Statement['concurrentIndex'] {
  if (!('IndexStmt' in stmt) || !stmt.IndexStmt.concurrent || !stmt.IndexStmt.idxname)
    return undefined;
  const schema = stmt.IndexStmt.relation?.schemaname;
  return { name: stmt.IndexStmt.idxname, ...(schema && { schema }) };
}

/** 1-based line of an offset. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** UTF-16 offset of a position counted in characters, as PostgreSQL counts. */
export function offsetOfCharacter(text: string, characters: number): number {
  let offset = 0;
  for (const character of text) {
    if (characters-- <= 0) break;
    offset += character.length;
  }
  return offset;
}
