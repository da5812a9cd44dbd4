import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../src/cli.ts';
import { commands } from '../src/commands/index.ts';

/** What `dbops … --help`, or `dbops help …`, prints in a pipe. */
async function helpOf(words: string): Promise<string> {
  let printed = '';
  const exitCode = await main(words.startsWith('help ') ? words.split(' ') : argvOf(words), {
    stdin: {},
    stdout: { write: (text) => (printed += text) },
    stderr: { write: () => {} },
    environment: {},
    cwd: process.cwd(),
    signal: new AbortController().signal,
  });
  expect(exitCode).toBe(0);
  return printed.trim();
}

function argvOf(words: string): string[] {
  return [...words.split(' ').filter(Boolean), '--help'];
}

describe('the documentation', () => {
  it('has every command as --help prints it (vitest -u writes docs/usage.md)', async () => {
    const sections = [`# Usage\n\n\`\`\`\n${await helpOf('')}\n\`\`\`\n`];
    for (const words of ['help options', 'help exit-codes', ...commands.map((each) => each.words)])
      sections.push(`## ${words}\n\n\`\`\`\n${await helpOf(words)}\n\`\`\`\n`);
    await expect(sections.join('\n')).toMatchFileSnapshot('../docs/usage.md');
  });

  const pages = [
    'README.md',
    ...readdirSync('docs')
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  ];

  it.each(pages)('links from %s to pages that are there', (page) => {
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(
      ([, link]) => link ?? '',
    );
    expect(links.filter((link) => !existsSync(join(dirname(page), link)))).toEqual([]);
  });
});
