import type { Wanted } from '../../shadow/replay-cache-key.ts';
import { statesOf } from '../../shadow/catalog-history.ts';
import { deltasBetween } from '../../catalog/deltas.ts';
import type { Migration } from '../../migration.ts';
import { readDirectives } from '../../sql/directives.ts';
import { splitParts } from '../../sql/execution.ts';
import { splitStatements, SqlSyntaxError } from '../../sql/statements.ts';
import { timelinesOf } from '../effects.ts';
import { solve } from '../solve.ts';
import type { Showing } from '../world.ts';
import type { Diagnosis } from '../diagnose.ts';
import { statementsOfModule } from './module-statements.ts';
import { readText } from '../../text-file.ts';

/** A statement of a file that is in the database in part. */
export interface PartialStatement {
  sql: string;
  /** `line 4` of a file, or `statement 2` of a module. */
  place: string;
  /** 1-based line of the file; nothing for a module. */
  line: number | null;
  /** It needs values that only its module has. */
  hasValues: boolean;
  /** The statement as a migration of its own, with the settings of the file above it. */
  migration: Migration;
  /** No transaction may hold it. */
  standsAlone: boolean;
  /** `otherwise`: what it makes is there, and is something else. */
  state: 'in' | 'missing' | 'otherwise' | 'not known';
}

/**
 * Which statements of a file were run: each is replayed on its own, after those before it, and what
 * it changes is looked for in the live catalog. One that changes rows only was run where one after
 * it was, and was not where one before it was not: a file runs in its order.
 *
 * @returns undefined when the statements cannot be separated
 */
export async function statementsOf(
  wanted: Wanted,
  diagnosis: Diagnosis,
  at: number,
): Promise<PartialStatement[] | undefined> {
  const migration = wanted.migrations[at];
  if (!migration) return undefined;
  const steps =
    migration.up.kind === 'sql' ? await split(migration, wanted) : await sentBy(wanted, at);
  if (!steps) return undefined;
  const before = wanted.migrations.slice(0, at);
  const alone = steps.map((step) => step.migration);
  const { snapshots } = await statesOf({ ...wanted, migrations: [...before, ...alone] });
  const { effects, facts, solution } = diagnosis;
  const own = alone.map((_, index) =>
    deltasBetween(snapshots[at + index] ?? [], snapshots[at + index + 1] ?? []),
  );
  const deltas = [...effects.deltas.slice(0, at), ...own, ...effects.deltas.slice(at + 1)];
  const known = [
    ...solution.applied.slice(0, at),
    ...own.map(() => false),
    ...solution.applied.slice(at + 1),
  ];
  const changesData = known.map((isApplied) => !isApplied);
  const solved = solve({ deltas, timelines: timelinesOf(deltas) }, facts, {
    recorded: known,
    changesData,
  });
  const states = own.map((changes, index): PartialStatement['state'] =>
    changes.length === 0 ? 'not known' : stateOf(solved.showings[at + index] ?? []),
  );
  return steps.map((step, index) => ({ ...step, state: inOrder(states, index) }));
}

async function split(
  migration: Migration,
  { format }: Wanted,
): Promise<Omit<PartialStatement, 'state'>[] | undefined> {
  const { up, name } = migration;
  if (up.kind !== 'sql') return undefined;
  const sql = up.sql;
  const source = readText(up.file);
  try {
    const { noTransaction } = readDirectives(source, name);
    const isApart = noTransaction || up.noTransaction === true;
    let settings = '';
    const steps: Omit<PartialStatement, 'state'>[] = [];
    for (const part of await splitParts(sql)) {
      const [first] = part.statements;
      const setter = part.statements.every(({ setsSession }) => setsSession);
      if (setter) settings += `${part.sql};\n`;
      else
        steps.push({
          sql: part.sql.trim(),
          place: `line ${first.line}`,
          line: first.line,
          hasValues: false,
          standsAlone: part.statements.some(({ standsAlone }) => standsAlone),
          migration: {
            name: `${name} line ${first.line}`,
            hash: '',
            up: {
              kind: 'sql',
              file: up.file,
              sql: `${settings}${part.sql}`,
              noTransaction: isApart && format.needsDirective === true,
            },
          },
        });
    }
    return steps;
  } catch (error) {
    if (error instanceof SqlSyntaxError) return undefined;
    throw error;
  }
}

async function sentBy(
  wanted: Wanted,
  at: number,
): Promise<Omit<PartialStatement, 'state'>[] | undefined> {
  const sent = await statementsOfModule(wanted, at);
  const { name = '', up } = wanted.migrations[at] ?? {};
  return (
    sent &&
    Promise.all(
      sent.map(async ({ sql, hasValues }, index) => {
        const statements = await splitStatements(sql).catch(() => []);
        const text = hasValues ? 'SELECT' : sql;
        return {
          sql,
          place: `statement ${index + 1}`,
          line: null,
          hasValues,
          standsAlone: statements.some(({ standsAlone }) => standsAlone),
          migration: {
            name: `${name} statement ${index + 1}`,
            hash: '',
            up: { kind: 'sql' as const, file: up?.file ?? '', sql: text },
          },
        };
      }),
    )
  );
}

function stateOf(showings: readonly Showing[]): PartialStatement['state'] {
  const isThere = (showing: Showing) => showing === 'in' || showing === 'overwritten';
  if (showings.every(isThere)) return 'in';
  if (showings.every((showing) => showing === 'out')) return 'missing';
  return showings.some(isThere) || showings.includes('different') ? 'otherwise' : 'missing';
}

function inOrder(
  states: readonly PartialStatement['state'][],
  at: number,
): PartialStatement['state'] {
  const state = states[at] ?? 'not known';
  if (state !== 'not known') return state;
  const isGone = states.slice(0, at).includes('missing');
  const isFollowed = states.slice(at + 1).includes('in');
  if (isGone === isFollowed) return 'not known';
  return isGone ? 'missing' : 'in';
}
