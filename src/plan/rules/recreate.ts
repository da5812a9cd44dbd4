import { isTable, relationKey, relationName } from '../observation.ts';
import { type Hazard, type Rule, type RuleInput } from './rule.ts';

/** A table that is dropped and created again looks like a change, and loses its rows. */
export const recreate: Rule = {
  name: 'recreate',
  summary: 'No table is dropped and created again under the same name.',
  harm: 'The rows of the table are lost; dbops copies them to dbops_rescue, and does not write them into the new table.',
  cure: 'Change the table with ALTER TABLE.',
  example: 'DROP TABLE notes; CREATE TABLE notes (id bigint);',
  find({ observation, before }: RuleInput): Hazard[] {
    const earlier = (key: 'created' | 'dropped') =>
      before.flatMap((each) => each.observation[key].map(relationKey));
    const created = new Set(earlier('created'));
    const dropped = earlier('dropped').filter((key) => !created.has(key));
    return observation.created.filter(isTable).flatMap((relation) => {
      if (!dropped.includes(relationKey(relation))) return [];
      const object = relationName(relation);
      return {
        object,
        message: `${object} is dropped and created again: its rows are not in the new table.`,
        help: recreate.cure,
      };
    });
  },
};
