import type { Session } from '../db/session.ts';
import type { Folder } from '../formats/format.ts';
import { isProven, type Rollback } from '../rollback/rollback.ts';
import { changesOf, describeDoubt } from '../rollback/describe.ts';
import { preflight } from '../runner/preflight.ts';
import { lossToJson } from '../rescue/report.ts';
import { done, type JsonValue, type Report } from '../report.ts';
import type { Prepared } from './down.ts';
import { describeStaying, type InsertedRows } from './inserted-rows.ts';

/** What of a rollback stands in the JSON document. */
export function rollbackJson(
  { rollbacks, staying }: Pick<Prepared, 'rollbacks' | 'staying'>,
  migration: string,
): Record<string, JsonValue> {
  const rollback = rollbacks.find(({ name }) => name === migration);
  if (!rollback) return {};
  const { source, doubts, losses, statements } = rollback;
  const proof = {
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

function keyJson({ columns, values }: InsertedRows['keys'][number]): JsonValue {
  return { columns: columns.map(({ name }) => name), values };
}

/**
 * What `--dry-run` prints of a rollback: SQL that can be run, with what is known of it in comments.
 *
 * @throws usage error for what a run would refuse
 */
export async function receiptOf(
  { steps, rollbacks, staying }: Pick<Prepared, 'steps' | 'rollbacks' | 'staying'>,
  session: Session,
  { format }: Folder,
): Promise<Report> {
  const { executions } = await preflight(steps, format, session.client);
  const receipts = rollbacks.map((rollback) => {
    const step = steps.find(({ migration }) => migration.name === rollback.name);
    const source = step && executions.get(step)?.source.trim();
    return [
      ...headOf(rollback).map((line) => `-- ${line}`),
      ...staying
        .filter(({ migration }) => migration === rollback.name)
        .map((rows) => `-- ${describeStaying(rows)}`),
      ...(rollback.statements.length > 0
        ? rollback.statements.map(({ sql, lock, rewrites }) => {
            const remark = [lock, rewrites && 'reads or writes every row'].filter(Boolean);
            return `${sql};${remark.length > 0 ? `  -- ${remark.join(', ')}` : ''}`;
          })
        : [source ?? `-- runs down of ${step?.script.file ?? ''}`]),
      '',
    ].join('\n');
  });
  const migrations = rollbacks.map((rollback) => ({
    name: rollback.name,
    direction: 'down',
    state: 'not-run',
    durationMs: 0,
    ...rollbackJson({ rollbacks, staying }, rollback.name),
  }));
  return done({ migrations, dryRun: true }, { kind: 'code', text: receipts.join('\n') });
}

function headOf(rollback: Rollback): string[] {
  const { name, source, doubts } = rollback;
  const kind = source === 'file' ? 'its own down' : 'derived from the catalogs';
  return [
    `${name} (down, ${kind})`,
    ...(isProven(rollback)
      ? ['proven: up, down and up again in a shadow give the same schema']
      : ['NOT PROVEN', ...doubts.flatMap(describeDoubt)]),
    ...changesOf(rollback),
  ];
}
