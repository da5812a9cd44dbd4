import type { Wanted } from '../shadow/replay-cache-key.ts';
import type { Folder } from '../formats/format.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Plan } from './plan.ts';
import type { PartialStatement } from './partial/statements.ts';
import type { Mending } from './partial-files.ts';
import { relative } from 'node:path';
import { objectName } from '../catalog/snapshot.ts';
import { shellWord } from '../output/shell.ts';
import type { Finding } from '../report.ts';
import type { Judgement } from './verdict.ts';
import { lineOf } from './describe-verdict.ts';

/** What `repair-tracking` found, and what it does about it. */
export interface Repair {
  folder: Folder;
  diagnosis: Diagnosis;
  plan: Plan;
  wanted: Wanted;
  /** Statements of the migrations that are there in part, by name. */
  steps: ReadonlyMap<string, PartialStatement[]>;
  mending?: Mending;
  /** The options to repeat the command with. */
  options: string;
  /** Whether every fact is listed. */
  isVerbose: boolean;
}

/** What somebody has to know or to do beside the changes of the table, each with a way out. */
export async function findingsOf(repair: Repair, left: readonly Judgement[]): Promise<Finding[]> {
  return [
    ...left.map((judgement) => toFinding(judgement, repair)),
    ...notRecorded(repair, left),
    ...drifted(repair),
    ...unprovable(repair),
    ...skipped(repair),
    ...unexplained(repair),
  ];
}

function finding(code: string, severity: Finding['severity'], name: string, words: Words): Finding {
  return { code, severity, ...words, where: { object: name }, key: `${code}:${name}` };
}

interface Words {
  message: string;
  help: string;
}

function toFinding(judgement: Judgement, repair: Repair): Finding {
  const { name, verdict } = judgement;
  return finding(verdict, 'error', name, wordsOf(judgement, repair));
}

function wordsOf(judgement: Judgement, { plan, diagnosis }: Repair): Words {
  const { name, verdict, evidence, migration, row, isFollowed } = judgement;
  const reason = plan.reasons.get(name);
  const missing = evidence.filter(({ showing }) => showing === 'out' || showing === 'different');
  const told = missing.slice(0, 5).map(lineOf).join('; ');
  const rest = missing.length > 5 ? `; and ${missing.length - 5} more` : '';
  const file = migration && shellWord(relative(process.cwd(), migration.up.file));
  const former = row && diagnosis.former.get(row);
  switch (verdict) {
    case 'edited-changed':
      return {
        message: `${name} was edited after it was applied, and does not make any more what was applied.`,
        help: `Bring it back as it was applied (git log -p -- ${file}), and make the change in a migration of its own: dbops migrate new NAME`,
      };
    case 'partial':
      return {
        message: `${name} is in the database in part (${told}${rest}).`,
        help: isFollowed
          ? `Finish it: dbops repair-tracking --finish ${shellWord(name)}; or, if it was applied and changed by hand since, record it as it is: dbops repair-tracking --assume ${shellWord(name)} --apply`
          : `Finish it: dbops repair-tracking --finish ${shellWord(name)}; or take back what is there: dbops repair-tracking --take-back ${shellWord(name)}`,
      };
    case 'failed-row':
      return {
        message: `${name} is recorded as failed, and ${reason ?? 'what it did is not known'}.`,
        help: `dbops repair-tracking --finish ${shellWord(name)}, or --take-back ${shellWord(name)}; if all of it was done: dbops repair-tracking --assume ${shellWord(name)} --apply`,
      };
    case 'recorded-but-absent':
      return {
        message: `${name} is recorded, and nothing of it is in the catalog${reason ? `; its row stays, as ${reason}` : ''}.`,
        help: `Make what is missing: dbops repair-tracking --finish ${shellWord(name)}`,
      };
    default:
      return {
        message: `The row ${name} is of no migration of the folder: ${reason ?? 'nothing tells whose it is'}.`,
        help: former
          ? `It was ${relative(process.cwd(), former.path)}, which was deleted. Bring it back: git checkout ${former.commit} -- ${shellWord(relative(process.cwd(), former.path))}`
          : 'Bring its file back, from version control or from whoever applied it.',
      };
  }
}

/** What is there, and can have no row of its own. */
function notRecorded({ plan }: Repair, left: readonly Judgement[]): Finding[] {
  const told = new Set(left.map(({ name }) => name));
  return [...plan.reasons].flatMap(([name, reason]) =>
    told.has(name)
      ? []
      : finding('not-recorded', 'warning', name, {
          message: `${name} gets no row: ${reason}.`,
          help: 'Apply what is missing before it, or give it a version of its own: dbops migrate status',
        }),
  );
}

/** What was changed by hand after a migration that is recorded, and that later ones follow. */
function drifted({ diagnosis }: Repair): Finding[] {
  return diagnosis.judgements.flatMap(({ name, verdict, evidence }) => {
    const missing = evidence.filter(({ showing }) => showing === 'out' || showing === 'different');
    if ((verdict !== 'recorded' && verdict !== 'proven') || missing.length === 0) return [];
    const listed = missing.slice(0, 5).map(lineOf).join('; ');
    const rest = missing.length > 5 ? `; and ${missing.length - 5} more` : '';
    return finding('drift', 'info', name, {
      message: `${name} was applied, and its objects were changed since, not by a migration (${listed}${rest}).`,
      help: 'The tracking table is right. Compare the schema: dbops verify schema',
    });
  });
}

function unprovable({ diagnosis, plan }: Repair): Finding[] {
  const { judgements, changesData } = diagnosis;
  const last = judgements.findLastIndex(
    ({ verdict, migration }) => migration && verdict !== 'absent' && verdict !== 'unprovable',
  );
  const done = new Set(plan.actions.map(({ name }) => name));
  return judgements.slice(0, Math.max(last, 0)).flatMap(({ name, verdict, migration }) => {
    if (verdict === 'proven' && changesData.has(name))
      return finding('data-not-proven', 'info', name, {
        message: `${name} also changes rows, and a catalog does not show whether that was done.`,
        help: `Look whether its rows are there: ${migration?.up.file ?? name}`,
      });
    if (verdict !== 'unprovable' || done.has(name)) return [];
    return finding('unprovable', 'warning', name, {
      message: `${name} leaves no trace in the catalog, so nothing shows whether it was run; it is not recorded.`,
      help: `If it was: dbops repair-tracking --assume ${shellWord(name)} --apply`,
    });
  });
}

function skipped({ diagnosis }: Repair): Finding[] {
  return diagnosis.states.skipped.map(({ name, place, reason }) =>
    finding('not-replayed', 'warning', place, {
      message: `${place} does not run on an empty database (${reason.join(' ')}): what it does is not judged.`,
      help: `The rest of ${name} is. Where an extension or a version is lacking, replay on a server: --shadow-url postgres://…`,
    }),
  );
}

const told = 20;

function unexplained({ diagnosis }: Repair): Finding[] {
  const objects = diagnosis.unexplained.map((object) => `${object.kind} ${objectName(object)}`);
  if (objects.length === 0) return [];
  const rest = objects.length > told ? `, and ${objects.length - told} more` : '';
  const count = objects.length === 1 ? '1 object is' : `${objects.length} objects are`;
  return [
    finding('unexplained', 'info', objects[0] ?? '', {
      message: `${count} made by no migration of the folder: ${objects.slice(0, told).join(', ')}${rest}.`,
      help: 'They prove nothing and are left alone. Put what is wanted into a migration: dbops migrate new NAME',
    }),
  ];
}
