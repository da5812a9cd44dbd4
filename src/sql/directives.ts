import { usageError } from '../errors.ts';
import type { Directives } from '../migration.ts';
import { parseDuration } from '../output/duration.ts';

/**
 * Reads the `-- dbops: …` comments (`// dbops: …` in modules) above the first statement.
 *
 * @param name of the migration, for messages
 * @throws usage error for an unknown directive: a typo must not change how a file runs
 */
export function readDirectives(source: string, name: string): Directives {
  const directives: Directives = { noTransaction: false, requiresBackfill: [] };
  for (const { directive } of directivesOf(source)) apply(directive, directives, name);
  return directives;
}

/** Yields the directives above the first statement, with the position of the word `dbops:`. */
export function* directivesOf(source: string): Generator<{ directive: string; offset: number }> {
  let start = 0;
  for (const line of source.split('\n')) {
    const [, before = '', comment] = /^(\uFEFF?\s*(?:--|\/\/)\s*)(.*?)\s*$/.exec(line) ?? [];
    if (comment === undefined && line.replace('\uFEFF', '').trim() !== '') return;
    const directive = /^dbops:\s*(.+)$/.exec(comment ?? '')?.[1];
    if (directive) yield { directive, offset: start + before.length };
    start += line.length + 1;
  }
}

/**
 * Returns what `-- dbops: replaces NAME [NAME …]` lines name: the rows of the migrations that this file
 * replaces, each with the rows that it replaced itself.
 */
export function replacedBy(source: string): string[][] {
  return [...directivesOf(source)].flatMap(({ directive }) => {
    const [word, ...names] = directive.split(/\s+/);
    return word === 'replaces' && names.length > 0 ? [names] : [];
  });
}

function apply(directive: string, directives: Directives, name: string): void {
  const [word = '', argument = ''] = directive.split(/\s+/);
  const lockTimeout = parseDuration(argument);
  if (word === 'no-transaction') directives.noTransaction = true;
  else if (word === 'requires-backfill' && argument) directives.requiresBackfill.push(argument);
  else if (word === 'no-rescue') directives.noRescue = true;
  else if (word === 'lock-timeout' && lockTimeout !== undefined)
    directives.lockTimeout = lockTimeout;
  else if (word !== 'allow' && (word !== 'replaces' || !argument))
    throw usageError(
      'MIGRATION.DIRECTIVE',
      `${name} has an unknown directive: ${directive}`,
      'Use no-transaction, requires-backfill NAME, lock-timeout 2s, no-rescue, replaces NAME or allow HAZARD because …',
    );
}
