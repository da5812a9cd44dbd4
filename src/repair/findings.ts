import type { Wanted } from '../shadow/replay-cache-key.ts';
import type { Folder } from '../formats/format.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Plan } from './plan.ts';
import type { PartialStatement } from './partial/statements.ts';
import type { Mending } from './partial-files.ts';
import type { LeftRow, Replacement } from './squash/replacement.ts';
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
  /** Migrations that replace others, and the rows of these. */
  replacements: readonly Replacement[];
  /** Rows that a migration says to replace, and does not, by name. */
  left: ReadonlyMap<string, LeftRow>;
  /** Statements of the migrations that are there in part, by name. */
  steps: ReadonlyMap<string, PartialStatement[]>;
  mending?: Mending;
  /** The options to repeat the command with. */
  options: string;
  /** Whether every fact is listed. */
  isVerbose: boolean;
}

/** Returns what a person has to know or do beside the changes of the table, each with its fix. */
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

function wordsOf(judgement: Judgement, { plan, diagnosis, left }: Repair): Words {
  const { name, verdict, evidence, migration, row, isFollowed } = judgement;
  const reason = plan.reasons.get(name);
  const missing = evidence.filter(({ showing }) => showing === 'out' || showing === 'different');
  const listed = missing.slice(0, 5).map(lineOf).join('; ');
  const rest = missing.length > 5 ? `; and ${missing.length - 5} more` : '';
  const file = migration && shellWord(relative(process.cwd(), migration.up.file));
  const former = row && diagnosis.former.get(row);
  switch (verdict) {
    case 'edited-changed':
      return {
        message: `${name} was edited after it was applied, and no longer produces the applied schema.`,
        help: `Restore the applied version (git log -p -- ${file}), and make the change in a new migration: dbops migrate new NAME`,
      };
    case 'partial':
      return {
        message: `${name} is partly applied (${listed}${rest}).`,
        help: isFollowed
          ? `Finish it: dbops repair-tracking --finish ${shellWord(name)}; or, if it was applied and changed by hand since, record it as it is: dbops repair-tracking --assume ${shellWord(name)} --apply`
          : `Finish it: dbops repair-tracking --finish ${shellWord(name)}; or roll back what was applied: dbops repair-tracking --take-back ${shellWord(name)}`,
      };
    case 'failed-row':
      return {
        message: `${name} is recorded as failed, and ${reason ?? 'its effects are unknown'}.`,
        help: `dbops repair-tracking --finish ${shellWord(name)}, or --take-back ${shellWord(name)}; if all of it was applied: dbops repair-tracking --assume ${shellWord(name)} --apply`,
      };
    case 'recorded-but-absent':
      return {
        message: `${name} is recorded, but none of its effects are in the catalog${reason ? `; its row is kept: ${reason}` : ''}.`,
        help: `To apply it: dbops repair-tracking --finish ${shellWord(name)}`,
      };
    default: {
      const squashed = left.get(name)?.squashed.name;
      if (squashed !== undefined)
        return {
          message: `The row ${name} is kept: ${reason}.`,
          help: `See the verdict on ${squashed}. If all of it was applied: dbops repair-tracking --assume ${shellWord(squashed)} --apply`,
        };
      return {
        message: `The row ${name} matches no migration in the folder: ${reason ?? 'no candidate was found'}.`,
        help: former
          ? `Its file ${relative(process.cwd(), former.path)} was deleted. Restore it: git checkout ${former.commit} -- ${shellWord(relative(process.cwd(), former.path))}`
          : 'Restore its file, from version control or from whoever applied it. If another file replaces it, name it at the top of that file: -- dbops: replaces NAME',
      };
    }
  }
}

/** Reports migrations that are applied but cannot have a row. */
function notRecorded({ plan }: Repair, left: readonly Judgement[]): Finding[] {
  const reported = new Set(left.map(({ name }) => name));
  return [...plan.reasons].flatMap(([name, reason]) =>
    reported.has(name)
      ? []
      : finding('not-recorded', 'warning', name, {
          message: `${name} gets no row: ${reason}.`,
          help: 'Apply the migrations before it, or give it a unique version: dbops migrate status',
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
      message: `${name} was applied, and its objects were later changed by hand (${listed}${rest}).`,
      help: 'The tracking table is right. Compare the schema: dbops verify schema',
    });
  });
}

function unprovable({ diagnosis, plan, replacements }: Repair): Finding[] {
  const { judgements, changesData } = diagnosis;
  const last = judgements.findLastIndex(
    ({ verdict, migration }) => migration && verdict !== 'absent' && verdict !== 'unprovable',
  );
  const done = new Set(plan.actions.map(({ name }) => name));
  return judgements.slice(0, Math.max(last, 0)).flatMap(({ name, verdict, migration }) => {
    // The rows that it replaces record that its statements ran.
    const replaces = replacements.some(({ squashed }) => squashed === migration);
    if (verdict === 'proven' && changesData.has(name) && !replaces)
      return finding('data-not-proven', 'info', name, {
        message: `${name} also changes rows, and the catalog does not show whether it did.`,
        help: `Check whether its rows exist: ${migration?.up.file ?? name}`,
      });
    if (verdict !== 'unprovable' || done.has(name)) return [];
    return finding('unprovable', 'warning', name, {
      message: `${name} leaves no trace in the catalog, so it is unknown whether it was applied; no row is written.`,
      help: `If it was applied: dbops repair-tracking --assume ${shellWord(name)} --apply`,
    });
  });
}

function skipped({ diagnosis }: Repair): Finding[] {
  return diagnosis.states.skipped.map(({ name, place, reason }) => {
    const line = Number(/:(\d+)$/.exec(place)?.[1] ?? 1);
    const words = {
      message: `${place} does not run on an empty database (${reason.join(' ')}): its effects are not compared.`,
      help: `The rest of ${name} is compared. If an extension or a PostgreSQL version is missing, use a server: --shadow-url postgres://…`,
    };
    const { where, ...rest } = finding('not-replayed', 'warning', place, words);
    return { ...rest, where: { ...where, migration: name, line } };
  });
}

const limit = 20;

function unexplained({ diagnosis }: Repair): Finding[] {
  const objects = diagnosis.unexplained.map((object) => `${object.kind} ${objectName(object)}`);
  if (objects.length === 0) return [];
  const rest = objects.length > limit ? `, and ${objects.length - limit} more` : '';
  const count = objects.length === 1 ? '1 object' : `${objects.length} objects`;
  return [
    finding('unexplained', 'info', objects[0] ?? '', {
      message: `No migration in the folder creates ${count}: ${objects.slice(0, limit).join(', ')}${rest}.`,
      help: 'They do not affect the verdicts. To keep them, write a migration: dbops migrate new NAME',
    }),
  ];
}
