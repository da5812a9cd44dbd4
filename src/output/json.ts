import type { JsonValue } from '../report.ts';
import { escapeControls } from './sanitise.ts';

/**
 * JSON as `docs/json.md` promises it: integers are numbers with all their digits, however large
 * (JSON.rawJSON), times are ISO 8601 in UTC. What could drive a terminal is escaped.
 */
export function toJson(document: JsonValue): string {
  const write = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? JSON.rawJSON(String(value)) : value;
  return escapeControls(JSON.stringify(document, write, 2));
}
