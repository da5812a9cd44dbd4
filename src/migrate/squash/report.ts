import { join, relative } from 'node:path';
import type { DbopsError } from '../../errors.ts';
import { exitCodes } from '../../errors.ts';
import type { Folder } from '../../formats/format.ts';
import { formatCountOf } from '../../output/number.ts';
import { text, type Block, type JsonValue, type Report } from '../../report.ts';
import type { SquashPlan } from './plan.ts';
import type { RowPlan } from './rows.ts';
import type { Staged } from './stage.ts';

/** A squash, planned and staged. */
export interface Squash {
  folder: Folder;
  plan: SquashPlan;
  staged: Staged;
  rows: RowPlan;
  /** The directory that paths are shown from. */
  cwd: string;
}

/** What became of a squash. */
export interface SquashOutcome {
  /** Whether it was written; otherwise its text is shown. */
  isDone?: boolean;
  /** Id of the undo record. */
  undo?: string;
  /** Why the file is not proven. */
  failure?: DbopsError;
}

/** Returns the report of a squash, or of what one would do. */
export function squashReport(squash: Squash, { isDone, undo, failure }: SquashOutcome): Report {
  const { folder, plan, staged, rows } = squash;
  const { add, remove } = plan.changes;
  const shown = (file: string) => pathOf(squash, file);
  return {
    exitCode: failure?.exitCode ?? exitCodes.done,
    data: {
      format: folder.format.name,
      name: staged.squashed.name,
      replaces: plan.members.map(({ name }) => name),
      written: Object.keys(add).map(shown),
      removed: remove.map(shown),
      data: plan.data.map((each): JsonValue => ({ ...each })),
      notes: plan.notes,
      proven: failure === undefined,
      rows: rows.state,
      undo: undo ?? null,
      dryRun: !isDone,
    },
    blocks: [
      ...(isDone ? [] : textsOf(squash)),
      ...dataBlocks(plan),
      ...plan.notes.map((note) => text(note, 'warn')),
      ...(failure
        ? []
        : outcomeBlocks(squash, {
            ...(isDone && { isDone }),
            ...(undo !== undefined && { undo }),
          })),
    ],
    ...(failure && { error: failure }),
  };
}

/** Returns the path of a file of the folder, for people. */
function pathOf({ cwd, folder }: Squash, file: string): string {
  return relative(cwd, join(folder.directory, file));
}

function textsOf(squash: Squash): Block[] {
  return Object.entries(squash.plan.changes.add)
    .filter(([file]) => file.endsWith('.sql'))
    .map(([file, content]) => ({
      kind: 'code',
      text: `-- ${pathOf(squash, file)}\n${content}`,
    }));
}

function dataBlocks({ data }: SquashPlan): Block[] {
  if (data.length === 0) return [];
  const count = formatCountOf(data.length, 'statement', 'statements');
  const lines = data.map(({ migration, line, sql }) => {
    const head = sql.replaceAll(/\s+/g, ' ').slice(0, 80);
    return `  ${migration} line ${line}: ${head}`;
  });
  return [text([`Keeps ${count} that may change rows:`, ...lines].join('\n'))];
}

function outcomeBlocks(squash: Squash, { isDone, undo }: SquashOutcome): Block[] {
  const { folder, plan, staged, rows } = squash;
  const { table } = folder.tracking;
  const members = formatCountOf(plan.members.length, 'migration', 'migrations');
  const proof = plan.isHalfRemoved ? '' : '; it replays to the same catalog';
  const verb = isDone ? 'replaces' : 'would replace';
  const files = Object.keys(plan.changes.add).filter((file) => file.endsWith('.sql'));
  const blocks = [
    ...(isDone ? files.map((file) => text(`✓ ${pathOf(squash, file)}`, 'good')) : []),
    text(`✓ ${staged.squashed.name} ${verb} ${members}${proof}`, 'good'),
  ];
  if (rows.state === 'all') {
    const change = isDone ? 'now has' : 'would have';
    const how = undo === undefined ? '' : '; to undo: dbops repair-tracking --undo';
    blocks.push(text(`✓ ${table} ${change} 1 row for them${how}`, 'good'));
  }
  if (rows.state === 'none') blocks.push(text(`${table} records none of them; no row is changed`));
  const next = isDone
    ? '→ Commit the folder. On each other database, after the deployment: dbops repair-tracking --apply'
    : '→ To write this: run the command without --dry-run';
  return [...blocks, text(next)];
}
