/** Chooses how many rows a batch takes, so that its time stays below a target. */
export interface BatchSizer {
  /** Returns the rows of the next batch. */
  size(): number;
  /** Records the time of a batch. */
  took(rows: number, milliseconds: number): void;
  /** Halves the size after a batch of `rows` that took too long or blocked others. */
  halve(rows: number): void;
}

const limits = { first: 500, least: 50, most: 50_000 };
/** Fraction of the target; the rest is for what a batch cannot foresee, such as a checkpoint. */
const aim = 0.5;
/** Weight of the last batch in the moving average. */
const weight = 0.3;
/** Largest growth from one batch to the next. */
const growth = 2;

/** @param target milliseconds that no batch should exceed */
export function createBatchSizer(target: number): BatchSizer {
  let size = limits.first;
  let perRow: number | undefined;
  const clamp = (rows: number) =>
    Math.round(Math.min(limits.most, Math.max(limits.least, Math.min(rows, size * growth))));
  return {
    size: () => size,
    took(rows, milliseconds) {
      if (rows < limits.least) return; // mostly the round trip
      const now = Math.max(milliseconds, 0.1) / rows;
      perRow = perRow === undefined ? now : perRow * (1 - weight) + now * weight;
      // One slow batch shrinks the next immediately; fast ones count through the average.
      size = clamp((target * aim) / Math.max(perRow, now > perRow ? now * 0.7 : 0));
    },
    halve(rows) {
      size = Math.max(limits.least, Math.floor(rows / 2));
    },
  };
}
