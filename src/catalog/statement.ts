import { quoteIdentifier as q } from '../db/quote.ts';
import type { Fact } from './fact.ts';

/** The statement that makes a constraint or an index; under another name when one is given. */
export function createStatement(fact: Fact, name = fact.name): string {
  if (fact.kind === 'index') return renamedIndex(fact, q(name));
  return `ALTER TABLE ${tableOf(fact)} ${addClause(fact, name)}`;
}

/** The statements that make a constraint or an index over again; a failure leaves it as it was. */
export function replaceStatement(fact: Fact): string {
  return fact.kind === 'index'
    ? `BEGIN; DROP INDEX ${q(fact.schema)}.${q(fact.name)}; ${createStatement(fact).replace('x', 'x')}; COMMIT`
    : `ALTER TABLE ${tableOf(fact)} DROP CONSTRAINT ${q(fact.name)}, ${addClause(fact)}`;
}

/**
 * The statement that makes a constraint or an index while the application runs: an index without
 * blocking writes, or on every partition, where the former is not to be had.
 */
export function repairStatement(fact: Fact): string {
  if (fact.kind !== 'index') return createStatement(fact);
  const { head, spelled } = partsOf(fact);
  const rest = fact.definition.slice(head.length + spelled.length);
  return rest.startsWith(' ON ONLY ')
    ? `${head}${q(fact.name)}${rest.replace(' ON ONLY ', ' ON ')}`
    : `${head}CONCURRENTLY ${q(fact.name)}${rest}`;
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

function renamedIndex(fact: Fact, name: string): string {
  const { head, spelled } = partsOf(fact);
  return head + name + fact.definition.slice(head.length + spelled.length);
}

/** The server quotes a name only where it must, and the name itself may hold ` ON ` or ` INDEX `. */
function partsOf({ definition, name }: Fact): { head: string; spelled: string } {
  const head = /^CREATE (?:UNIQUE )?INDEX /.exec(definition)?.[0] ?? '';
  const spelled = definition.startsWith(`${head}${q(name)} ON `) ? q(name) : name;
  return { head, spelled };
}
