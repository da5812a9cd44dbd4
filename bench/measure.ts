import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Command {
  file: string;
  args: readonly string[];
  cwd: string;
  environment?: Readonly<Record<string, string>>;
}

/** What dbops is held to: so many times another contestant (absent: the floor), or so many seconds. */
export type Limit = { ratio: number; of?: string } | { seconds: number };

export interface Contestant {
  name: string;
  command: Command;
  /** Runs before every run and is not timed. */
  prepare?: () => Promise<void>;
  /**
   * Runs after every run and is not timed; gets what the command printed.
   * @throws Error when the command did not do its work
   */
  check?: (output: string) => Promise<void> | void;
  limits?: readonly Limit[];
}

export interface Measurement {
  name: string;
  limits?: readonly Limit[];
  /** Milliseconds of wall time, in the order in which they were measured. */
  samples: number[];
  /** Why this contestant was left out of the rest. */
  failure?: string;
}

interface Surroundings {
  /** Home and temporary folder of every command, so that caches begin cold and end with the run. */
  home: string;
  signal: AbortSignal;
}

export interface Conditions extends Surroundings {
  rounds: number;
  /** Rounds before the timed ones, whose samples are thrown away. */
  warmUps: number;
  onRound: (round: number, rounds: number) => void;
}

/**
 * Times every contestant once a round, one after the other (A B C, A B C, …), so that a slow
 * minute of the machine meets all of them. Who fails is out, and never counts as fast.
 */
export async function measure(
  contestants: readonly Contestant[],
  conditions: Conditions,
): Promise<Measurement[]> {
  const { rounds, warmUps, onRound } = conditions;
  const measurements = contestants.map(({ name, limits }): Measurement => ({
    name,
    samples: [],
    ...(limits && { limits }),
  }));
  for (let round = -warmUps; round < rounds; round++) {
    onRound(round + 1, rounds);
    for (const [index, contestant] of contestants.entries()) {
      const measurement = measurements[index];
      if (!measurement || measurement.failure !== undefined) continue;
      try {
        const sample = await runOnce(contestant, conditions);
        if (round >= 0) measurement.samples.push(sample);
      } catch (error) {
        conditions.signal.throwIfAborted();
        measurement.failure = error instanceof Error ? error.message : String(error);
        process.stderr.write(`${contestant.name} is out: ${measurement.failure}\n`);
      }
    }
  }
  return measurements;
}

async function runOnce(contestant: Contestant, conditions: Conditions): Promise<number> {
  conditions.signal.throwIfAborted();
  await contestant.prepare?.();
  const sample = await time(contestant.command, conditions);
  await contestant.check?.(await readFile(outputFile(conditions), 'utf8'));
  return sample;
}

/**
 * Milliseconds from the start to the exit of a command, its output written to a file.
 *
 * @throws Error with the end of its output when it does not exit with 0
 */
export async function time(
  { file, args, cwd, environment }: Command,
  conditions: Surroundings,
): Promise<number> {
  const { home, signal } = conditions;
  const log = await open(outputFile(conditions), 'w');
  try {
    const started = process.hrtime.bigint();
    const child = spawn(file, args, {
      cwd,
      env: { ...inherited(home), ...environment },
      stdio: ['ignore', log.fd, log.fd],
      signal,
    });
    const [code] = await once(child, 'exit');
    const ended = process.hrtime.bigint();
    if (code === 0) return Number(ended - started) / 1e6;
    const said = (await readFile(outputFile(conditions), 'utf8')).trim().slice(-600);
    throw new Error(`${file} ${args.join(' ')} ended with ${code}: ${said}`);
  } finally {
    await log.close();
  }
}

function outputFile({ home }: Surroundings): string {
  return join(home, 'output.log');
}

/** Little of our own environment: what npm run and a shell add would change what is measured. */
function inherited(home: string): Record<string, string | undefined> {
  return { PATH: process.env['PATH'], LANG: 'C.UTF-8', HOME: home, TMPDIR: home, NO_COLOR: '1' };
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const below = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const above = sorted[Math.floor(middle)] ?? Number.NaN;
  return (below + above) / 2;
}
