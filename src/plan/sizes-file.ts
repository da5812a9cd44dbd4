import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { Session } from '../db/session.ts';
import { DbopsError, usageError } from '../errors.ts';
import { issueLines } from '../output/issues.ts';
import { done, text, type Report } from '../report.ts';
import type { MigrationStatus } from '../runner/tracking-state.ts';
import { shellWord } from '../output/shell.ts';
import { readJson } from '../text-file.ts';
import { formatCountOf } from '../output/number.ts';
import { calibrateScan } from './calibrate-scan.ts';
import type { LiveFacts } from './live-facts.ts';
import { ratesBetween, readLiveFacts, sampleWrites, withRates } from './read-live-facts.ts';

const size = z.number().min(0);
const relation = { schema: z.string(), name: z.string() };

/** The form of the file. Further keys are ignored: those of the JSON document, and of a later version. */
const sizesSchema = z.object({
  schemaVersion: z.literal(1),
  serverVersion: z.string(),
  tables: z.array(
    z.object({
      ...relation,
      kind: z.enum(['table', 'partitioned table', 'materialized view']),
      partitionOf: z.object(relation).exactOptional(),
      rows: size,
      heapBytes: size,
      toastBytes: size,
      indexes: z.array(z.object({ name: z.string(), bytes: size, isValid: z.boolean() })),
      writesPerSecond: size.exactOptional(),
    }),
  ),
  scanMsPerMb: size.exactOptional(),
  applied: z.array(z.string()),
});

/** What `dbops stats export` writes: the facts without what is at work on the server. */
export type Sizes = Omit<LiveFacts, 'activity'> & { schemaVersion: 1 };

/** Milliseconds between the two samples of writes; the server publishes its statistics every second. */
const sampleTime = 2_000;

const recorded = new Set<MigrationStatus['state']>(['applied', 'edited', 'missing-file']);

/**
 * Reads the sizes of the database, its speed and its writes per second; takes two seconds. The embedded engine has
 * one session, so that its writes are not sampled.
 */
export async function readSizesOf(
  session: Session,
  statuses: readonly MigrationStatus[],
  signal?: AbortSignal,
): Promise<Sizes> {
  const applied = statuses.filter(({ state }) => recorded.has(state)).map(({ name }) => name);
  const isShared = session.server.kind === 'postgres';
  const before = isShared ? await sampleWrites(session) : undefined;
  const started = performance.now();
  const facts = await readLiveFacts(session, { applied });
  const scanMsPerMb = await calibrateScan(session, facts.tables);
  if (!before) return sizesOf(facts, scanMsPerMb);
  const rest = Math.max(0, sampleTime - (performance.now() - started));
  await sleep(rest, undefined, signal && { signal });
  return sizesOf(withRates(facts, ratesBetween(before, await sampleWrites(session))), scanMsPerMb);
}

function sizesOf({ serverVersion, tables, applied }: LiveFacts, scanMsPerMb?: number): Sizes {
  const speed = scanMsPerMb === undefined ? {} : { scanMsPerMb };
  return { schemaVersion: 1, serverVersion, tables, ...speed, applied };
}

/** Returns the report with the sizes as JSON for stdout, or writes them to a file. */
export function exportReport(sizes: Sizes, output?: { file: string; name: string }): Report {
  const data = documentOf(sizes);
  const content = JSON.stringify(sizes, undefined, 2);
  if (!output) return done(data, { kind: 'code', text: content });
  write(output.file, `${content}\n`);
  const count = formatCountOf(sizes.tables.length, 'table');
  return done(
    { ...data, file: output.name },
    text(`✓ Sizes of ${count} written to ${output.name}`, 'good'),
  );
}

/** Spread, because an interface is no JSON value to the compiler. */
function documentOf({ tables, ...rest }: Sizes) {
  const spread = tables.map(({ indexes, partitionOf, ...table }) => ({
    ...table,
    ...(partitionOf && { partitionOf: { ...partitionOf } }),
    indexes: indexes.map((index) => ({ ...index })),
  }));
  return { ...rest, tables: spread };
}

function write(file: string, content: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  } catch (error) {
    const hint = 'Specify a file in a writable folder.';
    throw usageError('STATS.FILE', `Cannot write ${file}.`, hint, [String(error)]);
  }
}

/**
 * Returns the facts in a file of `dbops stats export`.
 *
 * @param name of the file, for messages
 * @throws usage error when it cannot be read, or is not such a file
 */
export function readSizes(file: string, name = file): LiveFacts {
  try {
    const { schemaVersion: _, ...facts } = sizesSchema.parse(readJson(file));
    return facts;
  } catch (error) {
    throw usageError(
      'STATS.FILE',
      `Cannot read the sizes in ${name}.`,
      `Write the file again on a connection to the database: dbops stats export --output ${shellWord(name)}`,
      reasonOf(error),
    );
  }
}

function reasonOf(error: unknown): string[] {
  if (error instanceof z.ZodError) return issueLines(error);
  if (error instanceof DbopsError) return [error.message, ...error.reason];
  return [String(error)];
}
