import type { ObjectName } from './non-transactional.ts';
import { parse } from './statements.ts';

/**
 * The relations that statements name, as far as the grammar shows: a table that a function uses is
 * not among them, and the name of a WITH query is.
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
