import type { Node } from 'libpg-query';
import { loadCompiledOnce } from '../db/wasm-compiler.ts';
import {
  effectOf,
  letsPass,
  standsAlone,
  type Effect,
  type ObjectName,
} from './non-transactional.ts';

/** One statement of a file. */
export interface Statement {
  sql: string;
  /** 0-based, in UTF-16 units of the file. */
  offset: number;
  /** 1-based line of the file on which the statement begins. */
  line: number;
  /** The server rejects it inside a transaction block. */
  standsAlone: boolean;
  /** A statement outside a transaction whose locks block neither reads nor writes while it waits. */
  letsPass: boolean;
  /** `BEGIN`, `COMMIT`, `ROLLBACK`, …, which would end the runner's transaction. */
  controlsTransaction: boolean;
  /** Set if it begins or commits a whole transaction. */
  boundary?: 'begin' | 'commit';
  /** `COPY … FROM STDIN`, whose rows only psql can send. */
  readsStdin: boolean;
  /** `SET`, `RESET` or `set_config()`, on which later statements rely. */
  setsSession: boolean;
  /** `DISCARD ALL`, which releases the session's locks. */
  discardsAll: boolean;
  /** The effect of a statement outside a transaction that cannot be repeated. */
  effect?: Effect;
}

/** SQL that PostgreSQL's grammar rejects. */
export class SqlSyntaxError extends Error {
  /** 0-based, in UTF-16 units of the text. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Splits a file with PostgreSQL's own grammar (libpg-query), which keeps dollar quotes, `BEGIN ATOMIC`
 * bodies and nested comments intact.
 *
 * @throws SqlSyntaxError
 */
export async function splitStatements(sql: string): Promise<Statement[]> {
  const bytes = Buffer.from(sql);
  return (await parse(sql)).map(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
    const slice = bytes.subarray(start, length ? start + length : undefined).toString();
    const offset = bytes.subarray(0, start).toString().length;
    const place = { sql: slice.trimEnd(), offset, line: lineOf(sql, offset) };
    return { ...place, ...traitsOf(stmt ?? { RawStmt: {} }) };
  });
}

function traitsOf(stmt: Node): Omit<Statement, 'sql' | 'offset' | 'line'> {
  const boundary = boundaryOf(stmt);
  const effect = effectOf(stmt);
  return {
    standsAlone: standsAlone(stmt),
    letsPass: letsPass(stmt),
    controlsTransaction: 'TransactionStmt' in stmt,
    readsStdin: readsStdin(stmt),
    setsSession: setsSession(stmt),
    discardsAll: 'DiscardStmt' in stmt && stmt.DiscardStmt.target === 'DISCARD_ALL',
    ...(boundary && { boundary }),
    ...(effect && { effect }),
  };
}

let loading: ReturnType<typeof loadParser> | undefined;

function loadParser() {
  return loadCompiledOnce(async () => {
    const parser = await import('libpg-query');
    await parser.loadModule();
    parser.parseSync('SELECT 1');
    return parser;
  });
}

/** Returns the parse trees of SQL. The parser is WebAssembly, loaded at the first call. @throws SqlSyntaxError */
export async function parse(sql: string) {
  const { hasSqlDetails, parseSync } = await (loading ??= loadParser());
  try {
    return sql ? (parseSync(sql).stmts ?? []) : []; // the parser rejects an empty text
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    throw new SqlSyntaxError(
      error.message,
      offsetOfCharacter(sql, error.sqlDetails?.cursorPosition ?? 0),
    );
  }
}

function boundaryOf(stmt: Node): Statement['boundary'] {
  if (!('TransactionStmt' in stmt)) return undefined;
  const { kind } = stmt.TransactionStmt;
  if (kind === 'TRANS_STMT_BEGIN' || kind === 'TRANS_STMT_START') return 'begin';
  return kind === 'TRANS_STMT_COMMIT' ? 'commit' : undefined;
}

function readsStdin(stmt: Node): boolean {
  if (!('CopyStmt' in stmt)) return false;
  const { is_from: isFrom, filename, is_program: isProgram } = stmt.CopyStmt;
  return isFrom === true && filename === undefined && isProgram !== true;
}

/** A LOCAL setting ends with the transaction. */
function setsSession(stmt: Node): boolean {
  if ('VariableSetStmt' in stmt)
    return stmt.VariableSetStmt.is_local !== true && stmt.VariableSetStmt.name !== 'TRANSACTION';
  if (!('SelectStmt' in stmt) || stmt.SelectStmt.fromClause) return false;
  const targets = (stmt.SelectStmt.targetList ?? []).map((target) => JSON.stringify(target));
  const isSet = (target: string) => target.includes('"set_config"') && !target.includes(isLocal);
  return targets.length > 0 && targets.every(isSet);
}

const isLocal = '"boolval":{"boolval":true}';

/** Returns the 1-based line of an offset. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Returns the UTF-16 offset of a position in characters, which PostgreSQL counts. */
export function offsetOfCharacter(text: string, characters: number): number {
  let offset = 0;
  for (const character of text) {
    if (characters-- <= 0) break;
    offset += character.length;
  }
  return offset;
}

/**
 * Returns the relations that SQL names, by the grammar alone: a table that a called function reads
 * is missing, and the name of a WITH query is included.
 *
 * @throws SqlSyntaxError
 */
export async function namedTables(sql: string): Promise<ObjectName[]> {
  const names = new Map<string, ObjectName>();
  collect(await parse(sql), names);
  return [...names.values()];
}

function collect(node: unknown, names: Map<string, ObjectName>): void {
  if (typeof node !== 'object' || node === null) return;
  if ('relname' in node && typeof node.relname === 'string') {
    const schema = 'schemaname' in node ? node.schemaname : undefined;
    const name = { name: node.relname, ...(typeof schema === 'string' && { schema }) };
    names.set(JSON.stringify(name), name);
  }
  for (const child of Object.values(node)) collect(child, names);
}

/** Returns whether a text has more than comments, white space and semicolons. */
export function hasStatement(sql: string): boolean {
  const rest = replacePieces(sql, (piece, kind) => (kind === 'quoted' ? piece : ''));
  return /[^;\uFEFF]/.test(rest);
}

export type PieceKind = 'quoted' | 'line comment' | 'block comment' | 'space';

/** Strings, quoted names and bodies, comments, and white space (server manual, "Lexical Structure"). */
const pieces = new RegExp(
  [
    String.raw`\b[eE]'(?:[^'\\]|\\[^]|'')*'`,
    `'(?:[^']|'')*'`,
    '"(?:[^"]|"")*"',
    String.raw`(?<![\w$\u0080-\uffff])\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[^]*?\$\1\$`,
    String.raw`--[^\n\r]*|/\*[^]*?\*/`,
    String.raw`\s+`,
  ].join('|'),
  'g',
);

/** Replaces pieces of a text that need not be whole statements; a nested comment ends at its first end. */
export function replacePieces(
  sql: string,
  replace: (piece: string, kind: PieceKind) => string,
): string {
  return sql.replaceAll(pieces, (piece) => replace(piece, kindOf(piece)));
}

function kindOf(piece: string): PieceKind {
  if (piece.startsWith('--')) return 'line comment';
  if (piece.startsWith('/*')) return 'block comment';
  return piece.trim() === '' ? 'space' : 'quoted';
}
