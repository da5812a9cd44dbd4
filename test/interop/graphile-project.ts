import { createHash } from 'node:crypto';
import { mixed } from './mixed.ts';

/** A body for `committed/`, and the slug of its file. */
export interface Draft {
  slug?: string;
  body: string;
  /** Further lines `--! …` of the header. */
  header?: string[];
}

/** Files as `graphile-migrate commit` writes them: each names its own hash and that of the one before. */
export function commit(drafts: readonly Draft[]): Record<string, string> {
  const files: Record<string, string> = { 'migrations/current.sql': '-- Enter migration here\n' };
  let previous = '';
  for (const [index, { slug, body, header = [] }] of drafts.entries()) {
    const text = `${previous}\n${body.trim()}`.trim();
    const hash = `sha1:${createHash('sha1').update(`${text}\n`).digest('hex')}`;
    const name = `${index + 1}`.padStart(6, '0') + (slug ? `-${slug}` : '');
    const top = [`--! Previous: ${previous || '-'}`, `--! Hash: ${hash}`, ...header];
    files[`migrations/committed/${name}.sql`] = `${top.join('\n')}\n\n${body.trim()}\n`;
    previous = hash;
  }
  return files;
}

export const mixedDrafts: readonly Draft[] = mixed.map(({ name, up, alone }, index) => ({
  ...(index % 2 === 0 && { slug: name, header: [`--! Message: ${name}`] }),
  body: alone ? `--! no-transaction\n${up}` : up,
}));
