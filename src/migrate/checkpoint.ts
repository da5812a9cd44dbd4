import { codeOf } from '../db/connection-error.ts';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { Direction } from '../migration.ts';
import type { Run, Step } from './step.ts';

/** How far a file that runs part by part has come. */
export interface Checkpoint {
  /** The tracking table of its folder: two folders of one database may use the same names. */
  tracking: string;
  migration: string;
  direction: Direction;
  /** Of the file when it began. */
  hash: string;
  /** Parts that are committed. */
  done: number;
  /** A statement that can't share a transaction with its checkpoint was begun after those. */
  begun: boolean;
  /** What that statement changes, as it was before (see `effect.ts`). */
  before: string | null;
}

export const createCheckpoints = `${ensureOwnSchema}
  CREATE TABLE IF NOT EXISTS dbops.checkpoints (
    tracking text NOT NULL,
    migration text NOT NULL,
    direction text NOT NULL,
    hash text NOT NULL,
    done integer NOT NULL,
    begun boolean NOT NULL,
    before text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_pkey PRIMARY KEY (tracking, migration, direction))`;

const missing = new Set(['42P01', '3F000']); // undefined_table, invalid_schema_name

/** All files that were cut off, of every folder; none where there never was one. */
export async function readCheckpoints(session: Session): Promise<Checkpoint[]> {
  try {
    return await session.query<Checkpoint & Record<string, unknown>>(
      'SELECT tracking, migration, direction, hash, done, begun, before FROM dbops.checkpoints',
    );
  } catch (error) {
    if (missing.has(codeOf(error))) return [];
    throw error;
  }
}

/** Where an earlier run of the step stopped, if one did. */
export async function readCheckpoint(step: Step, run: Run): Promise<Checkpoint | undefined> {
  const checkpoints = await readCheckpoints(run.session);
  return checkpoints.find(
    ({ tracking, migration, direction }) =>
      tracking === run.folder.tracking.table &&
      migration === step.migration.name &&
      direction === step.direction,
  );
}

/** Where a run stands: so many parts are committed, and perhaps the next is begun. */
export type Progress = Pick<Checkpoint, 'done'> & Partial<Pick<Checkpoint, 'begun' | 'before'>>;

/** SQL that moves the checkpoint; rides in the transaction of the part it follows. */
export function saveCheckpoint(
  step: Step,
  run: Run,
  { done, begun = false, before = null }: Progress,
): string {
  const hash = quoteLiteral(step.migration.hash);
  const state = before === null ? 'NULL' : quoteLiteral(before);
  return `INSERT INTO dbops.checkpoints (tracking, migration, direction, hash, done, begun, before)
    VALUES (${keyOf(step, run).join(', ')}, ${hash}, ${done}, ${begun}, ${state})
    ON CONFLICT (tracking, migration, direction) DO UPDATE
      SET hash = excluded.hash, done = excluded.done, begun = excluded.begun,
          before = excluded.before, updated_at = now()`;
}

export function dropCheckpoint(step: Step, run: Run): string {
  return `DELETE FROM dbops.checkpoints WHERE (tracking, migration, direction) = (${keyOf(step, run).join(', ')})`;
}

function keyOf({ migration, direction }: Step, { folder }: Run): string[] {
  return [folder.tracking.table, migration.name, direction].map((each) => quoteLiteral(each));
}
