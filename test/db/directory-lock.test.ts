import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';

it('is had by one of many processes that take over the lock of a dead one', async () => {
  const folder = mkdtempSync(join(inject('scratch'), 'lock-'));
  try {
    const racers = Array.from({ length: 6 }, () => race(join(folder, 'data'), 60));
    const results = await Promise.all(racers);
    expect(results.flatMap(({ together }) => together)).toEqual([]);
    expect(results.every(({ taken }) => taken > 0)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

interface Result {
  /** How often the lock was had. */
  taken: number;
  /** Processes that had it at the same time. */
  together: string[];
}

async function race(directory: string, rounds: number): Promise<Result> {
  const racer = fork(join(import.meta.dirname, 'lock-racer.ts'), [directory, String(rounds)]);
  const [result] = (await once(racer, 'message')) as [Result];
  return result;
}
