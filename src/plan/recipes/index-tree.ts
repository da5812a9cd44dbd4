import { quoteName } from '../../db/quote.ts';
import { together, type KnownPartition, type KnownTable, type RecipeStep } from './recipe.ts';

type Named = Pick<KnownPartition, 'schema' | 'name'>;

/** An index of a partitioned table, with those of its partitions. */
export interface IndexTree {
  /** Returns the name of the index on the table, or on one of its partitions. */
  nameOn(of: Named): string;
  /** The partitions that store rows. */
  leaves: KnownPartition[];
  /** The partitions that are partitioned themselves. */
  parents: KnownPartition[];
  /** Attaches every index to the one above: that of a parent becomes valid with the last of its partitions. */
  attach: RecipeStep;
}

/**
 * Returns the names of the indexes of a partitioned table, and the step that attaches them.
 *
 * @param name of the index on the table itself
 * @param nameFor returns the name of the index on a partition
 */
export async function indexTree(
  known: KnownTable,
  name: string,
  nameFor: (partition: KnownPartition) => Promise<string>,
): Promise<IndexTree> {
  const { partitions } = known;
  const names = new Map([[quoteName(known), name]]);
  for (const each of partitions) names.set(quoteName(each), await nameFor(each));
  const nameOn = (of: Named) => names.get(quoteName(of)) ?? '';
  const indexOn = (of: Named) => quoteName({ schema: of.schema, name: nameOn(of) });
  return {
    nameOn,
    leaves: partitions.filter(({ isLeaf }) => isLeaf),
    parents: partitions.filter(({ isLeaf }) => !isLeaf),
    attach: together(
      ...partitions
        .toReversed()
        .map((each) => `ALTER INDEX ${indexOn(each.parent)} ATTACH PARTITION ${indexOn(each)}`),
    ),
  };
}
