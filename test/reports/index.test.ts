import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';

const root = join(import.meta.dirname, '..', '..');
const reports = commands.map(({ words }) => words).filter((words) => words.startsWith('report '));

describe.each(reports)('dbops %s', (words) => {
  it('has its part of docs/report.md', () => {
    const page = readFileSync(join(root, 'docs', 'report.md'), 'utf8');
    expect(page).toMatch(new RegExp(`^(?:## dbops|dbops) ${words}\\b`, 'm'));
  });
});
