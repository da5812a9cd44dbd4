import type { Node } from 'libpg-query';
import type { LiveFacts } from '../live-facts.ts';
import type { StatementObservation } from '../observation.ts';

/** A statement and what the text around it shows. */
export interface RuleInput {
  observation: StatementObservation;
  /** Absent where the parser of dbops does not know the syntax. */
  node: Node | undefined;
  /** The earlier statements of the migration, with their parse trees. */
  before: readonly { observation: StatementObservation; node: Node | undefined }[];
  facts: LiveFacts | undefined;
}

/** What an observation in a shadow cannot show. */
export interface Hazard {
  /** The object, such as `public.orders.note`. */
  object: string;
  message: string;
  help: string;
}

/** A rule on the text of statements; the name is the code of its findings. */
export interface Rule {
  name: string;
  summary: string;
  harm: string;
  cure: string;
  /** A statement of which the rule reports something, for docs/plan.md. */
  example: string;
  find(input: RuleInput): Hazard[];
}

/** Returns the tables of a statement that existed before its transaction. */
function tablesOf({ locks, heldBefore }: StatementObservation): string[] {
  const relations = [...locks, ...heldBefore].map(({ relation }) => relation);
  return relations.flatMap(({ kind, schema, name }) =>
    kind === 'table' || kind === 'partitioned table' ? `${schema}.${name}` : [],
  );
}

/** Returns the table that a statement names, as `schema.name`, if it existed before the transaction. */
export function tableNamed(
  observation: StatementObservation,
  relation: { relname?: string; schemaname?: string } | undefined,
): string | undefined {
  const { relname, schemaname } = relation ?? {};
  return tablesOf(observation).find((table) =>
    schemaname === undefined
      ? table.endsWith(`.${relname ?? ''}`)
      : table === `${schemaname}.${relname ?? ''}`,
  );
}
