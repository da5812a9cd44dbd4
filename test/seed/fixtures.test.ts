import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seedId } from '../../src/reference/seeds/ids.ts';
import { monthsAround, spread } from '../../src/reference/seeds/months.ts';
import { now, setsAt } from './database.ts';

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

describe('the seeds of the bundled application', () => {
  it('use the ids of every earlier version', () => {
    expect(seedId('organizations', 'acme-studio')).toBe('c89553c5-811a-5d68-934b-c490156cd7ca');
  });

  it('use addresses of example.com and Stripe test ids only', async () => {
    const values = (await setsAt(now)).flatMap((each) =>
      each.kind === 'rows' ? each.set.rows.flatMap((row) => [...row.values.values()]) : [],
    );
    const texts = JSON.stringify(values);
    const domains = [...texts.matchAll(/@([\w.-]+)/g)].map(([, domain]) => domain);
    expect(new Set(domains)).toEqual(new Set(['example.com']));
    const ids = texts.match(/\b(?:cus|sub|price|pi|cs|prod)_\w+/g) ?? [];
    expect(ids.length).toBeGreaterThan(5);
    expect(ids.filter((id) => !id.includes('_test_'))).toEqual([]);
  });
});
