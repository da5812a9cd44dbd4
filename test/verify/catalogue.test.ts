import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixedSettings } from '../../src/catalog/snapshot.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { checks } from '../../src/verify/checks/index.ts';
import { thresholdsSchema } from '../../src/verify/declaration.ts';
import { runCatalogue } from '../../src/verify/run-catalogue.ts';
import { createDatabase, targets, type Database } from '../db/targets.ts';
import type { CatalogueExample } from './catalogue-examples/example.ts';
import { catalogueExamples } from './catalogue-examples/index.ts';

type Given = Pick<CatalogueExample, 'thresholds' | 'settings'>;

const examples = Object.entries(catalogueExamples).flatMap(([check, all]) =>
  all.map((example) => ({ check, ...example })),
);

/** What `--explain` shows; one with a comment needs more than its SQL. */
const explained = checks.flatMap(({ name, example }) =>
  example === undefined || example.includes(' -- ') ? [] : [{ check: name, sql: example }],
);

// The state of a server is none that a transaction can roll back: server-checks.test.ts has its examples.
const withExamples = checks.filter(({ group }) => group !== 'server');

it.each(withExamples)('has examples of what $name reports and of what it does not', ({ name }) => {
  const found = catalogueExamples[name]?.map(({ finds }) => finds.length > 0) ?? [];
  expect(found).toContain(true);
  expect(found).toContain(false);
});

describe.each(targets)('the catalogue on $name', (target) => {
  let database: Database;
  let session: Session;

  beforeAll(async () => {
    database = await createDatabase(target);
    session = await openSession(parseTarget(database.url), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
  });

  afterAll(async () => {
    await session.close();
    await database.drop();
  });

  /** Returns what one check finds, in the transaction of the example. */
  async function findingsOf(name: string, { thresholds = {}, settings }: Given = {}) {
    await session.script(fixedSettings);
    const input = {
      session,
      isReplay: false,
      replicas: [],
      thresholds: thresholdsSchema.parse(thresholds),
      ...settings,
    };
    const found = await runCatalogue(
      checks.filter((check) => check.name === name),
      input,
    );
    await session.script('SET LOCAL search_path = public');
    return found;
  }

  it.each(explained)('$check reports the example of its explanation', async ({ check, sql }) => {
    try {
      await session.script(`BEGIN; SET LOCAL search_path = public; ${sql}`);
      const found = await findingsOf(check);
      expect(found.map(({ code }) => code)).toContain(check);
    } finally {
      await session.script('ROLLBACK');
    }
  });

  it.for(examples)(
    '$check: $title',
    async ({ check, sql, finds, says, severities, since, unless, unfixed, ...given }, { skip }) => {
      if (unless === target.name) skip(`${unless} lacks what it needs`);
      if (since !== undefined && session.server.major < since)
        skip(`the syntax needs PostgreSQL ${since}`);
      try {
        await session.script(`BEGIN; SET LOCAL search_path = public; ${sql}`);
        const found = await findingsOf(check, given);
        expect(found.map(({ key }) => key)).toEqual(finds);
        const { severity } = checks.find(({ name }) => name === check) ?? {};
        expect(found.map((each) => each.severity)).toEqual(severities ?? found.map(() => severity));
        for (const [at, part] of (says ?? []).entries()) expect(found[at]?.message).toContain(part);
        const fixes = found.flatMap(({ fix }) => fix ?? []);
        if (unfixed !== undefined || fixes.length === 0) return;
        // CONCURRENTLY runs outside transactions only.
        await session.script(fixes.join('\n').replaceAll(' CONCURRENTLY', ''));
        const fixed = new Set(found.flatMap(({ key, fix }) => (fix === undefined ? [] : [key])));
        expect((await findingsOf(check, given)).filter(({ key }) => fixed.has(key))).toEqual([]);
      } finally {
        await session.script('ROLLBACK');
      }
    },
  );
});
