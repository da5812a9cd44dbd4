import type { Session } from '../../db/session.ts';
import { prepareTyped, type ExpressionType } from '../../declared/types.ts';
import type { Usage } from './definition.ts';
import { usageExpressions } from './expressions.ts';

/** Types by the place of the expression in the configuration. */
export type TypesByPlace = ReadonlyMap<string, ExpressionType>;

const floats = new Set(['float4', 'float8']);
const integers = new Set(['int2', 'int4', 'int8']);
const texts = new Set(['text', 'varchar']);

/** Returns whether values of a type are rounded when they are summed. */
export function isFloat(type: ExpressionType | undefined): boolean {
  return floats.has(type?.builtIn ?? '');
}

/** Returns whether every value of a type is a finite number. */
export function isInteger(type: ExpressionType | undefined): boolean {
  return integers.has(type?.builtIn ?? '');
}

/** Returns whether `=` compares the subject of a meter with an id as they are, so that indexes can be used. */
export function isSameKey(types: TypesByPlace, meter: string): boolean {
  const id = types.get('usage.subjects.id');
  const subject = types.get(`usage.meters.${meter}.subject`);
  const isBothOf = (set: ReadonlySet<string>) =>
    [id, subject].every((type) => set.has(type?.builtIn ?? ''));
  return id?.oid === subject?.oid || isBothOf(integers) || isBothOf(texts);
}

/** Returns whether the time of an event has no zone: its values are read as UTC. */
export function hasNoZone(type: ExpressionType | undefined): boolean {
  return type !== undefined && type.builtIn !== 'timestamptz';
}

/** Prepares every expression of the declaration. @throws usage error that names the place in the configuration */
export function prepareUsage(session: Session, usage: Usage): Promise<TypesByPlace> {
  return prepareTyped(session, usageExpressions(usage));
}
