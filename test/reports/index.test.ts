import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { reports as declared } from '../../src/reference/reports/index.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'src', 'reference', 'reports');
const reports = Object.values(declared);

/** Names of the files that define a report. */
function defined(): string[] {
  return readdirSync(folder)
    .filter((file) => /= defineReport\(/.test(readFileSync(join(folder, file), 'utf8')))
    .map((file) => file.replace(/\.ts$/, ''));
}

it('lists every report of the folder', () => {
  expect(reports.map(({ name }) => name).toSorted()).toEqual(defined().toSorted());
});

describe.each(reports.map(({ name }) => name))('report %s', (name) => {
  it('is a command', () => {
    expect(commands.map(({ words }) => words)).toContain(`report ${name}`);
  });

  it('has its part of docs/report.md', () => {
    const page = readFileSync(join(root, 'docs', 'report.md'), 'utf8');
    expect(page).toContain(`## dbops report ${name}`);
  });
});
