import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { recipes } from '../../src/plan/recipes/index.ts';
import { rules } from '../../src/plan/rules/index.ts';

const names = z.array(z.string());

/** The statements of the observer's test, with what was observed on PostgreSQL 15 to 18 and embedded. */
export const observedStatements = z
  .array(
    z.object({
      sql: z.string(),
      /** SQLSTATE. */
      fails: z.string().optional(),
      /** The strongest mode by relation. */
      locks: z.record(z.string(), z.string()),
      rewrites: names,
      scans: names,
    }),
  )
  .parse(
    JSON.parse(readFileSync(join(import.meta.dirname, 'observed', 'statements.json'), 'utf8')),
  );

/** Returns the generated part of docs/plan.md. */
export function planPage(): string {
  return [
    readFileSync(join(import.meta.dirname, 'plan-page.md'), 'utf8').trimEnd(),
    '',
    '## What cannot be observed',
    '',
    'These rules read the text of a statement; they are warnings.',
    '',
    '| rule | asserts | otherwise |',
    '|---|---|---|',
    ...rules.map(
      ({ name, summary, harm, cure }) => `| \`${name}\` | ${summary} | ${harm} ${cure} |`,
    ),
    '',
    '## Recipes of `--fix`',
    '',
    '| recipe | what it does |',
    '|---|---|',
    ...recipes.map(({ name, summary }) => `| \`${name}\` | ${summary} |`),
    '',
    '## What was observed',
    '',
    'The statements of the test of the observer, on PostgreSQL 15 and 18 and on the embedded engine, with the same result:',
    '`t` is a table with five indexes, `r` and `c` are tables with foreign keys, `p` is a partitioned table with the default partition',
    '`pdef`. ACCESS SHARE is left out. *Reads*: every row of these tables is read, for a check, an index or a rewrite.',
    '',
    '| statement | locks | rewrites | reads |',
    '|---|---|---|---|',
    ...observedStatements.flatMap(({ sql, fails, locks, rewrites, scans }) =>
      fails === undefined
        ? `| \`${sql.replaceAll('|', String.raw`\|`)}\` | ${locksOf(locks)} | ${rewrites.join(', ')} | ${scans.join(', ')} |`
        : [],
    ),
    '',
  ].join('\n');
}

function locksOf(locks: Record<string, string>): string {
  const byMode = Map.groupBy(Object.entries(locks), ([, mode]) => mode);
  return [...byMode]
    .map(([mode, all]) => `${mode}: ${all.map(([name]) => name).join(', ')}`)
    .join('<br>');
}
