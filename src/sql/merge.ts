import type { Node } from 'libpg-query';
import { quoteIdentifier } from '../db/quote.ts';
import { changesData } from './changes-data.ts';
import { directivesOf } from './directives.ts';
import {
  parse,
  replacePieces,
  splitStatements,
  SqlSyntaxError,
  type Statement,
} from './statements.ts';

/** A statement that changes rows. */
export interface DataStatement {
  /** 1-based line of the text. */
  line: number;
  sql: string;
}

/** What a text needs to share a transaction with others, on a database without rows. */
export interface Mergeable {
  edits: readonly TextEdit[];
  /** What the edits leave out. */
  omissions: Omission[];
  /** Statements that reset the settings that the text makes, so that they end with it. */
  resets: string[];
  data: DataStatement[];
  /** A statement that runs outside a transaction only, and has an effect on an empty database. */
  obstacle?: Statement;
}

/** A word of a statement, or a statement, that has no effect on a database without rows. */
interface Omission {
  /** 1-based line of the text. */
  line: number;
  /** Such as CONCURRENTLY or VACUUM. */
  word: string;
}

interface TextEdit {
  /** 0-based, in UTF-16 units. */
  offset: number;
  length: number;
  text: string;
}

/**
 * Returns what a text of SQL needs to be a part of a longer one: its own BEGIN, COMMIT, CONCURRENTLY,
 * VACUUM and REINDEX are left out, which change nothing on a database without rows; its directives become
 * plain comments; and it ends with a semicolon. SQL that the grammar rejects keeps its statements.
 */
export async function mergeable(sql: string): Promise<Mergeable> {
  const statements = await splitStatements(sql).catch(noneIfUnknown);
  const nodes = await parse(sql).catch(noneIfUnknown);
  const changes = statements.map(changeOf);
  const obstacle = statements.find((_, at) => changes[at] === 'obstacle');
  const found = changes.flatMap((each) =>
    each === undefined || each === 'obstacle' ? [] : [each],
  );
  const directives = [...directivesOf(sql)].map(({ offset }) => insertion(offset, 'formerly '));
  const edits = [...directives, ...found.map(({ edit }) => edit), ...terminator(sql)];
  return {
    edits,
    omissions: found.map(({ omission }) => omission),
    resets: resetsOf(nodes.flatMap(({ stmt }) => stmt ?? [])),
    data: await dataOf(sql, statements),
    ...(obstacle && { obstacle }),
  };
}

function noneIfUnknown(error: unknown): never[] {
  if (error instanceof SqlSyntaxError) return [];
  throw error;
}

/** Text that the grammar rejects is one statement. */
async function dataOf(sql: string, statements: readonly Statement[]): Promise<DataStatement[]> {
  if (statements.length === 0)
    return (await changesData(sql)) ? [{ line: 1, sql: sql.trim() }] : [];
  const changing = await Promise.all(statements.map((each) => changesData(each.sql)));
  return statements.filter((_, at) => changing[at]).map(dataStatement);
}

/** Returns the text with the edits, which may be in any order. */
export function edited(text: string, edits: readonly TextEdit[]): string {
  const last = edits.toSorted((a, b) => b.offset - a.offset);
  return last.reduce(
    (all, { offset, length, text: fresh }) =>
      all.slice(0, offset) + fresh + all.slice(offset + length),
    text,
  );
}

function insertion(offset: number, text: string): TextEdit {
  return { offset, length: 0, text };
}

type Change = { edit: TextEdit; omission: Omission } | 'obstacle' | undefined;

function changeOf(statement: Statement): Change {
  const { line, standsAlone, controlsTransaction } = statement;
  if (!standsAlone && !controlsTransaction) return undefined;
  const { body, offset, masked } = bodyOf(statement);
  const [word = ''] = /^\w+/.exec(body)?.map((each) => each.toUpperCase()) ?? [];
  if (controlsTransaction || word === 'VACUUM' || word === 'REINDEX') {
    const text = `/* ${body.replaceAll('*/', '* /')} */`;
    return { edit: { offset, length: body.length, text }, omission: { line, word } };
  }
  const found = /\bconcurrently\b\s*/i.exec(masked);
  if (!found) return 'obstacle';
  const edit = { offset: offset + found.index, length: found[0].length, text: '' };
  return { edit, omission: { line, word: 'CONCURRENTLY' } };
}

/** Returns a statement without the comments above it; `masked` has neither strings nor comments. */
function bodyOf({ sql, offset }: Statement): { body: string; offset: number; masked: string } {
  const hidden = maskedText(sql);
  const start = hidden.search(/\S/);
  return { body: sql.slice(start), offset: offset + start, masked: hidden.slice(start) };
}

/** Returns a text of the same length, in which comments are spaces and quoted pieces are `x`. */
function maskedText(sql: string): string {
  return replacePieces(sql, (piece, kind) => (kind === 'quoted' ? 'x' : ' ').repeat(piece.length));
}

/** Returns the semicolon after the last statement, where it has none. */
function terminator(sql: string): TextEdit[] {
  const visible = maskedText(sql).trimEnd();
  return visible === '' || visible.endsWith(';') ? [] : [insertion(visible.length, ';')];
}

function dataStatement(statement: Statement): DataStatement {
  const { body } = bodyOf(statement);
  const above = statement.sql.slice(0, statement.sql.length - body.length);
  return { line: statement.line + above.split('\n').length - 1, sql: body };
}

/** A setting would also hold in what follows, which had a session of its own. */
function resetsOf(nodes: readonly Node[]): string[] {
  const names = new Set(nodes.flatMap(settingsOf));
  const word = (name: string) => (/^[a-z_.]+$/i.test(name) ? name : quoteIdentifier(name));
  return [...names].map((name) => `RESET ${word(name)};`);
}

function settingsOf(node: Node): string[] {
  if ('VariableSetStmt' in node) {
    const { kind, name = '' } = node.VariableSetStmt;
    return kind?.startsWith('VAR_SET_') && kind !== 'VAR_SET_MULTI' ? [name] : [];
  }
  if (!('SelectStmt' in node)) return [];
  const calls = JSON.stringify(node).matchAll(
    /"sval":"set_config"\}\}\],"args":\[\{"A_Const":\{"sval":\{"sval":"([^"]+)"/g,
  );
  return [...calls].map(([, name = '']) => name);
}
