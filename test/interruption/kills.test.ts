import { cpSync, mkdtempSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { cases } from '../cases.ts';
import { enginesOf } from '../db/engines.ts';
import { startServer, type RunningServer } from '../db/server.ts';
import { giveTo, serverUser } from '../db/server-user.ts';
import { newest } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { projectOn, until, writeProject, type Project } from '../migrate/project.ts';
import { randomFrom, type Random } from '../repair/desync/random.ts';
import { scenarios, type Scenario } from './scenarios.ts';
import { stateOf, type State } from './state.ts';

const kills = cases(4);
vi.setConfig({ testTimeout: 120_000 + kills * 30_000, hookTimeout: 300_000 });

/** Where databases are made, and what ends a command that works on one. */
interface Place {
  /** Returns the address of a copy of a database, or of an empty one. */
  create(from?: string): Promise<string>;
  ends: Record<string, (run: Run) => unknown>;
}

interface Run {
  pid: number;
  url: string;
}

const signals = {
  KILL: ({ pid }: Run) => process.kill(pid, 'SIGKILL'),
  INT: ({ pid }: Run) => process.kill(pid, 'SIGINT'),
  TERM: ({ pid }: Run) => process.kill(pid, 'SIGTERM'),
};

/** A scenario, prepared, and what an undisturbed run makes of it. */
interface Stage {
  scenario: Scenario;
  root: string;
  url: string;
  expected: State;
  /** Of an undisturbed run in a process of its own, in milliseconds. */
  duration: number;
}

async function prepare(place: Place, scenario: Scenario): Promise<Stage> {
  const root = writeProject(scenario.files);
  const url = await place.create();
  const project = projectOn(url, root);
  for (const step of scenario.prepare) {
    if (typeof step === 'string') await withSession(url, (session) => session.script(step));
    else expect(await project.dbops(...step)).toMatchObject({ exitCode: 0 });
  }
  const undisturbed = projectOn(await place.create(url), root);
  const from = performance.now();
  expect(await undisturbed.start(...scenario.command).answer).toMatchObject({ exitCode: 0 });
  const duration = performance.now() - from;
  return { scenario, root, url, expected: await stateOf(undisturbed), duration };
}

/**
 * Interrupts the command at a random moment, and runs it again until it succeeds.
 *
 * @returns how it ended otherwise than an undisturbed run; undefined where it did not
 */
async function interrupt(
  place: Place,
  stage: Stage,
  end: string,
  random: Random,
): Promise<string | undefined> {
  const url = await place.create(stage.url);
  const project = projectOn(url, stage.root);
  const { child, answer } = project.start(...stage.scenario.command);
  await sleep(random.below(Math.ceil(stage.duration)));
  if (child.exitCode === null && child.pid !== undefined)
    await place.ends[end]?.({ pid: child.pid, url });
  const first = await answer;
  const again = await runAgain(project, stage.scenario);
  const state = again.at(-1) === '' ? await stateOf(project) : undefined;
  if (isDeepStrictEqual(state, stage.expected)) return undefined;
  const story = [first.stderr, ...again].map((each) => each.slice(-1_500));
  return [...story, ...differences(stage.expected, state)].join('\n');
}

function differences(expected: State, state: State | undefined): string[] {
  const [before, after] = [expected, state ?? {}].map((each) =>
    JSON.stringify(each, null, 1).split('\n'),
  );
  const [missing, extra] = [
    before?.filter((line) => !after?.includes(line)) ?? [],
    after?.filter((line) => !before?.includes(line)) ?? [],
  ];
  return [
    ...missing.slice(0, 5).map((line) => `- ${line}`),
    ...extra.slice(0, 5).map((line) => `+ ${line}`),
  ];
}

/**
 * A server that crashed needs a moment; a session that was cut off may still hold a lock.
 *
 * @returns what each run printed; the empty text for the one that succeeded
 */
async function runAgain(project: Project, { command }: Scenario): Promise<string[]> {
  const answers: string[] = [];
  for (let round = 0; round < 3; round++) {
    await until(() => project.query('SELECT 1').catch(() => undefined));
    const { exitCode, stdout, stderr } = await project.dbops(...command);
    answers.push(exitCode === 0 ? '' : `exit ${exitCode}\n${stdout}\n${stderr}`);
    if (exitCode === 0) break;
  }
  return answers;
}

/** Interrupts random commands. @returns what went wrong */
async function interruptMany(place: Place): Promise<string[]> {
  const stages = new Map<string, Promise<Stage>>();
  const ends = Object.keys(place.ends);
  const seed = Number(process.env['DBOPS_SEED'] ?? Math.floor(Math.random() * 1e9));
  const wrong: string[] = [];
  for (let at = seed; at < seed + kills; at++) {
    const random = randomFrom(at);
    const scenario = random.pick(scenarios);
    const end = random.pick(ends);
    if (!scenario || end === undefined) throw new Error('no scenario');
    const stage = stages.get(scenario.name) ?? prepare(place, scenario);
    stages.set(scenario.name, stage);
    const fault = await interrupt(place, await stage, end, random);
    if (fault) wrong.push(`${scenario.name}, ${end}, DBOPS_SEED=${at}: ${fault}`);
  }
  return wrong;
}

describe.each(newest)(
  'a command that is interrupted on a server of its own, $name',
  ({ major }) => {
    let running: RunningServer;

    beforeAll(async () => {
      const user = serverUser();
      const folder = mkdtempSync(join(inject('scratch'), 'kills-'));
      await mkdir(folder, { recursive: true });
      giveTo(user, folder);
      running = await startServer(major, folder, user);
    });
    afterAll(() => running.stop());

    it(`ends as an undisturbed run does, after ${kills} random interruptions (DBOPS_CASES)`, async () => {
      expect(await interruptMany(placeOn(running.server.adminUrl))).toEqual([]);
    });
  },
);

describe.runIf(inject('pglite'))('a command that is interrupted on PGlite', () => {
  it(`ends as an undisturbed run does, after ${kills} random interruptions (DBOPS_CASES)`, async () => {
    expect(await interruptMany(embedded)).toEqual([]);
  });
});

const embedded: Place = {
  create(from) {
    const data = join(mkdtempSync(join(inject('databases'), 'kills-')), 'data');
    const source = from === undefined ? inject('emptyCluster') : from.slice('pglite:'.length);
    cpSync(source, data, { recursive: true });
    return Promise.resolve(`pglite:${data}`);
  },
  ends: {
    ...signals,
    'loss of the engine': ({ pid }) => {
      for (const engine of enginesOf(pid)) process.kill(engine, 'SIGKILL');
    },
  },
};

/** Databases of a server that may crash. */
function placeOn(adminUrl: string): Place {
  let count = 0;
  const admin = (sql: string) =>
    until(async () => {
      const client = new pg.Client(adminUrl);
      client.on('error', () => {});
      try {
        await client.connect();
        return (await client.query(sql)).rows;
      } catch (error) {
        if (error instanceof pg.DatabaseError && error.code !== '57P03') throw error;
        return undefined; // it recovers from a crash
      } finally {
        await client.end().catch(() => {});
      }
    });
  const backends = (url: string) =>
    admin(
      `SELECT pid FROM pg_stat_activity WHERE datname = '${nameOf(url)}' AND pid <> pg_backend_pid()`,
    );
  return {
    async create(from) {
      const name = `kills_${process.pid}_${count++}`;
      await admin(`CREATE DATABASE ${name} TEMPLATE ${from ? nameOf(from) : 'template0'}`);
      const url = new URL(adminUrl);
      url.pathname = name;
      return url.href;
    },
    ends: {
      ...signals,
      pg_terminate_backend: ({ url }) =>
        admin(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${nameOf(url)}'`,
        ),
      'crash of the server': async ({ url }) => {
        const [backend] = await backends(url);
        if (backend) process.kill(backend.pid, 'SIGKILL');
      },
    },
  };
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
