import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { planDown, planUp, type Range } from '../../src/migrate/plan.ts';
import { compare, type MigrationStatus } from '../../src/runner/tracking-state.ts';
import type { AppliedMigration, Migration } from '../../src/migration.ts';

const migration = (number: number, stem = 'm'): Migration => {
  const name = `${String(number).padStart(4, '0')}_${stem}`;
  return {
    name,
    version: String(number),
    hash: `hash of ${name}`,
    up: { kind: 'sql', file: `${name}.up.sql`, sql: '' },
    down: { kind: 'sql', file: `${name}.down.sql`, sql: '' },
  };
};

const applied = ({ name, hash }: Migration): AppliedMigration => ({
  name,
  hash,
  appliedAt: new Date(0),
});

const namesOf = (migrations: readonly { name: string }[]) => migrations.map(({ name }) => name);

/** A folder, how many of its first migrations are applied, and a range. */
const situation = fc
  .uniqueArray(fc.nat(9_999), { maxLength: 20 })
  .map((numbers) => numbers.toSorted((a, b) => a - b).map((number) => migration(number)))
  .chain((folder) =>
    fc.record({
      folder: fc.constant(folder),
      count: fc.nat(folder.length),
      range: fc.record(
        {
          steps: fc.integer({ min: 1, max: 25 }),
          ...(folder.length > 0 && { to: fc.constantFrom(...namesOf(folder)) }),
        },
        { requiredKeys: [] },
      ) as fc.Arbitrary<Range>,
    }),
  );

describe('planUp', () => {
  it('plans a prefix of what is pending, in the order of the folder', () => {
    fc.assert(
      fc.property(situation, ({ folder, count, range }) => {
        const planned = planUp(compare(folder, folder.slice(0, count).map(applied)), range);
        expect(planned).toEqual(folder.slice(count, count + planned.length));
        expect(planned.length).toBeLessThanOrEqual(range.steps ?? Infinity);
        const { to } = range;
        if (to !== undefined) expect(namesOf(planned).every((name) => name <= to)).toBe(true);
        else expect(planned).toHaveLength(Math.min(range.steps ?? Infinity, folder.length - count));
      }),
    );
  });

  it('plans every pending one exactly once, whichever are applied, when order is no matter', () => {
    const anyApplied = situation.chain(({ folder }) =>
      fc.record({ folder: fc.constant(folder), done: fc.subarray(folder) }),
    );
    fc.assert(
      fc.property(anyApplied, ({ folder, done }) => {
        const planned = planUp(compare(folder, done.map(applied)), { allowOutOfOrder: true });
        expect(planned).toEqual(folder.filter((each) => !done.includes(each)));
      }),
    );
  });

  it('refuses whenever a pending one is older than an applied one', () => {
    const [a, b] = [migration(1), migration(2)];
    expect(() => planUp(compare([a, b], [applied(b)]))).toThrow(/older than one that is applied/);
  });
});

describe('planDown', () => {
  it('plans a suffix of what is applied, the newest first, and one by default', () => {
    fc.assert(
      fc.property(situation, ({ folder, count, range }) => {
        const done = folder.slice(0, count);
        const planned = planDown(compare(folder, done.map(applied)), range);
        expect(planned).toEqual(done.toReversed().slice(0, planned.length));
        const { to, steps } = range;
        if (to !== undefined) expect(namesOf(planned).every((name) => name > to)).toBe(true);
        else expect(planned).toHaveLength(Math.min(steps ?? 1, count));
      }),
    );
  });

  it('undoes what planUp did', () => {
    fc.assert(
      fc.property(situation, ({ folder, count, range }) => {
        const done = folder.slice(0, count);
        const up = planUp(compare(folder, done.map(applied)), range);
        fc.pre(up.length > 0);
        const after = compare(folder, [...done, ...up].map(applied));
        expect(planDown(after, { steps: up.length })).toEqual(up.toReversed());
      }),
    );
  });

  it('keeps the first for --to 0000 where that is its number', () => {
    const folder = [migration(0), migration(1)];
    const statuses = compare(folder, folder.map(applied));
    expect(namesOf(planDown(statuses, { to: '0000' }))).toEqual(['0001_m']);
    expect(namesOf(planDown(statuses, { to: '0' }))).toEqual(['0001_m', '0000_m']);
  });

  it('takes everything for --to 0', () => {
    fc.assert(
      fc.property(situation, ({ folder, count }) => {
        const done = folder.slice(0, count);
        const statuses = compare(folder, done.map(applied));
        const zeros = folder[0]?.version === '0' ? ['0'] : ['0', '0000'];
        for (const to of zeros) expect(planDown(statuses, { to })).toEqual(done.toReversed());
      }),
    );
  });
});

describe('compare', () => {
  const [a, b, c] = [migration(1), migration(2), migration(3)];

  it('lists every name of folder and table exactly once', () => {
    const rows = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 15 });
    fc.assert(
      fc.property(situation, rows, ({ folder }, recorded) => {
        const table = recorded.map((number) => applied(migration(number)));
        const names = namesOf(compare(folder, table));
        expect(new Set(names)).toEqual(new Set([...namesOf(folder), ...namesOf(table)]));
        expect(names).toHaveLength(new Set(names).size);
      }),
    );
  });

  it.each<[string, Migration[], AppliedMigration[], string[]]>([
    ['applied and pending', [a, b], [applied(a)], ['applied', 'pending']],
    ['an edit', [a], [{ ...applied(a), hash: 'another' }], ['edited']],
    ['a table without hashes', [a], [{ ...applied(a), hash: null }], ['applied']],
    ['a missing file', [b], [applied(a), applied(b)], ['applied', 'missing-file']],
    [
      'one out of order',
      [a, b, c],
      [applied(a), applied(c)],
      ['applied', 'out-of-order', 'applied'],
    ],
    ['a number used twice', [a, migration(1, 'z')], [], ['duplicate', 'duplicate']],
    ['one of two with a number', [a, migration(1, 'z')], [applied(a)], ['applied', 'duplicate']],
  ])('knows %s', (_, folder, table, states) => {
    expect(compare(folder, table).map(({ state }) => state)).toEqual(states);
  });
});

describe('a plan is refused', () => {
  const [a, b] = [migration(1), migration(2)];
  const edited = compare([a, b], [{ ...applied(a), hash: 'another' }]);
  const missing = compare([b], [applied(a), applied(b)]);

  it.each<[string, () => unknown, number, RegExp]>([
    ['up after an edit', () => planUp(edited), 6, /0001_m: edited/],
    ['down after an edit', () => planDown(edited), 6, /0001_m: edited/],
    [
      'up without a file',
      () => planUp(missing),
      6,
      /0001_m: applied, but its file no longer exists/,
    ],
    [
      'down without a file',
      () => planDown(missing),
      6,
      /0001_m: applied, but its file no longer exists/,
    ],
    ['two of a number', () => planUp(compare([a, migration(1, 'z')], [])), 2, /0001_z/],
    ['an unknown --to', () => planUp(compare([a], []), { to: '7' }), 2, /Migration not found: 7/],
    [
      'an ambiguous --to',
      () =>
        planUp(
          compare(
            [migration(1, 'x'), migration(1, 'y')],
            [applied(migration(1, 'x')), applied(migration(1, 'y'))],
          ),
          { to: '1' },
        ),
      2,
      /matches 2 migrations/,
    ],
  ])('for %s', (_, plan, exitCode, words) => {
    const error = errorOf(plan);
    expect(error.exitCode).toBe(exitCode);
    expect([error.message, ...error.reason].join('\n')).toMatch(words);
    expect(error.hint).not.toBe('');
  });
});

describe('--to', () => {
  const folder = [migration(1, 'users'), migration(7, 'orders'), migration(10, 'orders_index')];
  const statuses: MigrationStatus[] = compare(folder, []);

  it.each([
    ['0007_orders', 2],
    ['0007', 2],
    ['7', 2],
    ['0007_or', 2],
    ['10', 3],
    ['1', 1],
  ])('%s finds its migration', (to, count) => {
    expect(planUp(statuses, { to })).toHaveLength(count);
  });

  it.each(['0', '8', 'orders', '0007_orders_and_more'])('%s finds none', (to) => {
    expect(errorOf(() => planUp(statuses, { to })).code).toBe('MIGRATION.UNKNOWN');
  });
});

function errorOf(work: () => unknown): DbopsError {
  try {
    work();
  } catch (error) {
    if (error instanceof DbopsError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
