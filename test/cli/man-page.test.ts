import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { commonOptions } from '../../src/output/help.ts';
import { runCli } from './run-cli.ts';

const hasGroff = (() => {
  try {
    return execFileSync('groff', ['--version']).length > 0;
  } catch {
    return false;
  }
})();

describe('dbops help --man', () => {
  it('lists every command with its summary, and every common option', async () => {
    const { exitCode, stdout } = await runCli(['help', '--man']);
    expect(exitCode).toBe(0);
    const plain = stdout.replaceAll(String.raw`\-`, '-');
    const headings = plain.match(/^\.SS .*$/gm) ?? [];
    expect(headings).toHaveLength(commands.length);
    for (const [at, { words }] of commands.entries())
      expect(headings[at]).toMatch(new RegExp(`^\\.SS "dbops ${words}[ "]`));
    for (const [, options] of commonOptions)
      for (const [notation] of options) expect(plain).toContain(`.B ${notation}\n`);
  });

  it.skipIf(!hasGroff)('is a manual page without warnings of groff', async () => {
    const { stdout } = await runCli(['help', '--man']);
    const line = 'groff -man -Tutf8 -ww 2>&1 >/dev/null';
    expect(execFileSync('bash', ['-c', line], { input: stdout, encoding: 'utf8' })).toBe('');
  });
});
