import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { Check, Problem } from '../definition.ts';
import { tableIndexes, type TableIndex } from '../table-indexes.ts';

/** Indexes with the same signature find the same rows in the same order, and reject the same rows. */
function signatureOf(index: TableIndex): string {
  const { tableOid, method, keys, included, predicate } = index;
  const { isUnique, nullsNotDistinct, isImmediate } = index;
  const rejects = isUnique && [nullsNotDistinct, isImmediate];
  return JSON.stringify([tableOid, method, keys, included.toSorted(), predicate, rejects]);
}

/** Returns a high number for an index that something else than queries needs. */
function importanceOf(index: TableIndex): number {
  const { isAttached, dependents, isPrimary, isNamedByTable, constraint } = index;
  const needs = [isAttached, dependents > 0, isPrimary, isNamedByTable, constraint !== null];
  return needs.reduce((sum, isNeeded, at) => sum + (isNeeded ? 2 ** (needs.length - at) : 0), 0);
}

/** Returns whether nothing but queries needs an index. */
function isDroppable(index: TableIndex): boolean {
  const { isAttached, dependents, isPrimary, isNamedByTable, isUnique, constraint } = index;
  const isNeeded = isAttached || dependents > 0 || isPrimary || isNamedByTable;
  return !isNeeded && (isUnique || constraint === null);
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
    message: `${objectName(object)} duplicates ${kept.name}: both have the same columns, order and condition.`,
    help: constraint === null ? 'Drop it' : 'Drop the constraint, which the other index enforces',
    fix,
  };
}

function duplicatesAmong(group: readonly TableIndex[]): Problem[] {
  const [kept, ...others] = group.toSorted((a, b) => importanceOf(b) - importanceOf(a));
  if (!kept) return [];
  return others.filter(isDroppable).map((each) => problemOf(each, kept));
}

export const duplicateIndex: Check = {
  name: 'duplicate-index',
  group: 'indexes',
  severity: 'warning',
  isStatic: true,
  summary: 'No two indexes are the same.',
  harm: 'Every write maintains both, both occupy disk space and memory, and queries use only one.',
  cure: 'Drop one of them. The finding names the one that enforces nothing, or less.',
  example: `CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint);
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX orders_by_customer ON orders (customer);`,
  limits:
    'Indexes are the same if access method, columns or expressions, operator classes, collations, order, INCLUDE, condition and uniqueness are; one that is not unique beside one that is, is reported by redundant-index. Spellings of an expression that differ are not compared. Not reported: an index that a foreign key refers to, that of a primary key, a replica identity, and the parts of the index of a partitioned table.',
  async find(input) {
    const usable = (await tableIndexes(input)).filter(({ isUsable }) => isUsable);
    return [...Map.groupBy(usable, signatureOf).values()].flatMap(duplicatesAmong);
  },
};
