/**
 * How many random cases a property test tries.
 *
 * @param few of `npm test`; `DBOPS_CASES` takes its place, which `npm run test:long` sets
 */
export function cases(few: number): number {
  return Number(process.env['DBOPS_CASES'] ?? few);
}

/** Whether the run tries more than `npm test` does. */
export const isLongRun = process.env['DBOPS_CASES'] !== undefined;
