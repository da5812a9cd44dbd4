import { basename } from 'node:path';
import { usageError, type DbopsError } from '../../errors.ts';
import type { SqlScript } from '../../migration.ts';
import type { Finding } from '../../report.ts';

/** Why a tool rejects one of its own files. */
export interface Flaw {
  code: string;
  message: string;
  help: string;
}

/** Returns the flaw as a finding of `migrate status`. */
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
 * Returns the script of a file with a flaw, which can be listed and compared, but not run.
 *
 * @throws usage error when its SQL is read; a run reads all SQL before it starts
 */
export function refusedScript(file: string, flaw: Flaw): SqlScript {
  return {
    kind: 'sql',
    file,
    get sql(): string {
      throw refusalOf(flaw, file);
    },
  };
}

/** Returns the error of a run that needs a file with a flaw. */
export function refusalOf({ message, help }: Flaw, file: string): DbopsError {
  return usageError('MIGRATION.REFUSED', message, help, [file]);
}
