import { DbopsError, exitCodes, messageOf } from '../errors.ts';

/**
 * The planner finds no plan from one catalog to the other. The message is one of dbops: the planner
 * writes its own for its developers.
 */
export class UnplannableError extends DbopsError {
  constructor(cause: unknown) {
    super({
      code: 'ROLLBACK.UNPLANNED',
      exitCode: exitCodes.failed,
      message: explain(messageOf(cause)),
      hint: 'Write a down for the migration, or a migration that undoes it: dbops migrate new NAME',
      cause,
    });
  }
}

const quotedName = String.raw`(?:"(?:[^"]|"")+"\.?)+`;
const usedType = new RegExp(`^(domain|range type|enum|composite type) (${quotedName}): cannot`);
const command = new RegExp(`^\\s*(?:CREATE|ALTER|DROP)(?: OR REPLACE)? ([A-Z ]+?) (${quotedName})`);

/** Returns why there is no plan. Of changes in a circle, the planner lists one statement a line. */
function explain(message: string): string {
  const type = objectIn(message, usedType);
  if (type) return `PostgreSQL cannot change ${type} while columns or other types use it`;
  const [first = '', ...statements] = message.split('\n');
  if (!first.startsWith('dependency cycle')) return 'dbops cannot plan SQL for these changes';
  const objects = new Set(statements.map((line) => objectIn(line, command)).filter(Boolean));
  return `these changes depend on one another in a circle, so no order of statements works: ${[...objects].join(', ')}`;
}

/** Returns kind and name, such as `table public.users`. */
function objectIn(text: string, pattern: RegExp): string | undefined {
  const [, kind = '', name = ''] = pattern.exec(text) ?? [];
  return kind && `${kind.toLowerCase()} ${name.replaceAll(/"([a-z_][a-z0-9_$]*)"/g, '$1')}`;
}
