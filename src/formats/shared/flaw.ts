import { basename } from 'node:path';
import { usageError } from '../../errors.ts';
import type { SqlScript } from '../../migration.ts';
import type { Finding } from '../../report.ts';

/** Why a tool refuses one of its own files. */
export interface Flaw {
  code: string;
  message: string;
  /** The way out. */
  help: string;
}

/** The flaw as `migrate status` tells it. */
export function findingOf({ code, message, help }: Flaw, name: string, file: string): Finding {
  return {
    code,
    severity: 'error',
    message,
    help,
    where: { object: name, migration: basename(file) },
    key: `${code}:${name}`,
  };
}

/**
 * The script of a file with a flaw. It can be listed and compared, but not run.
 *
 * @throws usage error when its SQL is asked for: a run asks for all of it before it begins
 */
export function refusedScript(file: string, { message, help }: Flaw): SqlScript {
  return {
    kind: 'sql',
    file,
    get sql(): string {
      throw usageError('MIGRATION.REFUSED', message, help, [file]);
    },
  };
}
