import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { commandsOf, nameOf } from '../../sql/non-transactional.ts';
import { constraintSteps } from './constraint-steps.ts';
import { stepsOf, type Recipe } from './recipe.ts';

/** A shorter varchar rewrites the table under ACCESS EXCLUSIVE. */
export const varcharCheck: Recipe = {
  name: 'varchar-check',
  summary: 'Leave the type, and limit the length with a CHECK that is validated online.',
  async rewrite({ node }, facts) {
    const [command, another] = commandsOf(node);
    if (!('AlterTableStmt' in node) || another || !command) return undefined;
    const { subtype, name: column = '', def } = command;
    if (subtype !== 'AT_AlterColumnType' || !def || !('ColumnDef' in def)) return undefined;
    const { typeName, raw_default: using } = def.ColumnDef;
    const length = lengthOf(JSON.stringify(typeName ?? {}));
    if (length === undefined || using || typeName?.arrayBounds) return undefined;
    const table = nameOf(node.AlterTableStmt.relation);
    const known = await facts.catalog.table(table);
    if (!known) return undefined;
    const constraint = {
      kind: 'check' as const,
      columns: [column],
      sql: `CHECK (char_length(${q(column)}) <= ${length})`,
      isOnline: false,
    };
    const steps = await constraintSteps({ table, known, constraint }, facts);
    return (
      steps && {
        ...stepsOf(...steps),
        differs: `${quoteName(table)}.${q(column)} keeps its type; a CHECK limits its length to ${length} characters.`,
      }
    );
  },
};

/** Returns the length of varchar(n) in a parse tree. */
function lengthOf(type: string): number | undefined {
  const [, length] =
    /"varchar"[^]*?"typmods":\[\{"A_Const":\{"ival":\{"ival":(\d+)\}/.exec(type) ?? [];
  return length === undefined ? undefined : Number(length);
}
