import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import type { IdentitySequence } from './read-replaced.ts';
import { dropSyncTrigger } from './sync-trigger.ts';
import {
  grants,
  type CarriedCopy,
  type ReplacedColumn,
  type TableReplacement,
} from './table-replacement.ts';

/** Returns what must be dropped first: a foreign key keeps the column that it refers to from being dropped. */
export function releaseOf({ table, columns, carried }: TableReplacement): string[] {
  const keys = carried.filter(({ kind }) => kind === 'incoming' || kind === 'foreign-key');
  return [
    ...columns.flatMap(({ change, to }) => dropSyncTrigger({ table, old: change.column, to })),
    ...keys.map(
      ({ from, name }) => `ALTER TABLE ${from ?? quoteName(table)} DROP CONSTRAINT ${q(name)}`,
    ),
  ];
}

/** Returns the replacement itself. Dropping a column drops its indexes, constraints and statistics: their names are free. */
export function swapOf({ table, columns, carried }: TableReplacement): string[] {
  return [
    ...columns.flatMap((each) => handOver(each)),
    ...columns.map(
      ({ change }) => `ALTER TABLE ${quoteName(table)} DROP COLUMN ${q(change.column)}`,
    ),
    ...columns.flatMap((each) => finish(each)),
    ...carried.flatMap((each) => takeName(each, table)),
  ];
}

function handOver({ change: { table, column }, future, to }: ReplacedColumn): string[] {
  const { ownedSequence, identity } = future;
  if (ownedSequence !== null)
    return [`ALTER SEQUENCE ${ownedSequence} OWNED BY ${quoteName(table)}.${q(to)}`];
  return identity ? [moveIdentity(table, column, to, identity)] : [];
}

/** The sequence of an identity column cannot change its column: another continues where it is. */
function moveIdentity(
  table: ObjectName,
  column: string,
  to: string,
  { name, isAlways, options, grants: granted }: IdentitySequence,
): string {
  const alter = `ALTER TABLE ${quoteName(table)} ALTER COLUMN`;
  const again = grants(granted, (privilege) => `${privilege} ON SEQUENCE ${name}`);
  return `DO $dbops_identity$
DECLARE
  dbops_last bigint;
  dbops_called boolean;
BEGIN
  SELECT last_value, is_called INTO dbops_last, dbops_called FROM ${name};
  ${alter} ${q(column)} DROP IDENTITY;
  ${alter} ${q(to)} ADD GENERATED ${isAlways ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY (SEQUENCE NAME ${name} ${options});
  PERFORM pg_catalog.setval(${quoteLiteral(name)}, dbops_last, dbops_called);
${again.map((each) => `  ${each};\n`).join('')}END $dbops_identity$`;
}

function finish({ change, future, to, requirement }: ReplacedColumn): string[] {
  const { table, final } = change;
  const alter = `ALTER TABLE ${quoteName(table)}`;
  const required = future.notNullName ?? `${table.name}_${change.column}_not_null`;
  const rename = `${alter} RENAME CONSTRAINT ${q(requirement)} TO ${q(required)}`;
  return [
    ...(to === final ? [] : [`${alter} RENAME COLUMN ${q(to)} TO ${q(final)}`]),
    ...(future.default === null
      ? []
      : [`${alter} ALTER COLUMN ${q(final)} SET DEFAULT ${future.default}`]),
    ...(future.isNotNull && requirement !== required
      ? [
          // Before PostgreSQL 18, NOT NULL is no constraint.
          `DO $dbops_name$ BEGIN
  IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${quoteLiteral(quoteName(table))}::regclass AND conname = ${quoteLiteral(requirement)})
  THEN ${rename}; END IF;
END $dbops_name$`,
        ]
      : []),
  ];
}

function takeName(carried: CarriedCopy, table: ObjectName): string[] {
  const { kind, name, temporary, from, comment, indexComment, attributes } = carried;
  const alter = `ALTER TABLE ${from ?? quoteName(table)}`;
  const [former, placed] = [temporary, name].map((each) => quoteName({ ...table, name: each }));
  const says = (object: string, what: string | null) =>
    what === null ? [] : [`COMMENT ON ${object} IS ${quoteLiteral(what)}`];
  if (kind === 'statistics')
    return [
      `ALTER STATISTICS ${former} RENAME TO ${q(name)}`,
      ...says(`STATISTICS ${placed}`, comment),
    ];
  const identity = [
    ...(carried.isReplicaIdentity ? [`${alter} REPLICA IDENTITY USING INDEX ${q(name)}`] : []),
    ...(carried.isClustered ? [`${alter} CLUSTER ON ${q(name)}`] : []),
  ];
  if (kind === 'index')
    return [
      `ALTER INDEX ${former} RENAME TO ${q(name)}`,
      ...says(`INDEX ${placed}`, comment),
      ...identity,
    ];
  return [
    kind === 'primary'
      ? `${alter} ADD CONSTRAINT ${q(name)} PRIMARY KEY USING INDEX ${q(temporary)}${attributes}`
      : `${alter} RENAME CONSTRAINT ${q(temporary)} TO ${q(name)}`,
    ...says(`CONSTRAINT ${q(name)} ON ${from ?? quoteName(table)}`, comment),
    ...says(`INDEX ${placed}`, indexComment),
    ...identity,
  ];
}
