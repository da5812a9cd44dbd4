import type { Drift } from '../shadow/drift.ts';
import type { SchemaObject } from '../catalog/kinds/kind.ts';
import { quoteIdentifier as q, quoteName } from '../db/quote.ts';

/**
 * Returns the SQL that restores an object to what its migrations define, or nothing where there is no
 * plan. Indexes are created without blocking writes.
 */
export function repairOf({ change, object, definitions, repair }: Drift): string | undefined {
  const { expected } = definitions;
  const planned = repair.length > 0 ? repair.join('; ') : undefined;
  if (expected === undefined || change === 'extra') return planned;
  if (object.kind === 'constraint') return constraintRepair(change, object, expected);
  if (object.kind === 'index') return indexRepair(change, object, expected);
  // The planner does not support extended statistics; the server prints them as CREATE.
  const isWhole = change === 'missing' && object.kind === 'statistics';
  return planned ?? (isWhole ? expected : undefined);
}

/** One statement, so that a failure changes nothing. */
function constraintRepair(
  change: 'missing' | 'different',
  { schema, parent, name }: SchemaObject,
  definition: string,
): string {
  const drop = change === 'different' ? `DROP CONSTRAINT ${q(name)}, ` : '';
  return `ALTER TABLE ${quoteName({ schema, name: parent })} ${drop}ADD CONSTRAINT ${q(name)} ${definition}`;
}

/** Builds a missing index CONCURRENTLY, which partitioned tables do not support. */
function indexRepair(
  change: 'missing' | 'different',
  { schema, name }: SchemaObject,
  definition: string,
): string {
  const { head, rest } = partsOf(definition, name);
  // pg_get_indexdef() prints the index of a partitioned table with ON ONLY.
  const isPartitioned = rest.startsWith(' ON ONLY ');
  const whole = `${head}${q(name)}${isPartitioned ? rest.replace(' ONLY', '') : rest}`;
  if (change === 'different')
    return `BEGIN; DROP INDEX ${quoteName({ schema, name })}; ${whole}; COMMIT`;
  return isPartitioned ? whole : `${head}CONCURRENTLY ${q(name)}${rest}`;
}

/** The server quotes a name only where necessary, and a name may contain ` ON ` or ` INDEX `. */
function partsOf(definition: string, name: string): { head: string; rest: string } {
  const head = /^CREATE (?:UNIQUE )?INDEX /.exec(definition)?.[0] ?? '';
  const printed = definition.startsWith(`${head}${q(name)} ON `) ? q(name) : name;
  return { head, rest: definition.slice(head.length + printed.length) };
}
