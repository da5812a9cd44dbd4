import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { Step } from './step.ts';

/** How far a file that runs statement by statement has come. */
export interface Checkpoint {
  /** Of the file when it began. */
  hash: string;
  /** Statements that are committed. */
  done: number;
  /** A statement that can't share a transaction with its checkpoint was begun after those. */
  begun: boolean;
}

export const createCheckpoints = `${ensureOwnSchema}
  CREATE TABLE IF NOT EXISTS dbops.checkpoints (
    migration text NOT NULL,
    direction text NOT NULL,
    hash text NOT NULL,
    done integer NOT NULL,
    begun boolean NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_pkey PRIMARY KEY (migration, direction))`;

/** Where an earlier run of the step stopped, if one did. */
export async function readCheckpoint(
  session: Session,
  { migration, direction }: Step,
): Promise<Checkpoint | undefined> {
  const [row] = await session.query<Checkpoint & Record<string, unknown>>(
    'SELECT hash, done, begun FROM dbops.checkpoints WHERE migration = $1 AND direction = $2',
    [migration.name, direction],
  );
  return row;
}

/** SQL that moves the checkpoint; rides in the transaction of the statement it follows. */
export function saveCheckpoint(
  { migration, direction }: Step,
  done: number,
  begun: boolean,
): string {
  return `INSERT INTO dbops.checkpoints (migration, direction, hash, done, begun)
    VALUES (${quoteLiteral(migration.name)}, ${quoteLiteral(direction)}, ${quoteLiteral(migration.hash)}, ${done}, ${begun})
    ON CONFLICT (migration, direction) DO UPDATE
      SET hash = excluded.hash, done = excluded.done, begun = excluded.begun, updated_at = now()`;
}

export function dropCheckpoint({ migration, direction }: Step): string {
  return `DELETE FROM dbops.checkpoints WHERE migration = ${quoteLiteral(migration.name)} AND direction = ${quoteLiteral(direction)}`;
}
