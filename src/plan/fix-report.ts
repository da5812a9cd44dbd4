import { relative } from 'node:path';
import type { PlanFixDocument } from '../plan-document.ts';
import { formatCountOf } from '../output/number.ts';
import { text, type Block, type Report } from '../report.ts';
import type { MigrationFix, Unfixed } from './fix.ts';

/** What `--fix` wrote: text by absolute path, by migration. */
export interface WrittenFix {
  fix: MigrationFix;
  /** Absent where nothing was written; then why. */
  files?: Record<string, string>;
  reason?: string;
}

/** Returns whether the files of a fix may replace the migration. */
export function isUsable({ proof, plan, differs }: MigrationFix): boolean {
  const isSafe = plan.every(({ statements }) =>
    statements.every(
      ({ verdict }) => verdict === 'ok' || verdict === 'slow' || verdict === 'unknown',
    ),
  );
  return isSafe && (proof.isProven || differs.length > 0);
}

/** Returns the report with the safe forms of its migrations. */
export function withFixes(
  report: Report,
  {
    written,
    unfixed,
    cwd,
  }: { written: readonly WrittenFix[]; unfixed: readonly Unfixed[]; cwd: string },
): Report {
  return {
    ...report,
    data: {
      ...report.data,
      fixes: written.map(documentOf),
      unfixed: unfixed.map((each) => ({ ...each })),
    },
    blocks: [
      ...report.blocks,
      ...written.flatMap((each) => blocksOf(each, cwd)),
      ...unfixed.flatMap(({ migration, reason, advice }) => [
        text(`${migration}: not rewritten, because ${reason}.`, 'warn'),
        ...advice.map((each) => text(each)),
      ]),
    ],
  };
}

function documentOf({ fix, files, reason }: WrittenFix): PlanFixDocument {
  const { migration, recipes, proof, plan, notes, differs } = fix;
  return {
    migration: migration.name,
    recipes,
    isProven: proof.isProven,
    differences: proof.isProven ? [] : proof.reason,
    verdicts: plan.flatMap(({ statements }) => statements.map(({ verdict }) => verdict)),
    notes: [...notes, ...differs],
    files: fix.files.map(({ suffix, sql, noTransaction }) => ({ suffix, sql, noTransaction })),
    backfills: fix.backfills.map(({ name, target: { table, set } }) => ({ name, table, set })),
    written: files ? Object.keys(files) : [],
    ...(reason !== undefined && { reason }),
  };
}

const listedDifferences = 5;

function listed(reason: readonly string[]): string {
  const more = reason.length - listedDifferences;
  return [...reason.slice(0, listedDifferences), ...(more > 0 ? [`and ${more} more`] : [])].join(
    '; ',
  );
}

function blocksOf({ fix, files, reason }: WrittenFix, cwd: string): Block[] {
  const { migration, recipes, proof, notes, differs } = fix;
  const lead = `${migration.name}: ${recipes.join(', ')}`;
  const state = proof.isProven
    ? 'proven in a shadow database: the schema is that of the migration'
    : `the schema differs: ${listed(proof.reason)}`;
  const parts = fix.files.flatMap(({ sql, suffix }): Block[] => [
    text(suffix === '' ? 'first file' : suffix, 'dim'),
    { kind: 'code', text: sql },
  ]);
  const backfills = fix.backfills.flatMap(({ name, target }): Block[] => [
    text(`backfill ${name}`, 'dim'),
    { kind: 'code', text: `${JSON.stringify(target, null, 2)}\n` },
  ]);
  const paths = Object.keys(files ?? {}).map((path) => relative(cwd, path));
  return [
    text(`${lead} (${state})`, proof.isProven ? 'good' : 'warn'),
    ...[...notes, ...differs].map((note) => text(note)),
    ...(files
      ? [text(`✓ ${formatCountOf(paths.length, 'file')} written: ${paths.join(', ')}`, 'good')]
      : [...parts, ...backfills]),
    ...(reason === undefined ? [] : [text(`Not written: ${reason}`, 'warn')]),
  ];
}
