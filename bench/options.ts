import { join } from 'node:path';
import { parseArgs } from 'node:util';

export const subjects = [
  'startup',
  'install',
  'pending',
  'applied',
  'seed',
  'verify',
  'drift',
  'rollback',
  'repair',
  'plan',
] as const;
export type Subject = (typeof subjects)[number];

export interface Options {
  migrations: number;
  /** Timed rounds of every subject; absent: as many as each subject deserves. */
  rounds: number | undefined;
  /** How often the whole bench is repeated, each time on a server of its own. */
  runs: number;
  only: readonly Subject[];
  json: boolean;
  write: boolean;
  /** The `dbops.cjs` to measure. */
  dbops: string;
}

export const usage = `Usage: npm run bench -- [options]

  --migrations N   migrations in the folders (default 1000)
  --rounds N       timed rounds of every subject (default: per subject)
  --runs N         repeat everything on a new server, N times (default 1)
  --only SUBJECT   ${subjects.join(', ')}; may be repeated
  --dbops FILE     measure another build's bin/dbops.cjs
  --json           print every sample as JSON instead of the tables
  --write          put the tables into bench/README.md as well`;

/** @throws Error with the usage text for anything that is not an option */
export function parseOptions(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      migrations: { type: 'string', default: '1000' },
      rounds: { type: 'string' },
      runs: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [...subjects] },
      dbops: { type: 'string', default: join(import.meta.dirname, '..', 'bin', 'dbops.cjs') },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  return {
    ...values,
    migrations: toCount('--migrations', values.migrations),
    rounds: values.rounds === undefined ? undefined : toCount('--rounds', values.rounds),
    runs: toCount('--runs', values.runs),
    only: subjects.filter((subject) => toSubjects(values.only).includes(subject)),
  };
}

function toCount(flag: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new Error(`${flag} ${text}: expected a whole number of at least 1\n\n${usage}`);
}

function toSubjects(words: string[]): string[] {
  const names = words.flatMap((word) => word.split(','));
  const unknown = names.filter((name) => !subjects.some((subject) => subject === name));
  if (unknown.length === 0) return names;
  throw new Error(`--only ${unknown.join(',')}: expected ${subjects.join(', ')}\n\n${usage}`);
}
