import { DbopsError } from '../../errors.ts';

/** The same error, with more to say of why. */
export function withReason(error: DbopsError, ...more: string[]): DbopsError {
  const { code, exitCode, message, reason, hint, cause } = error;
  return new DbopsError({ code, exitCode, message, reason: [...reason, ...more], hint, cause });
}
