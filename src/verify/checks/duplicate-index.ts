import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { Check, Problem } from '../definition.ts';
import { tableIndexes, type TableIndex } from '../table-indexes.ts';

/** Indexes with the same signature find the same rows in the same order. */
function signatureOf({ tableOid, method, keys, included, predicate }: TableIndex): string {
  return JSON.stringify([tableOid, method, keys, included.toSorted(), predicate]);
}

/** Returns a high number for an index that something else than queries needs. */
function importanceOf(index: TableIndex): number {
  const { isAttached, dependents, isPrimary, isNamedByTable, constraint, isUnique } = index;
  const needs = [
    isAttached,
    dependents > 0,
    isPrimary,
    isNamedByTable,
    constraint !== null,
    isUnique,
  ];
  return needs.reduce((sum, isNeeded, at) => sum + (isNeeded ? 2 ** (needs.length - at) : 0), 0);
}

/** Returns whether `kept` does all that `dropped` does. */
function replaces(kept: TableIndex, dropped: TableIndex): boolean {
  if (dropped.isAttached || dropped.dependents > 0 || dropped.isPrimary || dropped.isNamedByTable)
    return false;
  if (!dropped.isUnique) return dropped.constraint === null;
  return (
    kept.isUnique &&
    kept.nullsNotDistinct === dropped.nullsNotDistinct &&
    kept.isImmediate === dropped.isImmediate
  );
}

function problemOf(dropped: TableIndex, kept: TableIndex): Problem {
  const { schema, table, name, constraint, isPartitioned } = dropped;
  const object = { kind: 'index', schema, parent: table, name };
  const index = quoteName({ schema, name });
  const fix =
    constraint === null
      ? `DROP INDEX ${isPartitioned ? '' : 'CONCURRENTLY '}${index};`
      : `ALTER TABLE ${quoteName({ schema, name: table })} DROP CONSTRAINT ${q(constraint)};`;
  return {
    object,
    message: `${objectName(object)} duplicates ${kept.name}: same columns, order and condition.`,
    help: constraint === null ? 'Drop it' : 'Drop the constraint, which the other index enforces',
    fix,
  };
}

function duplicatesAmong(group: readonly TableIndex[]): Problem[] {
  const [kept, ...others] = group.toSorted((a, b) => importanceOf(b) - importanceOf(a));
  if (!kept) return [];
  return others.filter((each) => replaces(kept, each)).map((each) => problemOf(each, kept));
}

export const duplicateIndex: Check = {
  name: 'duplicate-index',
  group: 'indexes',
  severity: 'warning',
  isStatic: true,
  summary: 'No two indexes are the same.',
  harm: 'Every write maintains both, both occupy disk space and memory, and queries use only one.',
  cure: 'Drop one of them. The finding names the one that enforces nothing, or less.',
  limits:
    'Indexes are the same if access method, columns or expressions, operator classes, collations, order, INCLUDE and condition are; one that is unique makes one that is not superfluous. Spellings of an expression that differ are not compared. Not reported: an index that a foreign key refers to, that of a primary key, a replica identity, and the parts of the index of a partitioned table.',
  async find(input) {
    const usable = (await tableIndexes(input)).filter(({ isUsable }) => isUsable);
    return [...Map.groupBy(usable, signatureOf).values()].flatMap(duplicatesAmong);
  },
};
