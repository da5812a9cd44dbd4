import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bench, type Contest, ensure } from './contestants.ts';
import { type Command, time } from './measure.ts';

const migrations = 100;
const tablesEach = 2;

/** `repair-tracking` of 200 tables that 100 migrations make, all of them recorded. */
export function repair(bench: Bench): Contest {
  const folder = join(bench.folder, 'repair');
  const command = (cache: string, ...words: string[]): Command => ({
    file: bench.dbops.file,
    args: [...bench.dbops.args, ...words, '--migrations', folder],
    cwd: bench.folder,
    environment: {
      DATABASE_URL: bench.databases.url('repair'),
      DBOPS_CACHE_DIR: join(bench.folder, cache),
    },
  });
  const made = () =>
    ensure(bench, 'repair', async () => {
      await writeMigrations(folder);
      await bench.databases.create('repair');
      await time(command('repair-warm', 'migrate', 'up'), {
        home: bench.folder,
        signal: bench.signal,
      });
    });
  const check = (output: string) => {
    const recorded = output.match(/ recorded /g)?.length;
    if (recorded !== migrations)
      throw new Error(`${recorded} of ${migrations} are recorded: ${output}`);
  };
  return {
    title: `Verdicts of ${migrations} migrations and ${migrations * tablesEach} tables`,
    rounds: 5,
    warmUps: 1,
    contestants: [
      {
        name: 'dbops repair-tracking, cold cache',
        command: command('repair-cold', 'repair-tracking'),
        async prepare() {
          await made();
          await rm(join(bench.folder, 'repair-cold'), { recursive: true, force: true });
        },
        check,
        limits: [{ seconds: 8 }],
      },
      {
        name: 'dbops repair-tracking, cached',
        command: command('repair-warm', 'repair-tracking'),
        prepare: made,
        check,
        limits: [{ seconds: 2 }],
      },
    ],
  };
}

async function writeMigrations(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let at = 0; at < migrations; at++) {
    const tables = Array.from({ length: tablesEach }, (_, index) =>
      tableOf(tablesEach * at + index),
    );
    const change = at > 0 ? `ALTER TABLE t${tablesEach * (at - 1)} ADD COLUMN added text;\n` : '';
    const number = String(at + 1).padStart(4, '0');
    await writeFile(join(folder, `${number}_step.up.sql`), `${tables.join('')}${change}`);
  }
}

function tableOf(at: number): string {
  const owner = at > 0 ? ` REFERENCES t${at - 1}` : '';
  const texts = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `,\n  ${name} text`);
  return `CREATE TABLE t${at} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner bigint${owner},
  amount integer NOT NULL DEFAULT 0 CHECK (amount >= 0),
  created_at timestamptz NOT NULL DEFAULT now()${texts.join('')}
);
CREATE INDEX t${at}_owner ON t${at} (owner);
CREATE INDEX t${at}_created ON t${at} (created_at DESC);
`;
}
