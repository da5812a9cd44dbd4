import { quoteName } from '../../db/quote.ts';
import { nameOf } from '../../sql/non-transactional.ts';
import { proofOn } from './attach-partition.ts';
import { readBound } from './partition-bound.ts';
import { stepsOf, together, type Recipe } from './recipe.ts';

/** CREATE TABLE … PARTITION OF takes ACCESS EXCLUSIVE on the parent, and scans the default partition under it. */
export const newPartitionAttached: Recipe = {
  name: 'new-partition-attached',
  summary:
    'Create the table on its own and attach it, which blocks neither reads nor writes of the parent; a CHECK on the default partition is validated first.',
  async rewrite({ node, sql }, { catalog }) {
    if (!('CreateStmt' in node)) return undefined;
    const { relation, inhRelations = [], partbound, partspec, ...rest } = node.CreateStmt;
    const [of] = inhRelations;
    if (!partbound || partspec || !of || !('RangeVar' in of) || relation?.relpersistence !== 'p')
      return undefined;
    if (
      rest.if_not_exists ||
      rest.tableElts ||
      rest.options ||
      rest.tablespacename ||
      rest.accessMethod
    )
      return undefined;
    const [parentName, name] = [nameOf(of.RangeVar), nameOf(relation)];
    const parent = await catalog.table(parentName);
    const values = /\bfor\s+values\b[^]*$/i.exec(sql)?.[0];
    if (!parent || values === undefined) return undefined;
    const other = parent.defaultPartition && (await catalog.table(parent.defaultPartition));
    const bound = readBound(sql, partbound, parent);
    if (parent.defaultPartition && (!other || other.isPartitioned || bound === undefined))
      return undefined;
    const proof = other && (await proofOn(other, `NOT (${bound})`, catalog));
    const child = quoteName(name);
    return stepsOf(
      ...(proof?.before ?? []),
      together(
        `CREATE TABLE ${child} (LIKE ${quoteName(parentName)} INCLUDING ALL EXCLUDING COMMENTS EXCLUDING STATISTICS EXCLUDING IDENTITY)`,
        `ALTER TABLE ${quoteName(parentName)} ATTACH PARTITION ${child} ${values}`,
      ),
      ...(proof ? [proof.after] : []),
    );
  },
};
