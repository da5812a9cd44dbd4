import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differencesOf, judgeIn } from '../../src/catalog/differences.ts';
import { fullSnapshot, inScratchTransaction, objectName } from '../../src/catalog/snapshot.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { cases } from '../cases.ts';
import { createDatabase, targets, type Database } from '../db/targets.ts';

/** Parts of a definition, of which any two different ones mean something different. */
const predicates = [
  'n > 0',
  `v IN ('a', 'b')`,
  `v IN ('a', 'b', 'c')`,
  `d < '2020-01-02'`,
  'v IS NULL',
];
const keys = ['n', 'v', 'n, v', 'v, n', 'n DESC', 'lower(v)', 'v text_pattern_ops'];
const actions = ['CASCADE', 'SET NULL', 'RESTRICT'];

const check = fc.constantFrom(...predicates).map((text) => `CHECK (${text})`);
const unique = fc.constantFrom('n', 'v', 'v, n').map((columns) => `UNIQUE (${columns})`);
const foreign = fc
  .constantFrom(...actions)
  .map((action) => `FOREIGN KEY (n) REFERENCES target (id) ON DELETE ${action}`);
const index = fc
  .tuple(
    fc.constantFrom('', 'UNIQUE '),
    fc.constantFrom(...keys),
    fc.constantFrom('', ...predicates.map((text) => ` WHERE ${text}`)),
  )
  .map((parts) => parts.join('|'));
const object = fc.oneof(check, unique, foreign, index);
const names = ['plain', 'Upper Case', 'a ON b', 'x INDEX y ON z', 'quote"d', 'select'];

interface Member {
  table: string;
  name: string;
  definition: string;
}

const member = fc.record({
  table: fc.constantFrom('one', 'Two ON "x"'),
  name: fc.constantFrom(...names),
  definition: object,
});
const schema = fc.uniqueArray(member, { selector: ({ name }) => name, maxLength: 6 });

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

function statementOf({ table, name, definition }: Member): string {
  const [kind = '', columns, predicate = ''] = definition.split('|');
  return columns === undefined
    ? `ALTER TABLE ${quoted(table)} ADD CONSTRAINT ${quoted(name)} ${definition}`
    : `CREATE ${kind}INDEX ${quoted(name)} ON ${quoted(table)} (${columns})${predicate}`;
}

function scriptOf(members: Member[]): string {
  const columns = '(n int, v varchar(9), d date)';
  return [
    'DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE target (id int PRIMARY KEY)',
    `CREATE TABLE one ${columns}; CREATE TABLE "Two ON ""x""" ${columns}`,
    ...members.map(statementOf),
  ].join(';\n');
}

describe.each(targets.slice(-1))('small schemas on $name', (target) => {
  let database: Database;
  let live: Session;
  let shadow: Session;

  beforeAll(async () => {
    const options = { application: 'dbops test', path: 'DEFAULT' };
    database = await createDatabase(target);
    live = await openSession(parseTarget(database.url), options);
    shadow = await openSession({ kind: 'pglite', directory: null }, options);
  });

  afterAll(async () => {
    await Promise.all([live.close(), shadow.close()]);
    await database.drop();
  });

  /** The objects that are found to be other than expected. */
  async function differences(expected: Member[], actual: Member[]): Promise<string[]> {
    await Promise.all([shadow.script(scriptOf(expected)), live.script(scriptOf(actual))]);
    const found = await inScratchTransaction(live, () => fullSnapshot(live));
    return inScratchTransaction(shadow, async () => {
      const made = await fullSnapshot(shadow);
      const all = await differencesOf(made, found, judgeIn(shadow));
      return all.map((difference) => objectName(difference.object));
    });
  }

  const shown = ({ table, name }: Member) =>
    objectName({ kind: 'index', schema: 'public', parent: table, name });

  it(
    'are as they should be, or the one mutation is found and nothing else',
    async () => {
      const mutation = fc.record({ at: fc.nat(), to: fc.option(object) });
      const property = fc.asyncProperty(schema, mutation, async (members, { at, to }) => {
        expect(await differences(members, members)).toEqual([]);
        const victim = members[at % members.length];
        if (!victim || victim.definition === to) return;
        const others = members.filter((each) => each !== victim);
        const mutated = to === null ? others : [...others, { ...victim, definition: to }];
        const found = await differences(members, mutated);
        expect(new Set(found)).toEqual(new Set([shown(victim)]));
      });
      await fc.assert(property, { numRuns: cases(25) });
    },
    60_000 + cases(25) * 1_000,
  );
});
