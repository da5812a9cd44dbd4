/**
 * `node bench/plan-estimates.ts [rows…]`: the durations that `migrate plan` estimates beside those that the statements
 * take, on tables of 2, 5 and 10 million rows. The statements run on a new server in turn; the facts are read before
 * each of them, the speed of the server once for each table. Prints the measured duration, the band and whether the
 * duration is inside. Limit: 9 of 10 are inside.
 */
import { openSession, type Session } from '../src/db/session.ts';
import { parseTarget } from '../src/db/target.ts';
import { calibrateScan } from '../src/plan/calibrate-scan.ts';
import { estimateStatement } from '../src/plan/estimate.ts';
import { readLiveFacts } from '../src/plan/read-live-facts.ts';
import type { ObservedRelation, StatementObservation } from '../src/plan/observation.ts';
import { observationOf } from '../test/plan/observation-of.ts';
import { Databases } from './databases.ts';
import { onNewServer } from './server.ts';

const asked = process.argv.slice(2).map(Number);
const sizes = asked.length > 0 ? asked : [2_000_000, 5_000_000, 10_000_000];

const relation = (name: string): ObservedRelation => ({ schema: 'public', name, kind: 'table' });
const purchases = relation('purchases');
const customers = relation('customers');

interface Case {
  name: string;
  sql: string;
  /** What an observation in a shadow database contains. */
  observed: Partial<StatementObservation>;
  /** SQL that runs before it and is not measured. */
  before?: string;
}

const scan = (reason: 'check' | 'foreign key' | 'write') => ({ relation: purchases, reason });
const build = (index: string) => ({ builds: [{ index, relation: purchases }] });
const rewrite = { rewrites: [purchases] };

const cases: Case[] = [
  {
    name: 'CHECK',
    sql: 'ALTER TABLE purchases ADD CONSTRAINT positive CHECK (amount >= 0)',
    observed: { scans: [scan('check')] },
  },
  {
    name: 'SET NOT NULL',
    sql: 'ALTER TABLE purchases ALTER COLUMN note SET NOT NULL',
    observed: { scans: [scan('check')] },
  },
  {
    name: 'foreign key',
    sql: 'ALTER TABLE purchases ADD CONSTRAINT customer_fk FOREIGN KEY (customer) REFERENCES customers',
    observed: {
      scans: [scan('foreign key'), { relation: customers, reason: 'foreign key' }],
    },
  },
  {
    name: 'index on bigint',
    sql: 'CREATE INDEX amounts ON purchases (amount)',
    observed: build('amounts'),
  },
  {
    name: 'index on bigint, concurrently',
    sql: 'CREATE INDEX CONCURRENTLY amounts_2 ON purchases (amount)',
    observed: build('amounts_2'),
  },
  {
    name: 'index on text of 64 characters',
    sql: 'CREATE INDEX notes ON purchases (note)',
    observed: build('notes'),
  },
  {
    name: 'unique index on two columns',
    sql: 'CREATE UNIQUE INDEX customer_id ON purchases (customer, id)',
    observed: build('customer_id'),
  },
  { name: 'REINDEX, text', sql: 'REINDEX INDEX notes', observed: build('notes') },
  {
    name: 'rewrite, three indexes',
    before: 'DROP INDEX amounts_2, customer_id',
    sql: 'ALTER TABLE purchases ADD COLUMN seen timestamptz DEFAULT clock_timestamp()',
    observed: rewrite,
  },
  {
    name: 'rewrite, primary key only',
    before: 'DROP INDEX notes, amounts',
    sql: 'ALTER TABLE purchases ALTER COLUMN amount TYPE numeric',
    observed: rewrite,
  },
  {
    name: 'UPDATE of every row',
    sql: 'UPDATE purchases SET amount = amount + 1',
    observed: { scans: [scan('write')], writes: [purchases] },
  },
];

async function fill(session: Session, rows: number): Promise<void> {
  await session.script(`CREATE TABLE customers (id int PRIMARY KEY, name text);
    INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, ${rows / 10}) n;
    CREATE TABLE purchases (id int PRIMARY KEY, customer int NOT NULL, amount bigint NOT NULL, note text,
      created timestamptz NOT NULL DEFAULT now());
    INSERT INTO purchases SELECT n, 1 + n % ${rows / 10}, (random() * 1e9)::bigint, md5(n::text) || md5((-n)::text)
      FROM generate_series(1, ${rows}) n`);
  await session.alone('VACUUM (ANALYZE) purchases, customers');
  await session.alone('CHECKPOINT');
}

const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(2)} s`;

async function runCase(session: Session, each: Case, speed: number | undefined): Promise<boolean> {
  if (each.before !== undefined) await session.script(each.before);
  const facts = await readLiveFacts(session, { applied: [] });
  const known = { ...facts, ...(speed !== undefined && { scanMsPerMb: speed }) };
  const band = estimateStatement(observationOf({ sql: each.sql, ...each.observed }), known);
  if (!band) throw new Error(`no estimate of ${each.name}`);
  const began = performance.now();
  await session.alone(each.sql);
  const taken = performance.now() - began;
  const isInside = taken >= band.low && taken <= band.high;
  const [low, likely, high] = [band.low, band.likely, band.high].map(seconds);
  process.stdout.write(
    `  ${each.name.padEnd(32)} ${seconds(taken).padStart(9)}  estimated ${likely} (${low} – ${high})  ${isInside ? 'inside' : 'OUTSIDE'}\n`,
  );
  return isInside;
}

await onNewServer('plan-estimates', async ({ url }) => {
  const databases = new Databases(url);
  let [inside, all] = [0, 0];
  for (const rows of sizes) {
    await databases.create('shop');
    const session = await openSession(parseTarget(databases.url('shop')), {
      application: 'bench',
      path: 'DEFAULT',
    });
    await fill(session, rows);
    const { tables } = await readLiveFacts(session, { applied: [] });
    const speed = await calibrateScan(session, tables);
    process.stdout.write(`${rows} rows, ${speed?.toFixed(2)} ms for each MB\n`);
    for (const each of cases) {
      all++;
      if (await runCase(session, each, speed)) inside++;
    }
    await session.close();
    await databases.drop('shop');
  }
  process.stdout.write(`${inside} of ${all} inside the band\n`);
  if (inside < 0.9 * all) process.exitCode = 1;
});
