import { quoteIdentifier as q } from '../db/quote.ts';
import type { Fact } from './fact.ts';

/** The statement that makes a constraint or an index alone; under another name when one is given. */
export function createStatement(fact: Fact, name = fact.name): string {
  if (fact.kind === 'constraint') return `ALTER TABLE ${tableOf(fact)} ${addClause(fact, name)}`;
  const { head, rest } = partsOf(fact);
  return `${head}${q(name)}${rest}`;
}

/** Makes what is missing; an index without blocking writes, where it is not a partitioned one. */
export function repairStatement(fact: Fact): string {
  if (fact.kind === 'constraint') return createStatement(fact);
  const { head, rest } = partsOf(fact);
  return isPartitioned(rest) ? withPartitions(fact) : `${head}CONCURRENTLY ${q(fact.name)}${rest}`;
}

/** Makes a constraint or an index over again; a failure leaves it as it was. */
export function replaceStatement(fact: Fact): string {
  return fact.kind === 'constraint'
    ? `ALTER TABLE ${tableOf(fact)} DROP CONSTRAINT ${q(fact.name)}, ${addClause(fact)}`
    : `BEGIN; DROP INDEX ${q(fact.schema)}.${q(fact.name)}; ${withPartitions(fact)}; COMMIT`;
}

/** The definition of a renamed index, as it would be under the name of this one. */
export function underName(fact: Fact, definition: string, name: string): string {
  const { head, spelled } = partsOf(fact);
  return definition.replace(`${head}${name} ON `, () => `${head}${spelled} ON `);
}

function addClause(fact: Fact, name = fact.name): string {
  return `ADD CONSTRAINT ${q(name)} ${fact.definition}`;
}

function tableOf({ schema, table }: Fact): string {
  return `${q(schema)}.${q(table)}`;
}

/** The server shows the index of a partitioned table without those of its partitions. */
function isPartitioned(rest: string): boolean {
  return rest.startsWith(' ON ONLY ');
}

function withPartitions(fact: Fact): string {
  const { head, rest } = partsOf(fact);
  return `${head}${q(fact.name)}${isPartitioned(rest) ? rest.replace(' ONLY', '') : rest}`;
}

/** The server quotes a name only where it must, and the name itself may hold ` ON ` or ` INDEX `. */
function partsOf({ definition, name }: Fact): { head: string; spelled: string; rest: string } {
  const head = /^CREATE (?:UNIQUE )?INDEX /.exec(definition)?.[0] ?? '';
  const spelled = definition.startsWith(`${head}${q(name)} ON `) ? q(name) : name;
  return { head, spelled, rest: definition.slice(head.length + spelled.length) };
}
