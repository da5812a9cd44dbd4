import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import { matches } from '../catalog/ignored.ts';
import { usageError } from '../errors.ts';
import type { Finding } from '../report.ts';
import { readJson } from '../text-file.ts';

/** A baseline file. Keys are compared; messages are for reviewers. */
const baselineSchema = z.object({
  findings: z.array(z.object({ key: z.string(), message: z.string().optional() })),
});

/**
 * Returns the keys of a baseline file.
 *
 * @throws usage error when it does not exist or is not a baseline
 */
export function readBaseline(cwd: string, file: string): string[] {
  try {
    const { findings } = baselineSchema.parse(readJson(resolve(cwd, file)));
    return findings.map(({ key }) => key);
  } catch (error) {
    throw usageError(
      'VERIFY.BASELINE',
      `Cannot read the baseline ${file}.`,
      `Create one: dbops verify --write-baseline ${file}`,
      [error instanceof z.ZodError ? z.prettifyError(error) : String(error)],
    );
  }
}

/** Writes the findings as a baseline file. @throws usage error when the file cannot be written */
export function writeBaseline(cwd: string, file: string, findings: readonly Finding[]): void {
  const known = findings
    .map(({ key, message }) => ({ key, message }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  try {
    writeFileSync(resolve(cwd, file), `${JSON.stringify({ findings: known }, undefined, 2)}\n`);
  } catch (error) {
    throw usageError(
      'VERIFY.BASELINE',
      `Cannot write the baseline ${file}.`,
      'Specify a file in an existing, writable folder.',
      [String(error)],
    );
  }
}

/** Findings without those that are ignored or known. */
export interface SortedFindings {
  findings: Finding[];
  /** Number of findings that match a pattern. */
  ignored: number;
  /** Number of findings that the baseline lists. */
  known: number;
  /** Keys of the baseline that are no longer found. */
  stale: string[];
  /** Findings that are counted and not listed: beyond the limit of one check, or with a key that is listed. */
  omitted: Omitted[];
}

export interface Omitted {
  code: string;
  severity: Finding['severity'];
  count: number;
  /** How many of them have the key of a listed finding. */
  repeated: number;
}

interface SortingOptions {
  /** Patterns of whole keys, in which `*` matches any text. */
  ignore: readonly string[];
  /** Keys of known findings. */
  baseline: readonly string[];
  /** Whether the checks that ran could find a key: other keys are not stale. */
  wasChecked: (key: string) => boolean;
  /** Findings of one check that are listed; the rest is counted. Default: all. */
  limit?: number;
}

/** Separates the findings that are ignored or known, one at a time: the memory that it takes is that of the listed ones. */
export function sorterOf({ ignore, baseline, wasChecked, limit = Infinity }: SortingOptions) {
  const known = new Set(baseline);
  const gone = new Set(baseline);
  const counts = { ignored: 0, known: 0 };
  const findings: Finding[] = [];
  const listed = new Map<string, Set<string>>();
  const omitted = new Map<string, Omitted>();
  const unfinished = new Set<string>();
  return {
    add(finding: Finding): void {
      const { code, severity, key } = finding;
      gone.delete(key);
      if (key === `${code}:timeout` || key === `${code}:error`) unfinished.add(code);
      if (ignore.some((pattern) => matches(pattern, key))) return void counts.ignored++;
      if (known.has(key)) return void counts.known++;
      const keys = listed.get(code) ?? new Set();
      listed.set(code, keys);
      const isRepeated = keys.has(key);
      if (!isRepeated && keys.size < limit) {
        keys.add(key);
        return void findings.push(finding);
      }
      const rest = omitted.get(code) ?? { code, severity, count: 0, repeated: 0 };
      rest.count++;
      if (isRepeated) rest.repeated++;
      omitted.set(code, rest);
    },
    sorted: (): SortedFindings => ({
      findings,
      ...counts,
      stale: [...gone].filter(
        (key) => wasChecked(key) && ![...unfinished].some((code) => key.startsWith(`${code}:`)),
      ),
      omitted: [...omitted.values()],
    }),
  };
}

/** Returns findings without those that are ignored or known. */
export function sortFindings(all: readonly Finding[], options: SortingOptions): SortedFindings {
  const sorter = sorterOf(options);
  for (const finding of all) sorter.add(finding);
  return sorter.sorted();
}
