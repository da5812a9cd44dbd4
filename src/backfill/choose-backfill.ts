import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import { issueLines } from '../output/issues.ts';
import { definitionSchema, type Backfill } from './definition.ts';
import { backfillNamed, backfillsOf } from './index.ts';
import { readDefinition } from './store.ts';

/** A backfill as the command line names or defines it. */
export interface BackfillChoice {
  name?: string | undefined;
  /** The parts of a definition; without any, the name chooses a known backfill. */
  parts: Readonly<Record<'table' | 'set' | 'from' | 'on' | 'where' | 'done', string | undefined>>;
}

/**
 * Returns the backfill that is named, or that the flags define; nothing for a name that the project
 * does not define.
 *
 * @throws usage error
 */
export async function chooseBackfill(
  context: Context,
  { name, parts }: BackfillChoice,
): Promise<Backfill | undefined> {
  const given = Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
  if (Object.keys(given).length > 0) return { ...defineTarget(given), name: name ?? nameOf(parts) };
  if (name !== undefined) return (await backfillsOf(context)).find((each) => each.name === name);
  const known = (await backfillsOf(context)).map((each) => each.name);
  throw usageError(
    'BACKFILL.NAME',
    'No backfill given.',
    `${known.length > 0 ? `Known backfills: ${known.join(', ')}. Name one` : 'None is defined: write backfills/NAME.json'}, or define one with --table, --set, --from and --on.`,
  );
}

function defineTarget(target: Record<string, string | undefined>): Omit<Backfill, 'name'> {
  const parsed = definitionSchema.safeParse({ targets: [target] });
  if (parsed.success) return parsed.data;
  throw usageError(
    'BACKFILL.FLAGS',
    'The flags do not define a backfill.',
    "Pass --table TABLE and --set 'COLUMN = EXPRESSION'; --from and --on belong together.",
    issueLines(parsed.error, (path) => `--${String(path.at(-1))}`),
  );
}

function nameOf({ table, set = '' }: BackfillChoice['parts']): string {
  return `${table}.${/^\s*"?([^"\s=]+)/.exec(set)?.[1] ?? ''}`;
}

/**
 * Returns the backfill of this name that an earlier run on this database has recorded.
 *
 * @throws usage error for an unknown name
 */
export async function recordedBackfill(
  context: Context,
  session: Session,
  name = '',
): Promise<Backfill> {
  return (await readDefinition(session, name)) ?? backfillNamed(context, name);
}
