import type { JsonValue } from '../report.ts';
import { escapeControls } from './sanitise.ts';

/**
 * Returns JSON as `docs/json.md` specifies it: integers are numbers with all their digits, however
 * large (JSON.rawJSON); times are ISO 8601 in UTC. Control characters are escaped.
 */
export function toJson(document: JsonValue): string {
  const write = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value;
  return escapeControls(JSON.stringify(document, write, 2));
}
