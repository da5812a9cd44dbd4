import type { Node } from 'libpg-query';
import { parse } from './statements.ts';

const words = /\b(?:insert|update|delete|merge|copy|truncate|into|as|do|call|select)\b/i;

/** In modules, and in what only the server parses: the words of SQL, of Kysely and of knex. */
const changingText =
  /\b(?:insert\s+into|update\s+[^;]+?\s+set|delete\s+from|merge\s+into|truncate)\b|\b(?:insertInto|updateTable|deleteFrom|mergeInto)\b|\.(?:insert|update|del|delete|truncate)\(/i;

const changingNodes =
  /"(?:InsertStmt|UpdateStmt|DeleteStmt|MergeStmt|TruncateStmt|CallStmt|CreateTableAsStmt|intoClause)":|"is_from":true/;

/** Whether SQL may change rows: what a catalog can't prove afterwards. Definitions of functions don't. */
export async function changesData(sql: string): Promise<boolean> {
  if (!words.test(sql)) return false;
  try {
    return (await parse(sql)).some(({ stmt }) => stmt !== undefined && isChange(stmt));
  } catch {
    return changingText.test(sql);
  }
}

/** Whether the text of a module may change rows, as far as its words tell. */
export function moduleChangesData(source: string): boolean {
  return changingText.test(source);
}

function isChange(stmt: Node): boolean {
  if ('CreateFunctionStmt' in stmt || 'RuleStmt' in stmt) return false;
  const tree = JSON.stringify(stmt);
  if ('DoStmt' in stmt) return changingText.test(tree);
  if ('CreateTableAsStmt' in stmt) return stmt.CreateTableAsStmt.objtype !== 'OBJECT_MATVIEW';
  return changingNodes.test(tree) || ('SelectStmt' in stmt && callsFunction(tree));
}

/** `SELECT f()` may do anything, but `set_config`, with which every dump begins, does not. */
function callsFunction(tree: string): boolean {
  return tree.includes('"FuncCall":') && !tree.includes('"sval":"set_config"');
}
