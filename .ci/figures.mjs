// Prints what a run of the suite took. Machines differ fourfold, so its wall time is also counted in
// starts of Node on this machine. Arguments: seconds of wall time, of user and of system CPU time.
import { spawnSync } from 'node:child_process';

/** The most that a run may take, in medians of `node -e 0`. */
const limit = 12_000;

const [wall, user, system] = process.argv.slice(2).map(Number);
const start = medianOf(Array.from({ length: 21 }, startNode));
const ratio = wall / start;
const whole = (number) => Math.round(number).toLocaleString('en-US');

console.log(
  `The suite took ${whole(wall)} s of wall time and ${whole(user + system)} s of CPU time ` +
    `(${whole(user)} s user, ${whole(system)} s system).\n` +
    `The median of \`node -e 0\` is ${whole(start * 1_000)} ms, so the wall time is ${whole(ratio)} of them; ` +
    `the limit is ${whole(limit)}${ratio > limit ? ', which this run exceeds' : ''}.`,
);

/** @returns seconds */
function startNode() {
  const from = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return (performance.now() - from) / 1_000;
}

function medianOf(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
