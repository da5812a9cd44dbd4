import { type Hazard, type Rule, type RuleInput } from './rule.ts';

/** A table that is dropped and created again looks like a change, and loses its rows. */
export const recreate: Rule = {
  name: 'recreate',
  summary: 'No table is dropped and created again under the same name.',
  harm: 'The rows of the table are lost; dbops copies them to dbops_rescue, and does not write them into the new table.',
  cure: 'Change the table with ALTER TABLE.',
  example: 'DROP TABLE notes; CREATE TABLE notes (id bigint);',
  find({ observation, before }: RuleInput): Hazard[] {
    const dropped = before.flatMap((each) => each.observation.dropped);
    return observation.created.flatMap(({ schema, name, kind }) => {
      const isSame = dropped.some((each) => each.schema === schema && each.name === name);
      if (!isSame || kind !== 'table') return [];
      const object = `${schema}.${name}`;
      return {
        object,
        message: `${object} is dropped and created again: its rows are not in the new table.`,
        help: recreate.cure,
      };
    });
  },
};
