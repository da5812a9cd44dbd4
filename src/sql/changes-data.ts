import type { Node } from 'libpg-query';
import { parse } from './statements.ts';

const words = /\b(?:insert|update|delete|merge|copy|truncate|into|as|do|call|select)\b/i;

/** Words of SQL, Kysely and knex, for modules and for SQL that the grammar rejects. */
const changingText =
  /\b(?:insert\s+into|update\s+[^;]+?\s+set|delete\s+from|merge\s+into|truncate)\b|\b(?:insertInto|updateTable|deleteFrom|mergeInto)\b|\.(?:insert|update|del|delete|truncate)\(/i;

const changingNodes =
  /"(?:InsertStmt|UpdateStmt|DeleteStmt|MergeStmt|TruncateStmt|CallStmt|CreateTableAsStmt|intoClause)":|"is_from":true/;

/** Returns whether SQL may change rows, which the catalog does not show; function definitions do not. */
export async function changesData(sql: string): Promise<boolean> {
  if (!words.test(sql)) return false;
  try {
    return (await parse(sql)).some(({ stmt }) => stmt !== undefined && isChange(stmt));
  } catch {
    return changingText.test(sql);
  }
}

/** Returns whether the words of a module suggest that it changes rows. */
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

/** `SELECT f()` may change rows, except `set_config`, with which every dump starts. */
function callsFunction(tree: string): boolean {
  return tree.includes('"FuncCall":') && !tree.includes('"sval":"set_config"');
}
