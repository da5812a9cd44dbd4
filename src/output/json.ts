import type { JsonValue } from '../report.ts';
import { escapeControls } from './sanitise.ts';

/**
 * Returns JSON as `docs/json.md` specifies it: integers are numbers with all their digits, however
 * large (JSON.rawJSON); times are ISO 8601 in UTC. Control characters are escaped.
 *
 * @param indent blanks by which a level is indented; 0 is one line
 */
export function toJson(document: JsonValue, indent = 2): string {
  const write = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value;
  return escapeControls(JSON.stringify(document, write, indent));
}
