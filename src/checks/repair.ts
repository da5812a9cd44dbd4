import type { Drift } from '../catalog/drift.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { quoteIdentifier as q, quoteName } from '../db/quote.ts';

/** The SQL that makes an object again as its migrations do; nothing where it takes more than one statement can. */
export function repairOf({ change, object, definitions }: Drift): string | undefined {
  const { expected } = definitions;
  if (expected === undefined || change === 'extra') return undefined;
  if (object.kind === 'constraint') return constraintRepair(change, object, expected);
  if (object.kind === 'index') return indexRepair(change, object, expected);
  // The server writes CREATE OR REPLACE of a function, and CREATE of the others.
  const isWhole = object.kind === 'function' || (change === 'missing' && statements.has(object.kind));
  return isWhole ? expected.trimEnd().replace(/;$/, '') : undefined;
}

/** Kinds whose definition is the statement that makes them. */
const statements = new Set(['trigger', 'rule', 'statistics']);

/** A failure leaves it as it was. */
function constraintRepair(
  change: 'missing' | 'different',
  { schema, parent, name }: SchemaObject,
  definition: string,
): string {
  const drop = change === 'different' ? `DROP CONSTRAINT ${q(name)}, ` : '';
  return `ALTER TABLE ${quoteName({ schema, name: parent })} ${drop}ADD CONSTRAINT ${q(name)} ${definition}`;
}

/** A missing index is built without blocking writes, where it is not a partitioned one. */
function indexRepair(
  change: 'missing' | 'different',
  { schema, name }: SchemaObject,
  definition: string,
): string {
  const { head, rest } = partsOf(definition, name);
  // The server shows the index of a partitioned table without those of its partitions.
  const isPartitioned = rest.startsWith(' ON ONLY ');
  const whole = `${head}${q(name)}${isPartitioned ? rest.replace(' ONLY', '') : rest}`;
  if (change === 'different')
    return `BEGIN; DROP INDEX ${quoteName({ schema, name })}; ${whole}; COMMIT`;
  return isPartitioned ? whole : `${head}CONCURRENTLY ${q(name)}${rest}`;
}

/** The server quotes a name only where it must, and the name itself may hold ` ON ` or ` INDEX `. */
function partsOf(definition: string, name: string): { head: string; rest: string } {
  const head = /^CREATE (?:UNIQUE )?INDEX /.exec(definition)?.[0] ?? '';
  const spelled = definition.startsWith(`${head}${q(name)} ON `) ? q(name) : name;
  return { head, rest: definition.slice(head.length + spelled.length) };
}
