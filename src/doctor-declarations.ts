import type { Context } from './context.ts';
import { codeOf, isConnectionLoss } from './db/connection-error.ts';
import type { ConnectionCheck } from './db/diagnosis.ts';
import { rowSecurityError } from './db/row-security.ts';
import type { Session } from './db/session.ts';
import { isSqlState } from './db/sqlstate.ts';
import type { Declarations } from './declarations.ts';
import { prepareExpressions, type DeclaredPart } from './declared/prepare.ts';
import { plainQuery, prepareQuery } from './declared/query.ts';
import { prepareTyped } from './declared/types.ts';
import { DbopsError } from './errors.ts';
import { featureDeclarations } from './feature-declarations.ts';
import { formatCountOf } from './output/number.ts';
import { sqlReportsOf } from './reports/sql/find.ts';
import { queryOf } from './reports/sql/params.ts';
import { serverSays } from './sql/error-position.ts';
import { dataChecksOf } from './verify/data-checks.ts';

/**
 * Prepares everything that is declared, in the READ ONLY transaction of the caller, without running it.
 *
 * @returns one diagnosis for each declaration that fails, all of them at once; else one that counts them
 */
export async function diagnoseDeclarations(
  { settings: { root } }: Pick<Context, 'settings'>,
  session: Session,
  declared: Declarations,
): Promise<ConnectionCheck[]> {
  const { preparations, failures } = await preparationsOf(root, declared);
  const failed = new Map<string, ConnectionCheck>(failures.map((each) => [each.name, each]));
  const keys = new Set(preparations.map(({ key }) => key));
  for (const { key, prepare } of preparations) {
    if (failed.has(key)) continue;
    const failure = await failureOf(key, () => prepare(session));
    if (failure) failed.set(key, failure);
  }
  const advice: ConnectionCheck[] = [];
  if (failed.size === 0)
    for (const { diagnoses } of featureDeclarations) {
      const look = async () => void advice.push(...((await diagnoses?.(session, declared)) ?? []));
      const failure = await failureOf('declarations', look);
      if (failure) failed.set(failure.detail, failure);
    }
  const prepared = [...keys].filter((key) => !failed.has(key)).length;
  const detail = `${formatCountOf(prepared, 'declaration')} prepared`;
  return [
    ...(keys.size > 0 ? [{ name: 'declarations', state: 'ok' as const, detail }] : []),
    ...failed.values(),
    ...advice,
  ];
}

async function preparationsOf(root: string, declared: Declarations) {
  const failures: ConnectionCheck[] = [];
  const collected = async (key: string, collect: () => Promise<readonly DeclaredPart[]>) => {
    let found: readonly DeclaredPart[] = [];
    const failure = await failureOf(key, async () => (found = await collect()));
    if (failure) failures.push(failure);
    return found;
  };
  const ofFeatures: DeclaredPart[] = [];
  for (const { preparations: part } of featureDeclarations)
    if (part) ofFeatures.push(...(await collected(part.key, () => part.list(declared, root))));
  const preparations = [
    ...ofFeatures,
    ...(await collected('declarations', () => expressionsOf(declared))),
    ...(await collected('checks', () => checksOf(root, declared))),
    ...(await collected('reports', () => reportsOf(root, declared))),
  ];
  return { preparations, failures };
}

async function expressionsOf(declared: Declarations): Promise<DeclaredPart[]> {
  const all = await Promise.all(
    featureDeclarations.map(async ({ expressions }) => (await expressions?.(declared)) ?? []),
  );
  return all.flat().map((expression) => ({
    key: keyOf(expression.place),
    prepare: (session) =>
      'expects' in expression
        ? prepareTyped(session, [expression])
        : prepareExpressions(session, [expression]),
  }));
}

/** Returns `usage.meters.tokens` for `usage.meters.tokens.measure.sum`, and `usage.subjects` for `usage.subjects.id`. */
function keyOf(place: string): string {
  const parts = place.split('.');
  return parts.slice(0, parts[1] === 'meters' ? 3 : 2).join('.');
}

async function checksOf(root: string, { checks }: Declarations): Promise<DeclaredPart[]> {
  return dataChecksOf(root, checks).checks.map((check) => ({
    key: check.place,
    prepare: async (session) => prepareQuery(session, await plainQuery(check)),
  }));
}

async function reportsOf(root: string, { reports }: Declarations): Promise<DeclaredPart[]> {
  return sqlReportsOf(root, reports).reports.map((report) => ({
    key: report.place,
    prepare: async (session) => prepareQuery(session, await queryOf(report)),
  }));
}

/** Returns what a person reads of an error; a lost connection does not concern the declaration, and is thrown. */
function explained(error: unknown): Pick<DbopsError, 'message' | 'reason' | 'hint'> {
  if (error instanceof DbopsError) return error;
  const hidden = rowSecurityError(error);
  if (hidden) return hidden;
  if (!isSqlState(codeOf(error)) || isConnectionLoss(error)) throw error;
  const [message = '', ...reason] = serverSays(error);
  return { message, reason, hint: 'Grant the role what it lacks, or correct the declaration.' };
}

/** Returns why the work fails. */
async function failureOf(
  name: string,
  work: () => Promise<unknown>,
): Promise<ConnectionCheck | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const { message, reason, hint } = explained(error);
    return { name, state: 'fail', detail: [message, ...reason].join('\n'), help: hint };
  }
}
