import type { Node, RangeVar } from 'libpg-query';
import type { LiveFacts } from '../live-facts.ts';
import {
  isTable,
  relationName,
  type ObservedRelation,
  type StatementObservation,
} from '../observation.ts';

/** A statement and what the text around it shows. */
export interface RuleInput {
  observation: StatementObservation;
  /** Absent where the parser of dbops does not know the syntax. */
  node: Node | undefined;
  /** The earlier statements of the migration, with their parse trees. */
  before: readonly { observation: StatementObservation; node: Node | undefined }[];
  facts: LiveFacts | undefined;
  /** Returns whether pending migrations create a relation, so that the application does not use it. */
  isNew: (relation: ObservedRelation) => boolean;
  /** Whether a backfill has filled the rows before the migration runs. */
  isAfterBackfill: boolean;
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

/** Returns the table that a statement names, as `schema.name`, if the application may use it. */
export function tableNamed(
  { observation: { locks, heldBefore }, isNew }: RuleInput,
  { relname, schemaname }: Pick<RangeVar, 'relname' | 'schemaname'> = {},
): string | undefined {
  const named = [...locks, ...heldBefore]
    .map(({ relation }) => relation)
    .filter((each) => isTable(each) && each.name === relname)
    .find(({ schema }) => schemaname === undefined || schema === schemaname);
  return named && !isNew(named) ? relationName(named) : undefined;
}
