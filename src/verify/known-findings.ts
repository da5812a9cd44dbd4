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
}

/**
 * Separates the findings that are ignored or known.
 *
 * @param ignore patterns of whole keys, in which `*` matches any text
 * @param baseline keys of known findings
 * @param wasChecked whether the checks that ran could find a key: other keys are not stale
 */
export function sortFindings(
  all: readonly Finding[],
  ignore: readonly string[],
  baseline: readonly string[],
  wasChecked: (key: string) => boolean,
): SortedFindings {
  const rest = all.filter(({ key }) => !ignore.some((pattern) => matches(pattern, key)));
  const known = new Set(baseline);
  const findings = rest.filter(({ key }) => !known.has(key));
  const found = new Set(all.map(({ key }) => key));
  return {
    findings,
    ignored: all.length - rest.length,
    known: rest.length - findings.length,
    stale: baseline.filter((key) => !found.has(key) && wasChecked(key)),
  };
}
