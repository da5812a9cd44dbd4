import type { Session } from '../db/session.ts';
import type { MigrationRun, RollbackDocument, RunData } from '../documents.ts';
import { DbopsError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { isProven, type Rollback } from '../rollback/rollback.ts';
import { changesOf, describeDoubt } from '../rollback/describe.ts';
import { preflight } from '../runner/preflight.ts';
import type { Step } from '../runner/step.ts';
import { lossToJson } from '../rescue/report.ts';
import { done, type Report } from '../report.ts';
import type { Prepared } from './down.ts';
import { describeStaying, type InsertedRows } from './inserted-rows.ts';

/** Returns the keys of a rollback in the JSON document. */
export function rollbackJson(
  { rollbacks, staying }: Pick<Prepared, 'rollbacks' | 'staying'>,
  migration: string,
): Pick<MigrationRun, 'rollback'> {
  const rollback = rollbacks.find(({ name }) => name === migration);
  if (!rollback) return {};
  const { source, doubts, losses, statements } = rollback;
  const proof: RollbackDocument = {
    source,
    proven: isProven(rollback),
    loses: losses.map(lossToJson),
    changes: changesOf(rollback),
    doubts: doubts.flatMap(describeDoubt),
    staying: staying.flatMap(({ migration: name, schema, table, rows, keys }) =>
      name === migration ? { schema, table, rows: rows ?? null, keys: keys.map(keyJson) } : [],
    ),
    statements: statements.map(({ sql, lock, rewrites }) => ({
      sql,
      lock: lock ?? null,
      rewrites,
    })),
  };
  return { rollback: proof };
}

function keyJson({ columns, values }: InsertedRows['keys'][number]) {
  return { columns: columns.map(({ name }) => name), values };
}

/**
 * Returns what `--dry-run` prints of a rollback: SQL that can be run, with its proof in comments.
 * @throws usage error for what a run would reject
 */
export async function receiptOf(
  { steps, rollbacks, staying }: Pick<Prepared, 'steps' | 'rollbacks' | 'staying'>,
  session: Session,
  { format }: Folder,
): Promise<Report<RunData>> {
  const receipts: string[] = [];
  for (const rollback of rollbacks) {
    const step = steps.find(({ migration }) => migration.name === rollback.name);
    const body =
      rollback.statements.length > 0
        ? rollback.statements.map(statementLine)
        : step && rollback.source === 'file'
          ? await bodyOf(step, format, session)
          : [];
    const head = [
      ...headOf(rollback),
      ...staying.filter(({ migration }) => migration === rollback.name).map(describeStaying),
    ];
    receipts.push([...head.map((line) => `-- ${line}`), ...body, ''].join('\n'));
  }
  const migrations = rollbacks.map((rollback): MigrationRun => ({
    name: rollback.name,
    direction: 'down',
    state: 'not-run',
    durationMs: 0,
    ...rollbackJson({ rollbacks, staying }, rollback.name),
  }));
  return done({ migrations, dryRun: true }, { kind: 'code', text: receipts.join('\n') });
}

function statementLine({ sql, lock, rewrites }: Rollback['statements'][number]): string {
  const remark = [lock, rewrites && 'reads or writes every row'].filter(Boolean);
  return `${sql};${remark.length > 0 ? `  -- ${remark.join(', ')}` : ''}`;
}

async function bodyOf(step: Step, format: Format, session: Session): Promise<string[]> {
  try {
    const { executions } = await preflight([step], format, session.client);
    return [executions.get(step)?.source.trim() ?? `-- runs down of ${step.script.file}`];
  } catch (error) {
    if (!(error instanceof DbopsError)) throw error;
    return [error.message, ...error.reason, error.hint].map((line) => `-- ${line}`);
  }
}

function headOf(rollback: Rollback): string[] {
  const { name, source, doubts } = rollback;
  const kind = source === 'file' ? 'from the folder' : 'derived from the schema';
  return [
    `${name} (down, ${kind})`,
    ...(isProven(rollback)
      ? ['proven: up, down and up again in a shadow database give the same schema']
      : ['NOT PROVEN', ...doubts.flatMap(describeDoubt)]),
    ...changesOf(rollback),
  ];
}
