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
  for (const line of source.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const comment = /^\s*(?:--|\/\/)(.*)$/.exec(line);
    if (!comment) break;
    const directive = /^\s*dbops:\s*(.*?)\s*$/.exec(comment[1] ?? '')?.[1];
    if (directive) apply(directive, directives, name);
  }
  return directives;
}

function apply(directive: string, directives: Directives, name: string): void {
  const [word = '', argument = ''] = directive.split(/\s+/);
  const lockTimeout = parseDuration(argument);
  if (word === 'no-transaction') directives.noTransaction = true;
  else if (word === 'requires-backfill' && argument) directives.requiresBackfill.push(argument);
  else if (word === 'lock-timeout' && lockTimeout !== undefined)
    directives.lockTimeout = lockTimeout;
  else if (word !== 'allow')
    throw usageError(
      'MIGRATION.DIRECTIVE',
      `${name} has an unknown directive: ${directive}`,
      'Use no-transaction, requires-backfill NAME, lock-timeout 2s or allow HAZARD because …',
    );
}
