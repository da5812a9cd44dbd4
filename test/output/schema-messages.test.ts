import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { issueLines } from '../../src/output/issues.ts';
import { speakPlainly } from '../../src/output/schema-messages.ts';

speakPlainly();

describe('a value that a schema refuses', () => {
  const cases: [string, z.ZodType, unknown, string][] = [
    ['text', z.string(), 1, 'expected text, found a number'],
    ['text that is missing', z.string(), undefined, 'expected text, found nothing'],
    ['a whole number', z.number().int(), 1.5, 'expected a whole number, found a number'],
    ['a whole number as text', z.int(), '1', 'expected a number, found text'],
    ['a list', z.array(z.string()), {}, 'expected a list, found an object'],
    ['an object', z.object({}), null, 'expected an object, found null'],
    ['a choice', z.enum(['a', 'b']), 'c', 'expected one of a, b'],
    ['a single choice', z.literal('over'), 'x', 'expected over'],
    ['text that is not empty', z.string().min(1), '', 'expected text that is not empty'],
    ['a least number', z.number().min(2), 1, 'expected a number of at least 2'],
    ['a longest list', z.array(z.number()).max(1), [1, 2], 'expected at most 1 entries'],
    ['known keys', z.strictObject({ a: z.string() }), { a: '', b: 1, c: 2 }, 'unknown keys: b, c'],
    ['one of two types', z.union([z.string(), z.number()]), true, 'expected text or a number'],
    ['a form', z.iso.date(), 'soon', 'has an invalid form'],
    ['its own message', z.string('expected a name'), 1, 'expected a name'],
  ];

  it.each(cases)('is described as %s', (_, schema, value, message) => {
    const { error } = schema.safeParse(value);
    expect(error && issueLines(error)).toEqual([message]);
  });

  it('is named by its path', () => {
    const schema = z.object({ backfills: z.object({ targets: z.array(z.string()) }) });
    const { error } = schema.safeParse({ backfills: { targets: ['a', 1] } });
    expect(error && issueLines(error)).toEqual([
      'backfills.targets.1: expected text, found a number',
    ]);
  });

  it('never gets a sentence of zod', () => {
    const schemas = [
      z.string(),
      z.number(),
      z.boolean(),
      z.array(z.string()),
      z.record(z.string(), z.string()),
      z.enum(['a']),
      z.literal(1),
      z.date(),
      z.tuple([z.string()]),
      z.email(),
      z.url(),
      z.uuid(),
      z.string().regex(/a/),
      z.number().multipleOf(2),
      z.map(z.string(), z.string()),
      z.set(z.string()),
      z.never(),
      z.nan(),
      z.undefined(),
    ];
    const values = [undefined, null, 1, 'text', true, [], {}, new Date(0), 1n, Number.NaN];
    for (const schema of schemas)
      for (const value of values)
        for (const { message } of schema.safeParse(value).error?.issues ?? [])
          expect(message).not.toMatch(/Invalid|Too |received|must match|Unrecognized|Expected/);
  });
});
