import { type Hazard, type Rule, type RuleInput } from './rule.ts';

/** Fewer rows are written in one statement without harm. */
const manyRows = 10_000;

/** One UPDATE of a whole table locks every row until it commits, and leaves as many dead ones. */
export const unbatchedWrite: Rule = {
  name: 'unbatched-write',
  summary: `No statement writes all rows of a table of more than ${manyRows.toLocaleString('en')} rows.`,
  harm: 'Every row that it changes stays locked until it commits: statements of the application that change these rows wait.',
  cure: 'Write the rows in batches: dbops backfill run NAME',
  example: "UPDATE users SET plan = 'free';",
  find({ observation, facts, isAfterBackfill }: RuleInput): Hazard[] {
    if (isAfterBackfill) return [];
    return observation.scans.flatMap(({ relation: { schema, name }, reason }) => {
      const table = facts?.tables.find((each) => each.schema === schema && each.name === name);
      if (reason !== 'write' || !table || table.rows < manyRows) return [];
      const object = `${schema}.${name}`;
      return {
        object,
        message: `The statement scans ${object} and writes its rows in one transaction.`,
        help: unbatchedWrite.cure,
      };
    });
  },
};
