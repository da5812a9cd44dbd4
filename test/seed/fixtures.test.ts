import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeds } from '../../src/reference/seeds/index.ts';
import { monthsAround, spread } from '../../src/seed/months.ts';
import { chosenId } from '../../src/seed/identities.ts';
import { selectSets } from '../../src/seed/run.ts';
import { now } from './database.ts';

const { sets } = seeds;
const months = monthsAround(now);
const fixtures = sets.flatMap((set) => set.tables(months));
const texts = JSON.stringify(fixtures);

describe('chosenId', () => {
  it('returns the same id as every earlier version', () => {
    const table = { table: 'organizations', key: ['slug'], managed: [], rows: [] };
    const acme = { name: 'acme-studio', values: { slug: 'acme-studio-test' } };
    expect(chosenId(table, acme)).toBe('c89553c5-811a-5d68-934b-c490156cd7ca');
  });
});

describe('months', () => {
  it('spreads instants inside the span, in order', () => {
    const instant = fc.date({
      min: new Date('2000-01-01'),
      max: new Date('2100-01-01'),
      noInvalidDate: true,
    });
    const inside = fc.property(instant, fc.integer({ min: 1, max: 50 }), (clock, count) => {
      const { elapsed, current } = monthsAround(clock);
      const all = spread(elapsed, count);
      const sorted = all.every((date, index) => index === 0 || date >= (all[index - 1] ?? date));
      return sorted && all.every((date) => date >= current.from && date <= clock);
    });
    expect(() => fc.assert(inside)).not.toThrow();
  });
});

describe('selectSets', () => {
  it('adds what a set needs, in the order of the list', () => {
    expect(selectSets(sets, ['team']).map(({ name }) => name)).toEqual([
      'users',
      'plan-features',
      'team',
    ]);
    expect(selectSets(sets, ['users']).map(({ name }) => name)).toEqual(['users']);
    expect(selectSets(sets, [])).toEqual(sets);
  });

  it('rejects an unknown name', () => {
    expect(() => selectSets(sets, ['user'])).toThrow('Unknown seed set: user.');
  });
});

describe('the fixtures', () => {
  it('uses unique names in a table, and the same columns in its rows', () => {
    const names = fixtures.flatMap(({ table, rows }) => rows.map(({ name }) => `${table}:${name}`));
    expect(new Set(names).size).toBe(names.length);
    for (const { rows } of fixtures) {
      const shapes = rows.map(({ values }) => Object.keys(values).toSorted().join());
      expect(new Set(shapes).size).toBe(1);
    }
  });

  it('manages only columns that it sets', () => {
    for (const { managed, keptOnReset = [], rows } of fixtures) {
      expect(Object.keys(rows[0]?.values ?? {})).toEqual(
        expect.arrayContaining([...managed, ...keptOnReset]),
      );
    }
  });

  it('uses addresses of example.com only', () => {
    const domains = [...texts.matchAll(/@([\w.-]+)/g)].map(([, domain]) => domain);
    expect(new Set(domains)).toEqual(new Set(['example.com']));
  });

  it('uses Stripe test ids only', () => {
    const ids = texts.match(/\b(?:cus|sub|price|pi|cs|prod)_\w+/g) ?? [];
    expect(ids.filter((id) => !id.includes('_test_') && id !== 'price_cents')).toEqual([]);
  });
});
