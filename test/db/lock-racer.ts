import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockDirectory } from '../../src/db/directory-lock.ts';

/** Takes the lock again and again, and leaves each time the lock of a dead process behind. */
const [directory = '', rounds = '0'] = process.argv.slice(2);
const place = `${directory}.lock`;
const marker = `${directory}.held`;
const dead = spawnSync(process.execPath, ['-e', '']).pid;
const result = { taken: 0, together: [] as string[] };

for (let round = 0; round < Number(rounds); round++) {
  const isOurs = await lockDirectory(directory).then(
    () => true,
    () => false,
  );
  if (!isOurs) {
    await sleep(Math.random() * 3);
    continue;
  }
  result.taken++;
  try {
    mkdirSync(marker);
  } catch {
    result.together.push(`${process.pid} in round ${round}`);
  }
  await sleep(1);
  rmSync(marker, { recursive: true, force: true });
  for (const name of readdirSync(place))
    renameSync(join(place, name), join(place, `${dead}-1-${round}`));
}
process.send?.(result);
