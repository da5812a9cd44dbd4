import type { Session } from '../db/session.ts';
import { thresholdsSchema, type VerifySettings } from './declaration.ts';
import type { CheckInput } from './definition.ts';

/** Returns what the checks read, of a database that is in use. */
export function inputOf(
  session: Session,
  { thresholds = thresholdsSchema.parse({}), exposedSchemas, applicationRoles }: VerifySettings,
  replicas: readonly Session[] = [],
): CheckInput {
  return {
    session,
    isReplay: false,
    thresholds,
    replicas,
    ...(exposedSchemas && { exposedSchemas }),
    ...(applicationRoles && { applicationRoles }),
  };
}
