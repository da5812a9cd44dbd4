import { formatCountOf } from '../output/number.ts';
import { objectName } from '../catalog/snapshot.ts';
import { exitCodes } from '../errors.ts';
import type { Folder, Prospect } from '../formats/format.ts';
import {
  text,
  type Block,
  type Column,
  type JsonValue,
  type Report,
  type Tone,
} from '../report.ts';
import type { Repaired } from './apply.ts';
import type { PartialStatement } from './partial/statements.ts';
import { sqlOf } from './sql.ts';
import type { Undone } from './undo.ts';
import type { Judgement, Verdict } from './verdict.ts';
import { findingsOf, type Repair } from './findings.ts';
import type { Mending } from './partial-files.ts';
import type { Replacement } from './squash/replacement.ts';
import { actionsByName, describeAction, describeEvidence, lineOf } from './describe-verdict.ts';

const good = new Set<Verdict>(['recorded', 'proven', 'superseded']);
const neutral = new Set<Verdict>(['absent', 'unprovable']);

function toneOf(verdict: unknown): Tone | undefined {
  if (good.has(verdict as Verdict)) return 'good';
  return neutral.has(verdict as Verdict) ? undefined : 'warn';
}

const columns: Column[] = [
  { key: 'name', label: 'migration' },
  { key: 'verdict', label: 'verdict', tone: (verdict) => toneOf(verdict) },
  { key: 'evidence', label: 'evidence' },
  { key: 'action', label: 'action' },
];

/** Verdicts that always mean a disagreement. */
const disagreeing = new Set<Verdict>([
  'partial',
  'edited-equivalent',
  'edited-changed',
  'recorded-but-absent',
  'orphan-row',
  'duplicate-row',
  'failed-row',
]);

/** What no change of the tracking table puts right. */
function leftOver({ diagnosis, plan, mending }: Repair): Judgement[] {
  const done = new Set([...plan.actions.map(({ name }) => name), mending?.name]);
  return diagnosis.judgements.filter(
    ({ name, verdict }) => disagreeing.has(verdict) && !done.has(name),
  );
}

/** @param repaired what was written; absent: nothing was */
export async function repairReport(repair: Repair, repaired?: Repaired): Promise<Report> {
  const { folder, diagnosis, plan, isVerbose } = repair;
  const { judgements, live } = diagnosis;
  const byName = actionsByName(plan);
  const left = leftOver(repair);
  const isDone = (plan.actions.length === 0 && !repair.mending) || repaired !== undefined;
  const findings = await findingsOf(repair, left);
  const written = sqlOf(plan, folder.tracking, live.rows ?? [], { batch: 1 });
  const sql = [...(repair.mending?.way.statements ?? []), ...written];
  const prospect = repaired?.prospect ?? plan.prospect;
  const migrations = judgements.map(({ name, verdict, evidence }, at) => ({
    name,
    verdict,
    evidence: evidence.map((each): JsonValue => ({ ...each })),
    action: describeAction(byName, judgements[at]),
    ...replacesJson(repair, judgements[at]),
    ...(repair.steps.has(name) && { statements: stepsJson(repair.steps.get(name)) }),
  }));
  const rows = judgements.map((judgement) => ({
    name: judgement.name,
    verdict: judgement.verdict,
    evidence: replacedWords(repair, judgement) ?? describeEvidence(judgement),
    action: describeAction(byName, judgement) ?? '',
  }));
  const blocks: Block[] = [{ kind: 'table', columns, rows }];
  if (isVerbose) blocks.push(...judgements.flatMap(factsBlock));
  blocks.push(...replacementBlocks(repair), ...stepBlocks(repair));
  if (findings.length > 0) blocks.push({ kind: 'findings', findings });
  if (sql.length > 0 && (!repaired || isVerbose))
    blocks.push({ kind: 'code', text: sql.map((each) => `${each.replace(/;$/, '')};`).join('\n') });
  blocks.push(...summaryOf(repair, { repaired, prospect, left }));
  return {
    exitCode: isDone && left.length === 0 ? exitCodes.done : exitCodes.desynchronised,
    data: {
      format: folder.format.name,
      migrations,
      sql,
      doubts: repair.mending?.way.doubts ?? [],
      applied: repaired !== undefined,
      undo: repaired?.undo ?? null,
      next: prospectJson(folder, prospect),
      unexplained: diagnosis.unexplained.map(
        ({ kind, ...object }) => `${kind} ${objectName({ kind, ...object })}`,
      ),
      skipped: diagnosis.states.skipped,
      findings,
    },
    blocks,
  };
}

/** Names the rows that a migration replaces. */
function replacesJson({ replacements }: Repair, judgement: Judgement | undefined) {
  const found = replacements.find(({ squashed }) => squashed === judgement?.migration);
  return found && { replaces: namesIn(found) };
}

/** Without the row that has the number of the migration already. */
function namesIn({ squashed, rows }: Replacement): string[] {
  return rows.map(({ name }) => name).filter((name) => name !== squashed.name);
}

function replacedWords({ replacements }: Repair, { orphan, row }: Judgement): string | undefined {
  const isOfRow = ({ rows }: Replacement) => rows.some((each) => each.row === row);
  const found = orphan && replacements.find(isOfRow);
  return found && `replaced by ${found.squashed.name}`;
}

/** Says which migrations replace others. */
function replacementBlocks({ replacements }: Repair): Block[] {
  return replacements.map((each) =>
    text(`${each.squashed.name} replaces ${namesIn(each).join(', ')}`),
  );
}

function stepsJson(steps: readonly PartialStatement[] = []): JsonValue {
  return steps.map(({ sql, line, state }) => ({ sql, line, state }));
}

/** Which statements of half-run files are in, and which are not. */
function stepBlocks({ steps, mending }: Repair): Block[] {
  const blocks = [...steps].map(([name, ofFile]) => {
    const lines = ofFile.map(({ sql, place, state }) => {
      const head = sql.replaceAll(/\s+/g, ' ').slice(0, 80);
      return `  ${place.padEnd(9)} ${state.padEnd(9)}  ${head}`;
    });
    return text([name, ...lines].join('\n'));
  });
  const doubts = mending?.way.doubts ?? [];
  if (!mending) return blocks;
  const verdict =
    doubts.length > 0
      ? text(
          ['not proven in a shadow database:', ...doubts.map((each) => `  ${each}`)].join('\n'),
          'bad',
        )
      : text(`✓ proven in a shadow database: ${mending.kind} ${mending.name}`, 'good');
  return [...blocks, verdict];
}

function factsBlock({ name, evidence }: Judgement): Block[] {
  if (evidence.length === 0) return [];
  return [text([name, ...evidence.map((each) => `  ${lineOf(each)}`)].join('\n'), 'dim')];
}

function prospectJson({ tracking }: Folder, prospect: Prospect): JsonValue {
  return { command: tracking.rows.command, ...prospect };
}

interface Outcome {
  repaired: Repaired | undefined;
  prospect: Prospect;
  left: readonly Judgement[];
}

function summaryOf(
  { folder, plan, mending, options }: Repair,
  { repaired, prospect, left }: Outcome,
): Block[] {
  const { table, rows } = folder.tracking;
  const count = plan.actions.length === 1 ? '1 change' : `${plan.actions.length} changes`;
  const blocks: Block[] = [];
  if (mending) blocks.push(mendingBlock(mending, repaired !== undefined));
  if (repaired && plan.actions.length > 0)
    blocks.push(
      text(`✓ ${count} written to ${table}; to undo: dbops repair-tracking --undo`, 'good'),
    );
  else if (plan.actions.length > 0)
    blocks.push(text(`${table} needs ${count}; nothing was written`, 'warn'));
  else if (left.length === 0 && !mending)
    blocks.push(text(`✓ ${table} matches the database`, 'good'));
  const isAsItIs = plan.actions.length === 0 && !mending;
  const would = repaired || isAsItIs ? 'would now' : 'would then';
  blocks.push(text(`${rows.command} ${would} ${wordsOf(prospect)}`));
  const mayBegin = plan.actions.length > 0 || mending;
  if (!repaired && mayBegin && !mending?.way.doubts.length)
    blocks.push(text(`→ To write this: dbops repair-tracking${options} --apply`));
  return blocks;
}

function mendingBlock({ name, kind, way }: Mending, isDone: boolean): Block {
  const { length } = way.statements;
  const count = length === 1 ? '1 statement' : `${length} statements`;
  const done = kind === 'finish' ? 'finished' : 'rolled back';
  return isDone
    ? text(`✓ ${name} was ${done}: ${count}`, 'good')
    : text(`${name} would be ${done} by ${count}; nothing was run`, 'warn');
}

function wordsOf(prospect: Prospect): string {
  if ('stops' in prospect) return `stop: ${prospect.stops}`;
  return prospect.runs.length === 0 ? 'run nothing' : `run: ${prospect.runs.join(', ')}`;
}

/** What `--undo` did. */
export function undoneReport({ format, tracking }: Folder, { undo, rows }: Undone): Report {
  const what = rows === undefined ? 'the table did not exist' : formatCountOf(rows, 'row');
  return {
    exitCode: exitCodes.done,
    data: { format: format.name, migrations: [], applied: false, undo, undone: true },
    blocks: [text(`✓ restored ${tracking.table} as it was before the repair: ${what}`, 'good')],
  };
}
