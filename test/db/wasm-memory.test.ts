import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withShadow } from '../../src/shadow/shadow.ts';
import { enginesOf } from './engines.ts';

const megabytes = (kilobytes: number) => Math.round(kilobytes / 1_024);

/** Statements like those of many migrations. */
const tables = Array.from(
  { length: 400 },
  (
    _,
    at,
  ) => `CREATE TABLE t${at} (id int PRIMARY KEY, name text NOT NULL DEFAULT 'a', at timestamptz);
    ALTER TABLE t${at} ADD COLUMN more numeric(10, 2) CHECK (more > 0);
    CREATE INDEX ON t${at} (name, at DESC) WHERE more IS NOT NULL;`,
);

// V8's optimizing compiler takes 500 MB for PostgreSQL's parser.
describe('the memory of PostgreSQL’s parser', () => {
  it('stays small in dbops while it parses for six seconds of CPU time', () => {
    const statements = resolve(import.meta.dirname, '../../src/sql/statements.ts');
    const script = `const { splitStatements } = await import(${JSON.stringify(statements)});
      const { setImmediate } = await import('node:timers/promises');
      const texts = ${JSON.stringify(tables)};
      for (; process.cpuUsage().user < 6_000_000; await setImmediate())
        for (const text of texts) await splitStatements(text);
      console.log(process.resourceUsage().maxRSS);`;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script]);
    expect(megabytes(Number(out))).toBeLessThan(250);
  });

  it.skipIf(!existsSync('/proc/self/status'))('stays small in a shadow that replays', () =>
    withShadow({ signal: new AbortController().signal }, async (shadow) => {
      for (const sql of tables) await shadow.script(sql);
      const [engine] = enginesOf(process.pid);
      const [, peak] =
        /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${engine}/status`, 'utf8')) ?? [];
      expect(megabytes(Number(peak))).toBeLessThan(350);
    }),
  );
});
