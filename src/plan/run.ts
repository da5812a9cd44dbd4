import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { violationsOfStatement } from '../runner/failure/constraint-violation.ts';
import { describeViolations } from '../runner/failure/describe-violation.ts';
import { changesRows } from '../sql/new-constraints.ts';
import type { LiveFacts } from './live-facts.ts';
import {
  relationKey,
  type MigrationObservation,
  type StatementObservation,
} from './observation.ts';
import { observeOffline, observePending } from './observe/run.ts';
import type { ObservationRequest } from '../schema-dump/shadow-basis.ts';
import { calibrateScan } from './calibrate-scan.ts';
import { ratesBetween, readLiveFacts, sampleWrites, withRates } from './read-live-facts.ts';
import type { PlanResult } from './report.ts';
import { judgeMigrations, type DurationLimits } from './verdict.ts';

export interface MigrationPlanRequest {
  context: Context;
  folder: Folder;
  applied: readonly Migration[];
  pending: readonly Migration[];
  limits: DurationLimits;
}

/**
 * Returns what pending migrations will do to a database: their statements are observed in a shadow
 * database with its schema, and judged by its sizes. The database is only read.
 *
 * @throws DbopsError naming the migration that fails in the shadow
 */
export async function planOnline(
  request: MigrationPlanRequest,
  session: Session,
): Promise<PlanResult> {
  const { context, applied } = request;
  context.progress.update('reading the sizes of the tables');
  const first = await sampleWrites(session);
  const facts = await readLiveFacts(session, { applied: applied.map(({ name }) => name) });
  const observed = await observePending(asked(request), session);
  const rates = ratesBetween(first, await sampleWrites(session));
  const known = await withMeasurements(session, facts, rates, observed.migrations);
  context.progress.update('counting rows that violate new constraints');
  const violations = await violationsIn(session, observed.migrations);
  return {
    ...(await judged(request, observed.migrations, known, violations)),
    ...basisOf(observed),
  };
}

/** As `planOnline`, without a database. @param facts of `dbops stats export`, if there are any */
export async function planOffline(
  request: MigrationPlanRequest,
  facts: LiveFacts | undefined,
): Promise<PlanResult> {
  const observed = await observeOffline(asked(request));
  return {
    ...(await judged(request, observed.migrations, facts, new Map())),
    ...basisOf(observed),
  };
}

function asked({ context, folder, applied, pending }: MigrationPlanRequest): ObservationRequest {
  return { context, folder, applied, pending };
}

function basisOf({ basis, reason }: Pick<PlanResult, 'basis' | 'reason'>) {
  return { basis, ...(reason !== undefined && { reason }) };
}

async function judged(
  { limits }: MigrationPlanRequest,
  migrations: readonly MigrationObservation[],
  facts: LiveFacts | undefined,
  violations: ReadonlyMap<StatementObservation, readonly string[]>,
) {
  return { migrations: await judgeMigrations(migrations, { facts, limits, violations }), facts };
}

/** Adds the rate of writes, and the speed of a scan of the largest table that a statement reads. */
async function withMeasurements(
  session: Session,
  facts: LiveFacts,
  rates: ReturnType<typeof ratesBetween>,
  migrations: readonly MigrationObservation[],
): Promise<LiveFacts> {
  const names = new Set(
    migrations.flatMap(({ statements }) =>
      statements.flatMap(({ scans, rewrites, builds }) =>
        [...scans, ...builds]
          .map(({ relation }) => relation)
          .concat(rewrites)
          .map(relationKey),
      ),
    ),
  );
  const isRead = ({ schema, name }: { schema: string; name: string }) =>
    names.has(relationKey({ schema, name }));
  const rated = withRates(facts, rates);
  const scanMsPerMb = await calibrateScan(session, rated.tables.filter(isRead));
  return { ...rated, ...(scanMsPerMb !== undefined && { scanMsPerMb }) };
}

/** Milliseconds for all counts, and to wait for a lock. */
const counting = { total: 10_000, lock: 500 };

/** A statement behind one that changes rows may find other rows. */
async function violationsIn(
  session: Session,
  migrations: readonly MigrationObservation[],
): Promise<Map<StatementObservation, readonly string[]>> {
  const limits = { deadline: performance.now() + counting.total, lock: counting.lock };
  const found = new Map<StatementObservation, readonly string[]>();
  for (const statement of migrations.flatMap((each) => each.statements)) {
    if (await changesRows(statement.sql).catch(() => true)) break;
    const violations = await violationsOfStatement(session, statement.sql, limits).catch(() => []);
    if (violations.length > 0) found.set(statement, describeViolations(violations));
  }
  return found;
}
