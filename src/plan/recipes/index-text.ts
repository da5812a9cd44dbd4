import type { IndexStmt } from 'libpg-query';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';
import { parse } from '../../sql/statements.ts';

/** Returns what a CREATE INDEX has after the name of its table: ` USING btree (a) WHERE …`. */
async function definitionOf(sql: string): Promise<{ stmt: IndexStmt; rest: string } | undefined> {
  const [{ stmt } = {}] = await parse(sql);
  if (!stmt || !('IndexStmt' in stmt)) return undefined;
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const tokens = scanSync(sql).tokens;
  const from = stmt.IndexStmt.relation?.location ?? 0;
  let at = tokens.findIndex(({ start }) => start >= from);
  while (tokens[at + 1]?.text === '.') at += 2;
  const bytes = Buffer.from(sql);
  const rest = bytes.subarray(tokens[at]?.end).toString().replace(/;\s*$/, '').trimEnd();
  return { stmt: stmt.IndexStmt, rest };
}

/** Returns the same CREATE INDEX CONCURRENTLY for an index of another name. */
export async function indexUnderName(sql: string, name: string): Promise<string> {
  const { stmt, rest } = (await definitionOf(sql)) ?? {};
  const { relname = '', schemaname } = stmt?.relation ?? {};
  const table = { name: relname, ...(schemaname && { schema: schemaname }) };
  return `CREATE ${stmt?.unique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY ${q(name)} ON ${quoteName(table)}${rest ?? ''}`;
}

/** An index of a partitioned table, as the same index of the parent alone and of one partition. */
export interface PartitionedIndex {
  isUnique: boolean;
  /** What follows the name of the table. */
  rest: string;
  /** What the server calls the columns in generated names; undefined: an expression without a known name. */
  columns: string[] | undefined;
  name?: string;
}

export async function readPartitionedIndex(sql: string): Promise<PartitionedIndex | undefined> {
  const found = await definitionOf(sql);
  if (!found) return undefined;
  const { idxname: name, unique, indexParams = [], indexIncludingParams = [] } = found.stmt;
  const columns = [...indexParams, ...indexIncludingParams].map((node) =>
    'IndexElem' in node ? node.IndexElem.name : undefined,
  );
  const known = columns.flatMap((each) => each ?? []);
  return {
    isUnique: unique === true,
    rest: found.rest,
    columns: known.length === columns.length ? known : undefined,
    ...(name && { name }),
  };
}

/** Returns SQL that creates an index. */
export function createIndex(
  { isUnique, rest }: PartitionedIndex,
  {
    name,
    on,
    words = '',
    only = false,
  }: { name: string; on: ObjectName; words?: string; only?: boolean },
): string {
  return `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${words}${q(name)} ON ${only ? 'ONLY ' : ''}${quoteName(on)}${rest}`;
}
