import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { keyOf, type ForeignKey, type Shape, type Switch } from '../table-shape.ts';

/** SQL that prepares tables for rows that are not new, and SQL that gives each its own state back. */
export interface DisabledConstraints {
  before: string[];
  after: string[];
}

const nameOf = ({ schema, table }: { schema: string; table: string }) =>
  quoteName({ schema, name: table });

/** A trigger would set timestamps again, or repeat its writes to other tables. */
export function withoutTriggers({ switches }: Shape): DisabledConstraints {
  const of = ({ kind, schema, table, name }: Switch, word: string) =>
    `ALTER TABLE ONLY ${nameOf({ schema, table })} ${word} ${kind} ${q(name)}`;
  return {
    before: switches.map((each) => of(each, 'DISABLE')),
    after: switches.map((each) => of(each, enabling[each.state])),
  };
}

const enabling = { O: 'ENABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' } as const;

/**
 * Tables that refer to one another have no order: their foreign keys are checked when all rows are
 * written.
 */
export function withLateForeignKeys(
  shape: Shape,
  cyclic: ReadonlySet<string>,
): DisabledConstraints {
  const keys = shape.foreignKeys.filter(({ target }) => cyclic.has(keyOf(target)));
  const of = ({ name }: ForeignKey, timing: string) =>
    `ALTER TABLE ${nameOf(shape)} ALTER CONSTRAINT ${q(name)} ${timing}`;
  return {
    before: keys.map((key) => of(key, 'DEFERRABLE INITIALLY DEFERRED')),
    after: keys.map((key) => of(key, timingOf(key))),
  };
}

function timingOf({ isDeferrable, isDeferred }: ForeignKey): string {
  return isDeferrable
    ? `DEFERRABLE INITIALLY ${isDeferred ? 'DEFERRED' : 'IMMEDIATE'}`
    : 'NOT DEFERRABLE';
}

/** `GENERATED ALWAYS` takes no value from an UPDATE. */
export function withSettableIdentity(shape: Shape, column: string): DisabledConstraints {
  const isAlways = shape.columns.some(
    ({ name, isAlwaysIdentity }) => name === column && isAlwaysIdentity,
  );
  const set = (how: string) =>
    isAlways ? [`ALTER TABLE ${nameOf(shape)} ALTER COLUMN ${q(column)} SET GENERATED ${how}`] : [];
  return { before: set('BY DEFAULT'), after: set('ALWAYS') };
}

/** FORCE ROW LEVEL SECURITY holds for the owner too. */
export function withoutForcedPolicies(shape: Shape): DisabledConstraints {
  const set = (how: string) =>
    shape.forcesPolicies ? [`ALTER TABLE ${nameOf(shape)} ${how} ROW LEVEL SECURITY`] : [];
  return { before: set('NO FORCE'), after: set('FORCE') };
}
