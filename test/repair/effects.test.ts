import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOf, type Delta } from '../../src/catalog/deltas.ts';
import type { SchemaObject } from '../../src/catalog/kinds/kind.ts';
import {
  effectsOf as effectsOfSnapshots,
  timelinesOf,
  type Effects,
} from '../../src/repair/effects.ts';
import { solve } from '../../src/repair/solve.ts';
import type { Showing } from '../../src/repair/world.ts';

/** What each migration gives to each of a few facts; nothing where it leaves one alone. */
type Script = (string | null | undefined)[];

const facts = ['a', 'b', 'c', 'd'];
const object = { kind: 'table', schema: 'public', parent: '', name: 't' };
const script = fc.array(fc.constantFrom(undefined, undefined, null, '1', '2', '3'), {
  minLength: facts.length,
  maxLength: facts.length,
});
const scripts = fc.array(script, { minLength: 1, maxLength: 8 });

/** The folder as its replay shows it. `null` removes. */
function effectsOf(folder: readonly Script[]): Effects {
  const state = new Map<string, string | undefined>();
  const deltas = folder.map((values) =>
    facts.flatMap((fact, at): Delta[] => {
      const value = values[at];
      const before = state.get(fact);
      const after = value === undefined ? before : (value ?? undefined);
      state.set(fact, after);
      return before === after
        ? []
        : [{ fact, object: { ...object, name: fact }, word: '', before, after }];
    }),
  );
  return { deltas, timelines: timelinesOf(deltas) };
}

/** The catalog after these of them. */
function liveAfter({ deltas }: Effects, applied: readonly boolean[]) {
  const live = new Map<string, string | undefined>();
  for (const [at, ofMigration] of deltas.entries())
    if (applied[at]) for (const { fact, after } of ofMigration) live.set(fact, after);
  return (fact: string) => live.get(fact);
}

const nothing = (folder: readonly unknown[]) => ({
  recorded: folder.map(() => false),
  changesData: folder.map(() => false),
});

const flags = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });

const seen = (showings: readonly Showing[]) =>
  showings.every((each) => each === 'in' || each === 'overwritten');

describe('which migrations give a catalog', () => {
  it('shows every recorded migration of an undamaged database as whole, whatever the folder changes again', () => {
    fc.assert(
      fc.property(scripts, flags, flags, (folder, truth, changesData) => {
        const effects = effectsOf(folder);
        const recorded = folder.map((_, at) => truth[at] === true);
        const { applied, showings } = solve(effects, liveAfter(effects, recorded), {
          recorded,
          changesData,
        });
        for (const [at, isRecorded] of recorded.entries()) {
          if (!isRecorded) continue;
          expect(applied[at]).toBe(true);
          expect(showings[at]).toSatisfy(seen);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('contradicts no migration that ran, and proves none that did not, whichever rows are deleted', () => {
    fc.assert(
      fc.property(scripts, fc.nat(8), flags, flags, (folder, length, kept, changesData) => {
        const effects = effectsOf(folder);
        const truth = folder.map((_, at) => at < length);
        const recorded = truth.map((hasRun, at) => hasRun && kept[at] === true);
        const { applied, possible, showings } = solve(effects, liveAfter(effects, truth), {
          recorded,
          changesData,
        });
        for (const [at, hasRun] of truth.entries()) {
          if (!hasRun) expect(applied[at]).toBe(false);
          if (!hasRun) continue;
          expect(possible[at]).toBe(true);
          expect(showings[at]).toSatisfy(seen);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('keeps what a fact that was changed by hand contradicts in part', () => {
    const folder = [['1', '1'], ['2']].map((values) => facts.map((_, at) => values[at]));
    const effects = effectsOf(folder);
    const live = (fact: string) => (fact === 'a' ? undefined : liveAfter(effects, [true])(fact));
    const solved = solve(effects, live, { recorded: [true, true], changesData: [false, false] });
    expect(solved.applied).toEqual([true, true]);
  });

  it('finds a recorded migration that never ran, and what it would have removed', () => {
    const folder = [['1'], ['2'], [undefined, '1']].map((values) =>
      facts.map((_, at) => values[at]),
    );
    const effects = effectsOf(folder);
    const recorded = [true, true, true];
    const solved = solve(effects, liveAfter(effects, [true]), { ...nothing(folder), recorded });
    expect(solved.applied).toEqual([true, false, false]);
  });

  it('proves what a later migration could not have run without', () => {
    const folder = [['1'], [null], [undefined, '1']].map((values) =>
      facts.map((_, at) => values[at]),
    );
    const effects = effectsOf(folder);
    const prior = { recorded: [false, true, true], changesData: [true, false, false] };
    const live = liveAfter(effects, [true, true, true]);
    expect(solve(effects, live, prior).applied).toEqual([false, true, true]);
    const strict = [true, true, true];
    expect(solve(effects, live, { ...prior, strict }).applied).toEqual([true, true, true]);
  });

  it('explains every fact that some set of migrations explains', () => {
    fc.assert(
      fc.property(
        scripts,
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        (folder, truth) => {
          const effects = effectsOf(folder);
          const live = liveAfter(effects, truth);
          const { applied, possible, showings } = solve(effects, live, nothing(folder));
          for (const [at, ofMigration] of effects.deltas.entries()) {
            const isWhole = (showings[at] ?? []).every(
              (each) => each === 'in' || each === 'overwritten',
            );
            if (!applied[at] || !isWhole) continue;
            for (const [index, { fact, after }] of ofMigration.entries()) {
              if (showings[at]?.[index] === 'in') expect(live(fact)).toBe(after);
              else
                expect(
                  (effects.timelines.get(fact) ?? []).some(
                    (step) => step.at > at && possible[step.at],
                  ),
                ).toBe(true);
            }
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('finds every migration of a first part whose values only it gives', () => {
    const unique = fc.array(fc.subarray(facts, { minLength: 1 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(unique, fc.nat(8), (touched, length) => {
        const folder = touched.map((own, at) =>
          facts.map((fact) => (own.includes(fact) ? `value ${at}` : undefined)),
        );
        const effects = effectsOf(folder);
        const truth = folder.map((_, at) => at < length);
        const { applied } = solve(effects, liveAfter(effects, truth), nothing(folder));
        expect(applied).toEqual(truth);
      }),
      { numRuns: 1_000 },
    );
  });

  it('proves nothing by what another migration only may have changed', () => {
    const folder = [
      ['1', '1'],
      [undefined, undefined, '1'],
    ].map((values) => facts.map((_, at) => values[at]));
    const effects = effectsOf(folder);
    const doubts = [undefined, () => true];
    for (const recorded of [
      [false, true],
      [false, false],
    ]) {
      const prior = { recorded, changesData: [false, false], doubts };
      const half = (fact: string) => (fact === 'b' ? undefined : '1');
      expect(solve(effects, half, prior).showings[0]).toEqual(['in', 'unclear']);
      const absent = (fact: string) => (fact === 'c' ? '1' : undefined);
      const solved = solve(effects, absent, prior);
      expect(solved.applied[0]).toBe(false);
      expect(solved.possible[0]).toBe(true);
    }
  });

  it('keeps a recorded migration that another one may have undone', () => {
    const folder = [['1'], [undefined, '1']].map((values) => facts.map((_, at) => values[at]));
    const effects = effectsOf(folder);
    const prior = {
      recorded: [true, true],
      changesData: [false, false],
      doubts: [undefined, () => true],
    };
    const live = (fact: string) => (fact === 'b' ? '1' : undefined);
    expect(solve(effects, live, prior).applied).toEqual([true, true]);
  });

  it('does not prove a migration by a later one that should have carried its effect on', () => {
    // a is the constraint of a table, b the same one after the table was renamed.
    const folder = [['1'], [null, '1', '1'], [undefined, undefined, undefined, '1']].map((values) =>
      facts.map((_, at) => values[at]),
    );
    const effects = effectsOf(folder);
    const prior = { recorded: [false, true, true], changesData: [false, false, false] };
    const without = (fact: string) => (fact === 'c' || fact === 'd' ? '1' : undefined);
    expect(solve(effects, without, prior).applied).toEqual([false, true, true]);
    const whole = liveAfter(effects, [true, true, true]);
    expect(solve(effects, whole, prior).applied).toEqual([true, true, true]);
  });

  it('does not prove a strict migration that drops what cannot have existed', () => {
    const folder = [['1', '1'], [null], [undefined, undefined, '1']].map((values) =>
      facts.map((_, at) => values[at]),
    );
    const effects = effectsOf(folder);
    const live = (fact: string) => (fact === 'c' ? '1' : undefined);
    const prior = { recorded: [false, false, true], changesData: [false, false, false] };
    const strict = [true, true, true];
    expect(solve(effects, live, { ...prior, strict }).applied).toEqual([false, false, true]);
    // Nor one that drops what only such a one creates.
    const chain = [['1', '1'], [null, undefined, '2'], [undefined, undefined, null], []].map(
      (values) => facts.map((_, at) => values[at]),
    );
    const last = {
      recorded: [false, false, false, true],
      changesData: chain.map(() => false),
      strict: chain.map(() => true),
    };
    const none = solve(effectsOf(chain), () => undefined, last);
    expect(none.applied).toEqual([false, false, false, true]);
  });

  it('does not take for removed what a renamed table took along', () => {
    const effects = effectsOfSnapshots([[], [objectOf('constraint t.a')], []]);
    const prior = { recorded: [true, false], changesData: [false, false] };
    expect(solve(effects, () => undefined, prior).applied).toEqual([true, true]);
    const strays = new Set(['constraint a']);
    expect(solve(effects, () => undefined, { ...prior, strays }).applied).toEqual([true, false]);
  });

  it('leaves open what a doubtful migration may have made, where a later one carries it on', () => {
    const folder = [['1'], ['2']].map((values) => facts.map((_, at) => values[at]));
    const effects = effectsOf(folder);
    const prior = { ...nothing(folder), doubts: [() => true, undefined] };
    expect(solve(effects, () => undefined, prior).showings).toEqual([['unclear'], ['unclear']]);
  });

  it('proves a function whose file has other line endings now', () => {
    const source = (text: string) => objectOf('function f()', { source: text });
    const effects = effectsOfSnapshots([[], [source('BEGIN\r\n  RETURN 1;\r\nEND')]]);
    const live = factsOf([source('BEGIN\n  RETURN 1;\nEND')]);
    const solved = solve(effects, live, nothing([1]));
    expect(solved.applied).toEqual([true]);
    expect(solved.showings.flat()).toSatisfy(seen);
  });

  it('is not misled by drift: values that no migration gives prove none', () => {
    fc.assert(
      fc.property(scripts, (folder) => {
        const effects = effectsOf(folder);
        const { applied, showings } = solve(effects, () => 'by hand', nothing(folder));
        expect(applied).not.toContain(true);
        expect(showings.flat().every((showing) => showing === 'different')).toBe(true);
      }),
    );
  });

  it('takes what leaves no trace for run before what is there, unless it changes rows', () => {
    const made = [['1'], [null], [undefined, '1']].map((values) =>
      facts.map((_, at) => values[at]),
    );
    const effects = effectsOf(made);
    const live = liveAfter(effects, [true, true, true]);
    expect(solve(effects, live, nothing(made)).applied).toEqual([true, true, true]);
    const changesData = [true, true, false];
    const careful = solve(effects, live, { ...nothing(made), changesData });
    expect(careful.applied).toEqual([false, false, true]);
  });
});

/** An object of schema public; `kind parent.name`, or `kind name` without a table. */
function objectOf(text: string, properties: Record<string, string> = {}): SchemaObject {
  const [kind = '', path = ''] = text.split(' ');
  const [name = '', parent = ''] = path.split('.').toReversed();
  return { kind, schema: 'public', parent, name, properties, expressions: {} };
}

describe('what a migration drops', () => {
  const table = objectOf('table t');
  const check = objectOf('constraint t.positive', { check: 'a > 0' });
  const strict = { changesData: [false, false, false, false], strict: [true, true, true, true] };

  it('proves nothing where its creator never ran', () => {
    const [other, last] = [objectOf('column t.other'), objectOf('table last')];
    const effects = effectsOfSnapshots([
      [],
      [table],
      [table, other, check],
      [table, other],
      [table, other, last],
    ]);
    const recorded = [true, false, false, true];
    const solved = solve(effects, factsOf([table, last]), { ...strict, recorded });
    expect(solved.applied).toEqual([true, false, false, true]);
  });

  it('proves nothing where a rename would have changed it and it never existed', () => {
    const renamed = objectOf('constraint t.positive', { check: 'b > 0' });
    const [before, after] = [objectOf('column t.a'), objectOf('column t.b')];
    const other = objectOf('column t.other');
    const effects = effectsOfSnapshots([
      [],
      [table, before],
      [table, before, other, check],
      [table, after, other, renamed],
      [table, after, other],
    ]);
    const recorded = [true, false, true, false];
    const solved = solve(effects, factsOf([table, after]), { ...strict, recorded });
    expect(solved.applied).toEqual([true, false, true, false]);
  });

  it('is created again by a later migration that ran in part, where all that was on it is missing', () => {
    const trigger = objectOf('trigger t.stamp');
    const index = objectOf('index t.t_id');
    const label = objectOf('type mood');
    const snapshots = [[], [table, trigger], [label], [label, table, index]];
    const recorded = [false, false, false];
    const solved = solve(effectsOfSnapshots(snapshots), factsOf([label, table]), {
      ...strict,
      recorded,
    });
    expect(solved.applied).toEqual([true, true, true]);
    expect(solved.showings.map((each) => each.includes('out'))).toEqual([false, false, true]);
  });

  it('is what the next migration removed that ran in part, where a later one than its creator was run', () => {
    const index = objectOf('index t.t_id');
    const [other, late] = [objectOf('table other'), objectOf('table late')];
    const effects = effectsOfSnapshots([
      [],
      [table, index],
      [table, index, other],
      [table, other, late],
    ]);
    const recorded = [false, false, false];
    const solved = solve(effects, factsOf([table, other]), { ...strict, recorded });
    expect(solved.applied).toEqual([true, true, true]);
    expect(solved.showings.map((each) => each.includes('out'))).toEqual([false, false, true]);
  });

  it('proves nothing where all that its creator made may be missing for another reason', () => {
    const [gone, column, last] = [
      objectOf('table gone'),
      objectOf('column gone.a'),
      objectOf('table last'),
    ];
    const other = objectOf('column t.other');
    const effects = effectsOfSnapshots([
      [table],
      [table, other, gone],
      [table, other, gone, column],
      [table, other],
      [table, other, last],
    ]);
    const solved = solve(effects, factsOf([table, last]), {
      recorded: [false, false, false, true],
      changesData: [false, false, true, false],
      strict: [true, true, true, true],
      strangersUntil: 3,
    });
    expect(solved.applied).toEqual([false, false, false, true]);
  });

  it('proves no change of a column whose creation is not proven', () => {
    const [column, last] = [objectOf('column t.a'), objectOf('table last')];
    const withDefault = objectOf('column t.a', { default: '2' });
    const effects = effectsOfSnapshots([
      [table],
      [table, column],
      [table, withDefault],
      [table],
      [table, last],
    ]);
    const prior = { recorded: [false, false, false, true], strict: [true, true, true, true] };
    const live = factsOf([table, last]);
    const byOrder = solve(effects, live, { ...prior, changesData: [false, false, false, false] });
    expect(byOrder.applied).toEqual([true, true, true, true]);
    const unknown = solve(effects, live, { ...prior, changesData: [true, false, false, false] });
    expect(unknown.applied).toEqual([false, false, false, true]);
  });
});
