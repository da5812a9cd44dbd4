import { hash } from 'node:crypto';
import { isOther, isSame } from '../db/compare.ts';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { answerFor, columnOf } from './sql.ts';
import type { Subject } from './resolve-target.ts';

/**
 * Returns the names of the triggers that fill a column while the application does not write it yet.
 * They sort last, because triggers fire in the order of their names. An error in them never fails the
 * application's statement.
 */
export function triggerNames(column: string): { fill: string; move: string } {
  const short =
    Buffer.byteLength(column) <= 40 ? column : `${column.slice(0, 12)}_${digest(column)}`;
  return { fill: `zz_dbops_fill_${short}`, move: `zz_dbops_move_${short}` };
}

function digest(text: string): string {
  return hash('sha256', text).slice(0, 8);
}

function functionName(subject: Subject, kind: 'fill' | 'move'): string {
  return `dbops.${quoteIdentifier(`${kind}_${digest(`${subject.table} ${subject.column}`)}`)}`;
}

/**
 * A BEFORE INSERT trigger fills new rows. When a row is moved to another source row, an AFTER UPDATE
 * trigger follows in a statement of its own: a BEFORE UPDATE trigger would lock every row that the
 * backfill updates, and write WAL for it. Tables without a key need a BEFORE trigger.
 *
 * Conditions on the column are in the function: in WHEN they would prevent a rollback from dropping the
 * column. Whether the row was moved is in WHEN, because a function call costs every updated row. It is
 * compared by bytes, because not every type has an equality operator. WHEN of a BEFORE trigger cannot
 * refer to a generated column.
 */
function bareTriggers(subject: Subject): string[] {
  const { table, column, key, reads, done } = subject;
  const { fill, move } = triggerNames(column);
  const name = quoteIdentifier(column);
  const reference = reads.map((each) => quoteIdentifier(each));
  const of = (row: string) =>
    `ROW(${reference.map((each) => `${row}.${each}`).join(', ')})::pg_catalog.record`;
  const isMoved = `${of('OLD')} OPERATOR(pg_catalog.*<>) ${of('NEW')}`;
  const hasKey = key.length > 0;
  const follow = hasKey
    ? `${updateByKey(subject)}; RETURN NULL`
    : `NEW.${name} := answer; RETURN NEW`;
  return [
    functionFor(subject, 'fill', {
      when: done === undefined ? `NEW.${name} IS NULL` : 'true',
      take: `NEW.${name} := answer; RETURN NEW`,
      otherwise: 'NEW',
    }),
    `CREATE OR REPLACE TRIGGER ${quoteIdentifier(fill)} BEFORE INSERT ON ${table}
      FOR EACH ROW EXECUTE FUNCTION ${functionName(subject, 'fill')}()`,
    ...(done === undefined && reads.length > 0
      ? [
          functionFor(subject, 'move', {
            when: `${isSame(`OLD.${name}`, `NEW.${name}`)}${hasKey ? '' : ` AND ${isMoved}`}`,
            take: follow,
            otherwise: hasKey ? 'NULL' : 'NEW',
          }),
          `CREATE OR REPLACE TRIGGER ${quoteIdentifier(move)} ${hasKey ? 'AFTER' : 'BEFORE'} UPDATE OF ${reference.join(', ')} ON ${table}
            FOR EACH ROW ${hasKey ? `WHEN (${isMoved}) ` : ''}EXECUTE FUNCTION ${functionName(subject, 'move')}()`,
        ]
      : []),
  ];
}

/** The target of a backfill that a trigger fills. */
export interface TriggerOwner {
  backfill: string;
  /** Its index in the definition. */
  target: number;
}

/** Returns SQL that creates or replaces the triggers, and records whose they are. */
export function createTriggers(subject: Subject, owner: TriggerOwner): string {
  const signature = `COMMENT ON FUNCTION ${functionName(subject, 'fill')}() IS ${quoteLiteral(signatureOf(subject, owner))}`;
  return [...bareTriggers(subject), signature].join(';\n');
}

function updateByKey({ table, alias, column, key, ...rest }: Subject): string {
  const same = key.map(
    ({ name, equals }) =>
      `${alias}.${quoteIdentifier(name)} ${equals} NEW.${quoteIdentifier(name)}`,
  );
  return `UPDATE ${table} AS ${alias} SET ${quoteIdentifier(column)} = answer
    WHERE ${same.join(' AND ')} AND ${isOther(columnOf({ ...rest, table, alias, column, key }), 'answer')}`;
}

/**
 * See `securityOf` for the rights and the search_path of the function. With the rights of a writer
 * from whom a policy hides the source, a new row would count as an orphan: rather no value.
 */
function functionFor(
  subject: Subject,
  kind: 'fill' | 'move',
  { when, take, otherwise }: { when: string; take: string; otherwise: string },
): string {
  return `CREATE OR REPLACE FUNCTION ${functionName(subject, kind)}() RETURNS trigger
    LANGUAGE plpgsql ${subject.security}${kind === 'fill' ? ' SET row_security = off' : ''} AS $dbops_fill$
#variable_conflict use_column
DECLARE
  answer ${subject.type}${subject.collate};
  is_found boolean;
  is_wanted boolean;
BEGIN
  IF NOT (${when}) THEN RETURN ${otherwise}; END IF;
  SELECT value, found, wanted INTO answer, is_found, is_wanted FROM (${answerFor(subject, 'NEW')}) AS dbops_given;
  IF is_wanted AND ${kind === 'fill' ? 'answer IS NOT NULL' : 'is_found'} THEN ${take}; END IF;
  RETURN ${otherwise};
EXCEPTION WHEN OTHERS THEN RETURN ${otherwise};
END $dbops_fill$`;
}

/** Returns SQL that drops the triggers if they exist. */
export function dropTriggers({ table, column, ...subject }: Subject): string {
  const { fill, move } = triggerNames(column);
  const of = { ...subject, table, column };
  return [
    ...[fill, move].map((name) => `DROP TRIGGER IF EXISTS ${quoteIdentifier(name)} ON ${table}`),
    ...(['fill', 'move'] as const).map(
      (kind) => `DROP FUNCTION IF EXISTS ${functionName(of, kind)}()`,
    ),
  ].join(';\n');
}

/** Returns a SELECT of the number of existing triggers and the signature of their SQL. */
export function triggersOf(subject: Subject): string {
  const { fill, move } = triggerNames(subject.column);
  return `SELECT count(*)::int AS count, max(obj_description(tgfoid, 'pg_proc')) AS made
    FROM pg_trigger WHERE tgrelid = ${quoteLiteral(subject.table)}::regclass
     AND tgname IN (${quoteLiteral(fill)}, ${quoteLiteral(move)})`;
}

/** Returns whose the triggers are with a signature of their SQL, to compare with existing ones. */
export function signatureOf(subject: Subject, { backfill, target }: TriggerOwner): string {
  return `dbops ${digest(bareTriggers(subject).join())} ${target} ${backfill}`;
}

/**
 * SELECT of the trigger functions of all backfills. Their comments identify them, because the table or
 * the column may have been renamed or dropped since.
 */
export const ownedFunctions = `SELECT substr(p.proname, 6) AS digest, split_part(c.text, ' ', 3)::int AS target,
    regexp_replace(c.text, '^dbops \\S+ \\d+ ', '') AS backfill
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, obj_description(p.oid, 'pg_proc') AS c (text)
 WHERE n.nspname = 'dbops' AND p.proname ~ '^fill_[0-9a-f]{8}$' AND c.text ~ '^dbops [0-9a-f]{8} \\d+ '
 ORDER BY p.proname`;

/** Returns SQL that drops the functions of a target with their triggers. @param of of `ownedFunctions` */
export function dropFunctions(of: string): string {
  return (['fill', 'move'] as const)
    .map((kind) => `DROP FUNCTION IF EXISTS dbops.${quoteIdentifier(`${kind}_${of}`)}() CASCADE`)
    .join(';\n');
}
