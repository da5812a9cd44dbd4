import type { Context } from '../context.ts';
import { isConnectionLoss } from '../db/connection-error.ts';
import { readOnly, type Session } from '../db/session.ts';
import { DbopsError, exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { withReplayer } from '../shadow/replay-cache-key.ts';
import { replay } from '../shadow/replay.ts';
import { proposeChecks } from './propose/checks.ts';
import { proposeCredits } from './propose/credits.ts';
import { linesOf, type ConfigValue, type Reasoned } from './propose/entry.ts';
import { findLimits } from './propose/limits.ts';
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

/**
 * Returns declarations for the tables of the database, where one is named and has tables, or else for those
 * that the migrations create in a shadow database; undefined where there are none to look at.
 */
export async function proposeDeclarations(
  context: Context,
  folder: Folder | undefined,
): Promise<DeclarationsProposal | undefined> {
  const live = await fromDatabase(context);
  return live ?? (folder && (await fromShadow(context, folder)));
}

async function fromDatabase(context: Context): Promise<DeclarationsProposal | undefined> {
  try {
    if (context.settings.target().target.kind !== 'postgres') return undefined;
    const session = await context.session();
    return await readOnly(session, () => proposalOf(session));
  } catch (error) {
    return onlyOf(error);
  }
}

async function fromShadow(
  { settings, signal, progress }: Context,
  { format, migrations }: Folder,
): Promise<DeclarationsProposal | undefined> {
  progress.update(`replaying ${migrations.length} migrations in a shadow database`);
  const wanted = {
    format,
    migrations,
    targetNames: { database: 'shadow', roles: [] },
    scope: settings.scope,
    environment: settings.environment,
    signal,
  };
  try {
    return await withReplayer(wanted, async (shadow) => {
      await replay(shadow, migrations, format);
      await shadow.script('RESET ALL; SET search_path TO pg_catalog, pg_temp');
      return proposalOf(shadow);
    });
  } catch (error) {
    return onlyOf(error);
  }
}

/** A configuration can be created without a look: the commands report what prevents one. */
function onlyOf(error: unknown): undefined {
  if (error instanceof DbopsError && error.exitCode !== exitCodes.interrupted) return undefined;
  if (isConnectionLoss(error)) return undefined;
  throw error;
}

async function proposalOf(session: Session): Promise<DeclarationsProposal | undefined> {
  const tables = await readSchemaFacts(session);
  const credits = proposeCredits(tables);
  const sections: Record<string, ConfigValue | Reasoned | undefined> = {
    ...(await usageSections(session, tables, credits?.tables ?? [])),
    credits: credits?.value,
    seeds: await proposeUsers(session, tables),
  };
  const found = Object.entries(sections).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, lines: linesOf(key, value, 1) }],
  );
  if (found.length === 0) return undefined;
  return { sections: found.map(({ key }) => key), lines: found.flatMap(({ lines }) => lines) };
}

async function usageSections(
  session: Session,
  tables: readonly TableFacts[],
  ofCredits: readonly TableFacts[],
): Promise<Record<string, ConfigValue | undefined>> {
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
  };
}
