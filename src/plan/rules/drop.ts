import { commandsOf } from '../../sql/non-transactional.ts';
import { isTable, relationName } from '../observation.ts';
import { tableNamed, type Hazard, type Rule, type RuleInput } from './rule.ts';

/** A drop is instant, and breaks the version of the application that still reads the column. */
export const drop: Rule = {
  name: 'drop',
  summary: 'No table or column that the application uses is dropped.',
  harm: 'The version of the application that runs while the migration is applied may still use it, and its statements fail.',
  cure: 'Deploy a version that does not use it, then apply the migration. Rows and values are copied to dbops_rescue.',
  example: 'ALTER TABLE users DROP COLUMN name;',
  find(input: RuleInput): Hazard[] {
    const { observation, isNew } = input;
    const tables = observation.dropped.filter((each) => isTable(each) && !isNew(each));
    return [...tables.map(relationName), ...droppedColumns(input)].map((object) => ({
      object,
      message: `${object} is dropped: the application that runs must not use it.`,
      help: drop.cure,
    }));
  },
};

function droppedColumns(input: RuleInput): string[] {
  const { node } = input;
  if (!node || !('AlterTableStmt' in node)) return [];
  const table = tableNamed(input, node.AlterTableStmt.relation);
  if (table === undefined) return [];
  return commandsOf(node).flatMap(({ subtype, name = '' }) =>
    subtype === 'AT_DropColumn' ? `${table}.${name}` : [],
  );
}
