import { describe, expect, it } from 'vitest';
import { createPacer, firstCommits, type Pacer } from '../../src/backfill/pacing.ts';

/** A pacer of a server on which a commit takes 4 ms before the run. */
function pacerAt4ms(): Pacer {
  const pacer = createPacer();
  for (let at = 0; at < firstCommits; at++) pacer.record(4);
  return pacer;
}

describe('pacing', () => {
  it('pauses while commits take more than three times as long as before the run', () => {
    const pacer = pacerAt4ms();
    for (let at = 0; at < 20; at++) expect(pacer.rest(50)).toBe(0);
    pacer.record(13);
    expect(pacer.rest(50)).toBe(100);
    expect(pacer.reason()).toBe(
      'slowed down: a commit takes 13 ms, and took 4.0 ms before the run',
    );
    pacer.record(5);
    expect(pacer.rest(50)).toBe(0);
    expect(pacer.reason()).toBeUndefined();
    expect(pacer.report()).toEqual({ paused: 100, idle: 4, slowest: 13 });
  });

  it('pauses for at most a fifth of the work, however slow commits are', () => {
    const pacer = pacerAt4ms();
    pacer.record(400);
    for (let at = 0; at < 1_000; at++) pacer.rest(50);
    expect(pacer.report().paused).toBeCloseTo(10_000, 0);
  });

  it('does not pause before it knows how long a commit takes on an idle server', () => {
    const pacer = createPacer();
    pacer.record(4);
    pacer.record(400);
    expect(pacer.rest(50)).toBe(0);
  });

  it('does not take one slow commit before the run for the speed of the server', () => {
    const pacer = createPacer();
    for (const milliseconds of [4, 90, 4, 4, 5]) pacer.record(milliseconds);
    expect(pacer.report().idle).toBe(4);
  });
});
