import { existsSync } from 'node:fs';
import type { Context } from '../context.ts';
import { isConnectionLoss } from '../db/connection-error.ts';
import { readOnly, type Session } from '../db/session.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import { proposeChecks } from './propose/checks.ts';
import { proposeCredits } from './propose/credits.ts';
import { linesOf, type ConfigValue, type Reasoned } from './propose/entry.ts';
import { findLimits, proposeLimitRows } from './propose/limits.ts';
import { proposeMeters } from './propose/meters.ts';
import { findSubjects, proposeSubjects, subscriptionsOf } from './propose/subjects.ts';
import { proposeUsers } from './propose/users.ts';
import { readSchemaFacts, type TableFacts } from './schema-facts.ts';

/** Sections of the configuration that the catalog suggests. */
export interface DeclarationsProposal {
  /** Keys of the configuration, such as `usage`. */
  sections: string[];
  /** TypeScript, one line of the configuration each. */
  lines: string[];
}

/** Returns whether a database is named: by a flag, a variable, a file of variables. */
export function isDatabaseNamed({ settings }: Pick<Context, 'settings'>): boolean {
  try {
    return !settings.target().isDefault;
  } catch (error) {
    if (error instanceof DbopsError) return error.code !== 'TARGET.MISSING';
    throw error;
  }
}

/**
 * Returns declarations for the tables of the database; undefined where none is named, where it cannot be
 * read, which a note says, or where no table suggests any.
 */
export async function proposeFromDatabase(
  context: Context,
): Promise<DeclarationsProposal | undefined> {
  if (!isDatabaseNamed(context)) return undefined;
  try {
    const { target } = context.settings.target();
    // Opening an embedded database would create it.
    if (target.kind === 'pglite' && !existsSync(target.directory ?? '')) return undefined;
    const session = await context.session();
    return await readOnly(session, () => proposeFrom(session));
  } catch (error) {
    if (context.signal.aborted || !isExpected(error)) throw error;
    context.note(`not looked at  the database: ${messageOf(error)}`);
    return undefined;
  }
}

/** A configuration can be created without a look at the database. */
function isExpected(error: unknown): boolean {
  if (error instanceof DbopsError) return error.exitCode !== exitCodes.interrupted;
  return isConnectionLoss(error);
}

/** Returns declarations for the tables of a database, or of a shadow; undefined where no table suggests any. */
export async function proposeFrom(session: Session): Promise<DeclarationsProposal | undefined> {
  const tables = await readSchemaFacts(session);
  const credits = proposeCredits(tables);
  const { limitRows, ...usage } = await usageSections(session, tables, credits?.tables ?? []);
  const seeds = {
    ...(limitRows && { limits: limitRows }),
    ...(await proposeUsers(session, tables)),
  };
  const sections: Record<string, ConfigValue | Reasoned | undefined> = {
    ...usage,
    credits: credits?.value,
    seeds: Object.keys(seeds).length === 0 ? undefined : seeds,
  };
  const found = Object.entries(sections).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, lines: linesOf(key, value, 1) }],
  );
  if (found.length === 0) return undefined;
  return { sections: found.map(({ key }) => key), lines: found.flatMap(({ lines }) => lines) };
}

interface UsageSections {
  usage?: ConfigValue | undefined;
  checks?: ConfigValue | undefined;
  /** A seed. */
  limitRows?: Reasoned | undefined;
}

async function usageSections(
  session: Session,
  tables: readonly TableFacts[],
  ofCredits: readonly TableFacts[],
): Promise<UsageSections> {
  const subjects = findSubjects(tables);
  if (!subjects) return {};
  const limits = await findLimits(session, tables, subjects);
  const subscriptions = subscriptionsOf(subjects, tables);
  const others = [...ofCredits, ...(subscriptions ? [subscriptions.table] : [])];
  const meters = proposeMeters(subjects, tables, { limits, others });
  const checks = proposeChecks(subjects, tables);
  return {
    usage:
      Object.keys(meters).length === 0
        ? undefined
        : { subjects: proposeSubjects(subjects, tables), limits: limits?.proposal, meters },
    checks: Object.keys(checks).length === 0 ? undefined : checks,
    limitRows: limits && proposeLimitRows(limits, Object.keys(meters)),
  };
}
