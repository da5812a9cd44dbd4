import type { JsonValue } from '../report.ts';
import { redact } from './sanitise.ts';

/** Returns the same document without the secrets that a text in it contains. */
export function redactDocument<T extends JsonValue>(value: T, secrets: readonly string[]): T {
  return redacted(value, secrets) as T; // text remains text, so the type is the same
}

function redacted(value: JsonValue, secrets: readonly string[]): JsonValue {
  if (typeof value === 'string') return redact(value, secrets);
  if (Array.isArray(value)) return value.map((each: JsonValue) => redacted(each, secrets));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, redacted(each, secrets)]),
  );
}
