/**
 * `node bench/plan-peers.ts`: the verdicts of `migrate plan` beside the rules of squawk on the 126 statements of
 * `test/plan/observed`. A statement is a hazard if it rewrites, scans or indexes a table while writes or reads wait, as
 * observed on PostgreSQL 18 with tables of 20,000 rows. dbops judges on an empty copy of the schema and sizes of 20 million
 * rows, and once more with sizes of 200 rows, on which no statement is a hazard; squawk reads the text, and has no sizes. Prints the
 * hazards that each finds and misses, and the statements that it reports without one; `--verbose` prints these.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { openSession, type Session } from '../src/db/session.ts';
import type { LiveFacts } from '../src/plan/live-facts.ts';
import { observerOf, type Observer } from '../src/plan/observe/observer.ts';
import {
  factsOf,
  isHazard,
  judge,
  observeStatements,
  runningStatements,
  type ObservedStatement,
} from '../test/plan/hazards.ts';
import { observedSchema, roleOfStatements } from '../test/plan/observed-schema.ts';
import { ensurePeers, peerModules, peerVersions } from './peers.ts';

const { values: options } = parseArgs({
  options: { verbose: { type: 'boolean', default: false } },
});

/** The rules of squawk about locks; the others are about timeouts, style, lost data and the running application. */
const lockRules = new Set([
  'adding-field-with-default',
  'adding-foreign-key-constraint',
  'adding-not-nullable-field',
  'adding-serial-primary-key-field',
  'ban-alter-domain-with-add-constraint',
  'changing-column-type',
  'constraint-missing-not-valid',
  'disallowed-unique-constraint',
  'require-concurrent-index-creation',
  'require-concurrent-index-deletion',
  'require-concurrent-partition-detach',
  'require-concurrent-reindex',
]);

const violations = z.array(z.object({ rule_name: z.string() }));

function squawk(sql: string): boolean {
  const { stdout, stderr } = spawnSync(
    join(peerModules, '.bin', 'squawk'),
    ['--reporter', 'json', '--pg-version', '18', '--assume-in-transaction'],
    { input: `${sql};\n`, encoding: 'utf8' },
  );
  if (stdout === '') throw new Error(`squawk printed nothing: ${stderr}`);
  return violations.parse(JSON.parse(stdout)).some((each) => lockRules.has(each.rule_name));
}

async function dbops(
  session: Session,
  observer: Observer,
  { sql, facts }: { sql: string; facts: LiveFacts },
): Promise<boolean> {
  const verdicts = await judge(await observeStatements(session, observer, sql.split('; ')), facts);
  return verdicts.some(({ verdict }) => verdict === 'blocks');
}

interface Score {
  name: string;
  found: string[];
  missed: string[];
  wrong: string[];
}

async function score(
  name: string,
  {
    hazards,
    reports,
  }: {
    hazards: (statement: ObservedStatement) => boolean;
    reports: (sql: string) => Promise<boolean> | boolean;
  },
): Promise<Score> {
  const result: Score = { name, found: [], missed: [], wrong: [] };
  for (const statement of runningStatements) {
    const isReported = await reports(statement.sql);
    if (hazards(statement)) (isReported ? result.found : result.missed).push(statement.sql);
    else if (isReported) result.wrong.push(statement.sql);
  }
  return result;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function show({ name, found, missed, wrong }: Score): void {
  print(`| ${name} | ${found.length} | ${missed.length} | ${wrong.length} |`);
}

ensurePeers();
const session = await openSession(
  { kind: 'pglite', directory: null },
  { application: 'bench', path: 'DEFAULT' },
);
await session.script(`${observedSchema}\n${roleOfStatements}`);
const observer = await observerOf(session);
const [large, small] = [await factsOf(session, 20_000_000), await factsOf(session, 200)];
const none = () => false;
const scores = [
  await score('dbops, 20 million rows', {
    hazards: isHazard,
    reports: (sql) => dbops(session, observer, { sql, facts: large }),
  }),
  await score(`squawk ${peerVersions()['squawk-cli']}`, { hazards: isHazard, reports: squawk }),
  await score('dbops, 200 rows', {
    hazards: none,
    reports: (sql) => dbops(session, observer, { sql, facts: small }),
  }),
];
await session.close();
const hazards = runningStatements.filter(isHazard).length;
print(
  `${runningStatements.length} statements that run, ${hazards} of them hazards on large tables\n`,
);
print('| checker | found | missed | reported without a hazard |\n|---|---:|---:|---:|');
for (const each of scores) show(each);
if (options.verbose)
  for (const { name, missed, wrong } of scores) {
    for (const sql of missed) print(`\n${name} misses: ${sql}`);
    for (const sql of wrong) print(`\n${name} reports: ${sql}`);
  }
if (scores.some(({ name, wrong }) => name.startsWith('dbops') && wrong.length > 0))
  process.exitCode = 1;
