import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { createProgress } from '../../src/output/progress.ts';
import { escapeControls, redact, stripControls } from '../../src/output/sanitise.ts';
import { screenOf } from '../../src/output/terminal.ts';
import { errorToText, toText } from '../../src/output/text.ts';
import type { Block } from '../../src/report.ts';

const hostile = {
  'a colour': '\u001b[31m',
  'a title': '\u001b]0;x\u0007',
  'an 8-bit control': '\u009b31m',
  'a backspace': '\b',
  'a carriage return': '\r',
  'a null': '\0',
  'a delete': '\u007f',
  'an override': '\u202e',
  'an isolate': '\u2066',
  'a mark': '\u200f',
  'an Arabic mark': '\u061c',
};
const control =
  // oxlint-disable-next-line no-control-regex -- the controls are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe('what strangers wrote', () => {
  it.each(Object.entries(hostile))('loses %s', async (_, text) => {
    expect(stripControls(`a${text}b`)).not.toMatch(control);
    const blocks: Block[] = [
      { kind: 'text', text },
      { kind: 'code', text },
      {
        kind: 'findings',
        findings: [
          {
            code: 'x',
            severity: 'error',
            message: text,
            help: text,
            key: text,
            where: { object: text, migration: text },
          },
        ],
      },
      {
        kind: 'table',
        title: text,
        columns: [{ key: 'a', label: 'a' }],
        rows: [{ a: text }],
        notes: [text],
      },
    ];
    expect(await toText(blocks, { color: false })).not.toMatch(control);
    const error = new DbopsError({
      code: 'X',
      exitCode: 1,
      message: text,
      reason: [text],
      hint: text,
    });
    expect(errorToText(error, { color: false }, true)).not.toMatch(control);
  });

  it.each([
    ['a colour', '\u001b[31mred\u001b[0m', 'red'],
    ['an 8-bit colour', '\u009b1;31mred', 'red'],
    ['a movement', 'a\u001b[2K\u001b[10;1Hb', 'ab'],
    ['a private mode', '\u001b[?25lhidden', 'hidden'],
  ])('loses the whole sequence of %s', (_, text, left) => {
    expect(stripControls(text)).toBe(left);
  });

  it('forges no line with a name', async () => {
    const name = 'a\nerror forged  0 applied';
    const finding = {
      code: 'x',
      severity: 'error' as const,
      message: `${name} is missing.\n    a detail of ours`,
      help: name,
      key: name,
      where: { object: name, migration: name },
    };
    const text = await toText(
      [
        { kind: 'findings', findings: [finding] },
        { kind: 'table', columns: [{ key: 'a', label: 'a' }], rows: [{ a: name }] },
      ],
      { color: false },
    );
    expect(text).not.toMatch(/^error forged/m);
    expect(text.split(String.raw`a\nerror forged`)).toHaveLength(5);
    expect(text).toContain('\n    a detail of ours');
  });

  it('keeps every letter, emoji and line', () => {
    const text = 'größer\tמשלוח 日本語 👩‍👩‍👧\n¡€ß';
    expect(stripControls(text)).toBe(text);
  });

  it('is escaped in JSON, and reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = escapeControls(JSON.stringify({ text }, null, 2));
        expect(json).not.toMatch(control);
        expect(JSON.parse(json)).toEqual({ text });
      }),
    );
  });
});

describe('redact', () => {
  it('removes every spelling of a secret, wherever it occurs', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (secret) => {
        const spellings = [secret, encodeURIComponent(secret)];
        const text = spellings.map((each) => `user=u password=${each}, "${each}"`).join('\n');
        for (const each of spellings) expect(redact(text, spellings)).not.toContain(`"${each}"`);
      }),
    );
  });

  it.each([
    ['postgres://u:secret@h/db', 'postgres://u:****@h/db'],
    ['postgres://u:se@cr/et@h/db', 'postgres://u:****@h/db'],
    ["'postgres://u:it's@h/db'", "'postgres://u:****@h/db'"],
    ['postgres://:secret@h', 'postgres://:****@h'],
    ['postgres://h/db?user=u&password=secret&a=b', 'postgres://h/db?user=u&password=****&a=b'],
  ])('knows a password by its place: %s', (text, redacted) => {
    expect(redact(text, [])).toBe(redacted);
  });

  it.each([
    'postgres://u@h:5432/db',
    'postgres://USER:PASSWORD@HOST:5432/DATABASE',
    'at http://localhost:3000 by ann@example.com',
  ])('leaves %s alone', (text) => {
    expect(redact(text, [])).toBe(text);
  });

  it('takes no letters out of other words', () => {
    expect(redact('hash 51234ab, port 12345, 1234', ['1234'])).toBe(
      'hash 51234ab, port 12345, ****',
    );
  });
});

describe('a terminal that says it has no columns', () => {
  it('is as wide as usual', () => {
    expect(screenOf({ isTTY: true, columns: 0, write() {} }, {}).width).toBe(80);
  });
});

describe('progress', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function progressOn(stream: { isTTY: boolean; columns?: number }, environment = {}) {
    let written = '';
    const write = (text: string) => (written += text);
    const progress = createProgress({ ...stream, write }, Date.now, environment);
    return {
      progress,
      after: (milliseconds: number) => void vi.advanceTimersByTime(milliseconds),
      written: () => written,
      print: write,
    };
  }

  it('is one line that is redrawn and cleared on a terminal, cut between words', () => {
    const { progress, after, written } = progressOn({ isTTY: true, columns: 20 });
    progress.update('replaced at once');
    after(50);
    progress.update('a line that is longer than the terminal');
    after(50);
    progress.clear();
    after(1_000);
    expect(written()).toBe('\r\u001b[Ka line that is …\r\u001b[K');
  });

  it.each([
    ['a pipe', { isTTY: false }, {}],
    ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }],
  ])('is a plain line every ten seconds on %s', (_, stream, environment) => {
    const { progress, after, written } = progressOn(stream, environment);
    after(9_000);
    progress.update('replaced');
    after(500);
    progress.update('10 %');
    after(1_500);
    progress.clear();
    after(20_000);
    expect(written()).toBe('10 %\n');
  });

  it('names the work that runs now, however soon it followed the one before', () => {
    const { progress, after, written } = progressOn({ isTTY: true, columns: 80 });
    after(200);
    progress.update('applying 0001_quick');
    progress.update('applying 0002_slow');
    after(100);
    expect(written().endsWith('\r\u001b[Kapplying 0002_slow')).toBe(true);
  });

  it('makes way for a printed line, and appears again below it', () => {
    const { progress, after, written, print } = progressOn({ isTTY: true, columns: 80 });
    after(200);
    progress.update('applying 0002_slow');
    progress.above(() => void print('a note\n'));
    after(100);
    expect(written()).toBe(
      '\r\u001b[Kapplying 0002_slow\r\u001b[Ka note\n\r\u001b[Kapplying 0002_slow',
    );
  });

  it('lets no application name drive the terminal', () => {
    const { progress, after, written } = progressOn({ isTTY: false });
    after(10_001);
    progress.update('waiting for \u001b[2Jpsql');
    after(10_000);
    expect(written()).toBe('waiting for psql\n');
  });
});
