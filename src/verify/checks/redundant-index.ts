import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import type { Check, Problem } from '../definition.ts';
import { tableIndexes, type TableIndex } from '../table-indexes.ts';

/** A unique index enforces something, so that no other replaces it. */
function mayBeRedundant(index: TableIndex): boolean {
  const { method, isUnique, constraint, isNamedByTable, isAttached } = index;
  return method === 'btree' && !isUnique && constraint === null && !isNamedByTable && !isAttached;
}

/** Returns whether an index begins with all keys of another, and has more, or also enforces something. */
function extendsIndex(longer: TableIndex, shorter: TableIndex): boolean {
  if (longer.method !== 'btree' || longer.predicate !== shorter.predicate) return false;
  const has = new Set([...longer.columns, ...longer.included]);
  const isPrefix = shorter.keys.every((key, at) => key === longer.keys[at]);
  const isLonger =
    longer.keys.length > shorter.keys.length || longer.included.length > shorter.included.length;
  return (
    isPrefix && (isLonger || longer.isUnique) && shorter.included.every((column) => has.has(column))
  );
}

function problemOf(shorter: TableIndex, longer: TableIndex): Problem {
  const { schema, table, name, isPartitioned } = shorter;
  const object = { kind: 'index', schema, parent: table, name };
  const drop = `DROP INDEX ${isPartitioned ? '' : 'CONCURRENTLY '}${quoteName({ schema, name })};`;
  const isSame =
    longer.keys.length === shorter.keys.length &&
    longer.included.length === shorter.included.length;
  return {
    object,
    message: isSame
      ? `${objectName(object)} is redundant: ${longer.name} has the same columns and is unique.`
      : `${objectName(object)} is redundant: ${longer.name} begins with the same columns.`,
    ...(isSame
      ? { help: 'Drop it', fix: drop }
      : { help: `Drop it, unless queries need the smaller index: ${drop}` }),
  };
}

export const redundantIndex: Check = {
  name: 'redundant-index',
  group: 'indexes',
  severity: 'info',
  isStatic: true,
  summary: 'No index consists of the first columns of another, or of the columns of a unique one.',
  harm: 'Every write maintains both indexes, although the longer one serves the queries of the shorter one.',
  cure: 'Drop the shorter one, unless it is much smaller and its queries are frequent.',
  example: `CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, at timestamptz);
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX orders_customer_at ON orders (customer, at);`,
  limits:
    'Only B-tree indexes are compared, with operator classes, collations, order, INCLUDE and condition. A unique index is never reported: UNIQUE (a) beside (a, b) rejects duplicates of a. Not reported: an index of a constraint, a replica identity, and the parts of the index of a partitioned table.',
  async find(input) {
    const usable = (await tableIndexes(input)).filter(({ isUsable }) => isUsable);
    const byTable = Map.groupBy(usable, ({ tableOid }) => tableOid);
    return usable.filter(mayBeRedundant).flatMap((shorter) => {
      const longer = byTable.get(shorter.tableOid)?.find((each) => extendsIndex(each, shorter));
      return longer ? [problemOf(shorter, longer)] : [];
    });
  },
};
