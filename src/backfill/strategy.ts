import type { Relation } from './read-table.ts';
import type { Subject } from './resolve-target.ts';
import type { Rows } from './sql.ts';

/** How a table is scanned. */
export interface Strategy {
  name: 'striped ctid windows' | 'plain ctid windows' | 'key ranges';
  naming: Rows['naming'];
  isStriped: boolean;
  /** Why the first strategy is not used. */
  because?: string;
}

/**
 * Chooses how a table is scanned; nothing where it is not possible.
 *
 * @param pinnedBy what holds back the xmin horizon
 */
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
      because: `${name || label} is not a heap table: its rows have no permanent ctid`,
    };
  if (pinnedBy)
    return {
      name: 'plain ctid windows',
      naming: 'ctid',
      isStriped: false,
      because: `the xmin horizon is held back, so pages cannot be pruned between stripes: ${pinnedBy}`,
    };
  return { name: 'striped ctid windows', naming: 'ctid', isStriped: true };
}

const mostStripes = 16;
/** Fewest rows of a page that are worth a stripe of their own. */
const perStripe = 3;
/** How the last two stripes are divided: into stripes of 3, 2, 2 and 1 quarters. */
const taper = [
  [0, 0, 0, 1],
  [1, 2, 2, 3],
];

/**
 * Divides the rows of a window into stripes, so that one transaction takes every n-th row of each page.
 * After its commit, new row versions of the next stripe fit where its dead versions were, which makes
 * updates HOT (server sources, `README.HOT`); in physical order every page would be full. Nothing reuses
 * the space that the last stripe leaves, so stripes get smaller at the end.
 *
 * @param pages pages of the window
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

/** A range of pages of one table, or the whole table by key. */
export interface ScanRange {
  /** Unique in the run, from 0. */
  id: number;
  /** Index in the targets of the definition. */
  target: number;
  relation: number;
  filenode: number;
  naming: Rows['naming'];
  first: number;
  next: number;
  /** Exclusive. */
  end: number;
  /**
   * Of a range by key: the last key that was processed. Of one by ctid: how many pages of the window
   * that begins at `next` are done, of which a stripe does a part each.
   */
  position: string | null;
}

/** Pages below which another worker is not worthwhile. */
const fewPages = 256;

/** Divides each table into one range of pages per worker. */
export function divide(
  relations: readonly (Pick<Relation, 'oid' | 'filenode' | 'pages' | 'isHeap'> & {
    target: number;
  })[],
  workers: number,
): ScanRange[] {
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

/** Returns the pages of a window, which must stay in shared buffers until its last stripe. */
export function windowPages(sharedBuffers: number, workers: number): number {
  return Math.max(32, Math.min(2_048, Math.floor(sharedBuffers / 8 / workers)));
}
