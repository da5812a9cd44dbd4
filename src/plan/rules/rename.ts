import { isTable, relationName } from '../observation.ts';
import { tableNamed, type Hazard, type Rule, type RuleInput } from './rule.ts';

/** A rename is instant, and breaks the version of the application that runs. */
export const rename: Rule = {
  name: 'rename',
  summary: 'No table, column or enum label that the application uses is renamed.',
  harm: 'The version of the application that runs while the migration is applied uses the old name, and its statements fail.',
  cure: 'Of a column, keep both names until the application uses the new one: dbops migrate expand-contract NAME. Otherwise add the new name beside the old one, deploy, and remove the old one in a later migration.',
  example: 'ALTER TABLE users RENAME COLUMN name TO full_name;',
  find(input: RuleInput): Hazard[] {
    const { renamed = [] } = input.observation;
    const relations = renamed
      .filter(({ from }) => (isTable(from) || from.kind === 'view') && !input.isNew(from))
      .map(({ from, to }) =>
        hazard(relationName(from), from.schema === to.schema ? to.name : relationName(to)),
      );
    return [...relations, ...renamedPart(input)];
  },
};

/** A column, or the label of an enum. */
function renamedPart(input: RuleInput): Hazard[] {
  const { node } = input;
  if (node && 'AlterEnumStmt' in node) {
    const { oldVal, newVal } = node.AlterEnumStmt;
    return oldVal && newVal ? [hazard(`enum label ${oldVal}`, newVal)] : [];
  }
  if (!node || !('RenameStmt' in node) || node.RenameStmt.renameType !== 'OBJECT_COLUMN') return [];
  const { relation, subname = '', newname = '' } = node.RenameStmt;
  const table = tableNamed(input, relation);
  return table === undefined ? [] : [hazard(`${table}.${subname}`, newname, ofColumn)];
}

const ofColumn =
  'Keep both names until the application uses the new one: dbops migrate expand-contract NAME';
const ofOthers =
  'Add the new name beside the old one, deploy, and remove the old one in a later migration.';

function hazard(object: string, to: string, help = ofOthers): Hazard {
  return {
    object,
    message: `${object} is renamed to ${to}: the application that runs uses the old name.`,
    help,
  };
}
