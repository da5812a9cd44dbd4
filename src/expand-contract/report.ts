import { relative } from 'node:path';
import { shellWord } from '../output/shell.ts';
import { done, text, type Block, type Report } from '../report.ts';
import type { ExpandContractPlan } from './run.ts';

/**
 * Returns the report of a split.
 *
 * @param cwd the directory that paths are shown from
 * @param dryRun whether the files were only planned: their contents are shown
 */
export function expandContractReport(
  { files, backfills, values, notes, deployAfter }: ExpandContractPlan,
  cwd: string,
  dryRun: boolean,
): Report {
  const shown = Object.entries(files).map(([path, content]) => ({
    file: relative(cwd, path),
    content,
  }));
  const blocks = shown.map(({ file, content }): Block =>
    dryRun ? { kind: 'code', text: `-- ${file}\n${content}` } : text(`✓ ${file}`, 'good'),
  );
  const next = dryRun
    ? '→ Write the files: run the command without --dry-run'
    : deployAfter === undefined
      ? '→ Review the files, then run: dbops migrate up'
      : `→ Review the files, then run: dbops migrate up --to ${shellWord(deployAfter)}\n  Deploy the application with the new name, then run: dbops migrate up`;
  return done(
    {
      files: shown.map(({ file }) => file),
      backfills,
      values: values.map((value) => ({ ...value })),
      notes,
      dryRun,
    },
    ...blocks,
    ...values.map(({ table, set, origin }) => text(`${table}: ${set}  (${origin})`)),
    ...notes.map((note) => text(note, 'warn')),
    text(next),
  );
}
