import type { Relation, Subject } from './resolve-target.ts';
import type { Rows } from './sql.ts';

/** How a table is walked. */
export interface Strategy {
  name: 'striped ctid windows' | 'plain ctid windows' | 'key ranges';
  naming: Rows['naming'];
  isStriped: boolean;
  /** Why not the first. */
  because?: string;
}

/** @param pinnedBy who keeps dead rows from being taken away, if anybody does */
export function strategyOf(
  { key, label }: Pick<Subject, 'key' | 'label'>,
  { isHeap, name }: Pick<Relation, 'isHeap' | 'name'>,
  pinnedBy?: string,
): Strategy | undefined {
  if (!isHeap && key.length === 0) return undefined;
  if (!isHeap)
    return {
      name: 'key ranges',
      naming: 'key',
      isStriped: false,
      because: `${name || label} is no heap: its rows have no lasting place`,
    };
  if (pinnedBy)
    return {
      name: 'plain ctid windows',
      naming: 'ctid',
      isStriped: false,
      because: `the xmin horizon is pinned, so that no page can be cleaned between two stripes: ${pinnedBy}`,
    };
  return { name: 'striped ctid windows', naming: 'ctid', isStriped: true };
}

const mostStripes = 16;
/** Rows of a page that one stripe takes at the least: fewer are not worth another visit. */
const perStripe = 3;
/** What becomes of the last two stripes, each in quarters: stripes of 3, 2, 2 and 1 quarters. */
const taper = [
  [0, 0, 0, 1],
  [1, 2, 2, 3],
];

/**
 * Deals the rows of a window out to stripes, so that one transaction takes every n-th row of each
 * page: when it has committed, the next one's row versions fit where its dead ones were, which makes
 * them HOT (server sources, `README.HOT`). In physical order every page would be full at once. Nobody
 * fills what the last stripe leaves dead, so the stripes become smaller at the end.
 *
 * @param pages of the window
 */
export function dealOut(ids: readonly string[], pages: number): string[][] {
  const perPage = ids.length / Math.max(1, pages);
  const count = Math.max(1, Math.min(mostStripes, Math.floor(perPage / perStripe)));
  const whole = count < 4 ? count : count - taper.length;
  const stripes = Array.from({ length: count + taper.length }, (): string[] => []);
  for (const [at, id] of ids.entries()) {
    const turn = at % count;
    const part = taper[turn - whole]?.[Math.floor(at / count) % 4];
    stripes[part === undefined ? turn : whole + part]?.push(id);
  }
  return stripes.filter((stripe) => stripe.length > 0);
}

/** A run of pages of one table, or all of it by key. */
export interface Range {
  /** Of the run, from 0. */
  id: number;
  /** Of the definition's targets. */
  target: number;
  relation: number;
  filenode: number;
  naming: Rows['naming'];
  first: number;
  next: number;
  /** Exclusive. */
  end: number;
  /** The last key that is done. */
  position: string | null;
}

/** Pages below which it is not worth another worker. */
const fewPages = 256;

/** Disjoint runs of pages, so many for each table as there are workers. */
export function divide(
  relations: readonly (Pick<Relation, 'oid' | 'filenode' | 'pages' | 'isHeap'> & {
    target: number;
  })[],
  workers: number,
): Range[] {
  return relations
    .flatMap(({ oid, filenode, pages, isHeap, target }) => {
      const parts = isHeap ? Math.max(1, Math.min(workers, Math.ceil(pages / fewPages))) : 1;
      const size = Math.ceil(pages / parts);
      return Array.from({ length: parts }, (_, part) => {
        const first = Math.min(pages, part * size);
        const end = Math.min(pages, first + size);
        const naming: Rows['naming'] = isHeap ? 'ctid' : 'key';
        return { target, relation: oid, filenode, naming, first, next: first, end, position: null };
      });
    })
    .map((range, id) => ({ id, ...range }));
}

/** Pages of a window: it must stay in the server's cache from its first stripe to its last. */
export function windowPages(sharedBuffers: number, workers: number): number {
  return Math.max(32, Math.min(2_048, Math.floor(sharedBuffers / 8 / workers)));
}
