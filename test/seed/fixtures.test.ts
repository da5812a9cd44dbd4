import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sets, setsNamed } from '../../src/seed/index.ts';
import { monthsAround, spread } from '../../src/seed/months.ts';
import { uuid5 } from '../../src/seed/uuid.ts';
import { now } from './database.ts';

const months = monthsAround(now);
const fixtures = sets.flatMap((set) => set.tables(months));
const texts = JSON.stringify(fixtures);

describe('uuid5', () => {
  it('makes the id of RFC 9562, appendix A.4', () => {
    const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
    expect(uuid5('www.example.com', dns)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('makes valid ids of version 5, the same for the same name', () => {
    const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    const valid = (name: string) => shape.test(uuid5(name)) && uuid5(name) === uuid5(name);
    const check = () => fc.assert(fc.property(fc.string({ unit: 'binary' }), valid));
    expect(check).not.toThrow();
  });
});

describe('months', () => {
  it('spread instants inside the span, in order', () => {
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

describe('setsNamed', () => {
  it('adds what a set needs, in the order of the list', () => {
    expect(setsNamed(['team']).map(({ name }) => name)).toEqual(['users', 'plan-features', 'team']);
    expect(setsNamed(['users']).map(({ name }) => name)).toEqual(['users']);
    expect(setsNamed([])).toEqual(sets);
  });

  it('refuses a name that no set has', () => {
    expect(() => setsNamed(['user'])).toThrow('There is no seed set user.');
  });
});

describe('the fixtures', () => {
  it('have unique names in a table, and the same columns in its rows', () => {
    const names = fixtures.flatMap(({ table, rows }) => rows.map(({ name }) => `${table}:${name}`));
    expect(new Set(names).size).toBe(names.length);
    for (const { rows } of fixtures) {
      const shapes = rows.map(({ values }) => Object.keys(values).toSorted().join());
      expect(new Set(shapes).size).toBe(1);
    }
  });

  it('manage only columns that they give', () => {
    for (const { managed, lasting = [], rows } of fixtures) {
      expect(Object.keys(rows[0]?.values ?? {})).toEqual(
        expect.arrayContaining([...managed, ...lasting]),
      );
    }
  });

  it('write to example.com only', () => {
    const domains = [...texts.matchAll(/@([\w.-]+)/g)].map(([, domain]) => domain);
    expect(new Set(domains)).toEqual(new Set(['example.com']));
  });

  it('hold Stripe test ids only', () => {
    const ids = texts.match(/\b(?:cus|sub|price|pi|cs|prod)_\w+/g) ?? [];
    expect(ids.filter((id) => !id.includes('_test_') && id !== 'price_cents')).toEqual([]);
  });
});
