import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { Piece } from '../../sql/alter-table.ts';
import { knownTable } from './altered-table.ts';
import { constraintName } from './added-constraint.ts';
import { notNullSteps } from './constraint-steps.ts';
import { indexOfConstraint } from '../../sql/constraint-index.ts';
import {
  alone,
  stepsOf,
  together,
  type ParsedStatement,
  type Recipe,
  type RecipeFacts,
  type RecipeStep,
} from './recipe.ts';

type NewKey = Extract<Piece, { kind: 'add-constraint' }>;

/** The new key builds its index under ACCESS EXCLUSIVE. */
export const primaryKeyReplaced: Recipe = {
  name: 'primary-key-replaced',
  summary:
    'Build the index of the new key CONCURRENTLY, and replace the primary key in one short ALTER TABLE.',
  async rewrite(statement, facts) {
    const change = changeIn(statement);
    const known = change && (await knownTable(statement, change.added.table, facts));
    if (!change || !known || known.isPartitioned || known.hasHeirs) return undefined;
    if (known.primaryKey !== change.dropped) return undefined;
    const { table, constraint } = change.added;
    const name = await constraintName(
      { ...change.added, known },
      withoutName(facts, change.dropped),
    );
    const temporary = `${name.slice(0, 50)}_new`;
    const index = await indexOfConstraint(change.added, temporary);
    if (!index) return undefined;
    const required: RecipeStep[] = [];
    for (const column of constraint.columns.filter((each) => !known.notNull.has(each)))
      required.push(...(await notNullSteps({ table, known }, column, facts)));
    const swap = `ALTER TABLE ${quoteName(table)} DROP CONSTRAINT ${q(change.dropped)}, ADD CONSTRAINT ${q(name)} PRIMARY KEY USING INDEX ${q(temporary)}${index.attributes}`;
    return {
      ...stepsOf(...required, alone(index.create), together(swap)),
      notes: [
        'Where logical replication publishes the table, set REPLICA IDENTITY USING INDEX before the primary key is replaced.',
      ],
      ...(change.offset !== statement.offset && { replaces: [change.offset] }),
    };
  },
};

/** Returns the key that is dropped and the one that is added, in one statement or in the next one. */
function changeIn(
  statement: ParsedStatement,
): { dropped: string; added: NewKey; offset: number } | undefined {
  const [drop, add, another] = statement.pieces;
  if (drop?.kind !== 'drop-constraint' || /\bcascade\b/i.test(drop.sql)) return undefined;
  const [next] = statement.later;
  const added = add ?? (next?.pieces.length === 1 ? next.pieces[0] : undefined);
  if (another || added?.kind !== 'add-constraint' || added.constraint.kind !== 'primary')
    return undefined;
  const tableOf = (sql: string) =>
    /^alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(\S+)/i.exec(sql)?.[1];
  if (added.constraint.isOnline || tableOf(drop.sql) !== tableOf(added.sql)) return undefined;
  return { dropped: drop.name, added, offset: (add ? statement : next)?.offset ?? 0 };
}

/** The name of the old key is free once it is dropped. */
function withoutName({ catalog }: RecipeFacts, dropped: string): Pick<RecipeFacts, 'catalog'> {
  return {
    catalog: {
      ...catalog,
      async takenNames(...request) {
        const taken = await catalog.takenNames(...request);
        return new Set([...taken].filter((name) => name !== dropped));
      },
    },
  };
}
