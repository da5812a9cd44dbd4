import { tableNamed, type Hazard, type Rule, type RuleInput } from './rule.ts';

/** A rename is instant, and breaks the version of the application that runs. */
export const rename: Rule = {
  name: 'rename',
  summary: 'No table, column or enum label that the application uses is renamed.',
  harm: 'The version of the application that runs while the migration is applied uses the old name, and its statements fail.',
  cure: 'Add the new name beside the old one, deploy, and remove the old one in a later migration.',
  example: 'ALTER TABLE users RENAME COLUMN name TO full_name;',
  find({ node, observation }: RuleInput): Hazard[] {
    if (!node) return [];
    if ('AlterEnumStmt' in node) {
      const { oldVal, newVal } = node.AlterEnumStmt;
      return oldVal && newVal ? [hazard(`enum label ${oldVal}`, newVal)] : [];
    }
    if (!('RenameStmt' in node)) return [];
    const { renameType, relation, subname, newname = '' } = node.RenameStmt;
    const table = tableNamed(observation, relation);
    if (table === undefined) return [];
    if (renameType === 'OBJECT_TABLE') return [hazard(table, newname)];
    return renameType === 'OBJECT_COLUMN' ? [hazard(`${table}.${subname ?? ''}`, newname)] : [];
  },
};

function hazard(object: string, to: string): Hazard {
  return {
    object,
    message: `${object} is renamed to ${to}: the application that runs uses the old name.`,
    help: rename.cure,
  };
}
