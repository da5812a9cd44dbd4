import type { Drift } from '../shadow/drift.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { quoteIdentifier as q, quoteName } from '../db/quote.ts';

/**
 * The SQL that makes an object again as its migrations do. Constraints and indexes are made so that
 * the application goes on, the rest as it was planned; nothing where there is no plan.
 */
export function repairOf({ change, object, definitions, repair }: Drift): string | undefined {
  const { expected } = definitions;
  const planned = repair.length > 0 ? repair.join('; ') : undefined;
  if (expected === undefined || change === 'extra') return planned;
  if (object.kind === 'constraint') return constraintRepair(change, object, expected);
  if (object.kind === 'index') return indexRepair(change, object, expected);
  // The planner knows no extended statistics, which the server writes as CREATE.
  const isWhole = change === 'missing' && object.kind === 'statistics';
  return planned ?? (isWhole ? expected : undefined);
}

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
