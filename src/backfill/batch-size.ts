/** How many rows a batch takes, so that its time stays below a target. */
export interface Pace {
  /** Rows of the next batch. */
  size(): number;
  took(rows: number, milliseconds: number): void;
  /** A batch was cut off: it took too long. */
  tooLong(rows: number): void;
}

const limits = { first: 500, least: 50, most: 50_000 };
/** Of the target: the rest is for what a batch can't foresee, such as a checkpoint of the server. */
const aim = 0.5;
/** Weight of the last batch in the average. */
const weight = 0.3;
/** At the most, from one batch to the next. */
const growth = 2;

/** @param target milliseconds that no batch should exceed */
export function createPace(target: number): Pace {
  let size = limits.first;
  let perRow: number | undefined;
  const to = (rows: number) =>
    Math.round(Math.min(limits.most, Math.max(limits.least, Math.min(rows, size * growth))));
  return {
    size: () => size,
    took(rows, milliseconds) {
      if (rows < limits.least) return; // the round trip, not the rows
      const now = Math.max(milliseconds, 0.1) / rows;
      perRow = perRow === undefined ? now : perRow * (1 - weight) + now * weight;
      // One slow batch slows the next down at once; a fast one is believed only by and by.
      size = to((target * aim) / Math.max(perRow, now > perRow ? now * 0.7 : 0));
    },
    tooLong(rows) {
      size = Math.max(limits.least, Math.floor(rows / 2));
    },
  };
}
