import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { usageError } from '../errors.ts';
import { escapeControls } from '../output/sanitise.ts';
import type { Finding } from '../report.ts';
import { readJson } from '../text-file.ts';

/** The file beside the configuration that is read without `--baseline`. */
export const baselineName = 'dbops.baseline.json';

const day = z.iso.date('expected a day such as 2027-01-31');

const entrySchema = z.strictObject({
  key: z.string(),
  code: z.string().optional(),
  /** Why it is accepted. */
  reason: z.string().optional(),
  /** The last day on which it is accepted, in UTC. */
  until: day.optional(),
  /** Who accepted it. */
  by: z.string().optional(),
  /** When it was accepted. */
  since: day.optional(),
  /** Of files from before version 1. */
  message: z.string().optional(),
});

const baselineSchema = z.strictObject({
  version: z.literal(1).optional(),
  findings: z.array(entrySchema),
});

/** A finding that is known and accepted. */
export type BaselineEntry = z.infer<typeof entrySchema>;

/** Known findings, and the file that lists them. */
export interface BaselineFile {
  /** The path of the file; absent: there is none. */
  file?: string;
  /** The path as it was given, for messages. */
  name: string;
  entries: readonly BaselineEntry[];
}

/** Where a baseline may be. */
export interface BaselinePlace {
  cwd: string;
  /** The folder of the configuration. */
  root: string;
  /** The command that reads it. */
  command: string;
}

/**
 * Returns the baseline that was given, else the one beside the configuration, else an empty one.
 *
 * @throws usage error when the file that was given does not exist, or when it is not a baseline
 */
export function readBaseline(given: string | undefined, place: BaselinePlace): BaselineFile {
  const file = given === undefined ? join(place.root, baselineName) : resolve(place.cwd, given);
  const name = given ?? baselineName;
  if (given === undefined && !existsSync(file)) return { name, entries: [] };
  return { file, name, entries: entriesIn(file, name, place.command) };
}

function entriesIn(file: string, name: string, command: string): BaselineEntry[] {
  try {
    const { findings } = baselineSchema.parse(readJson(file));
    return findings;
  } catch (error) {
    throw usageError(
      'VERIFY.BASELINE',
      `Cannot read the baseline ${name}.`,
      `Correct it, or create one: dbops ${command} --write-baseline ${name}`,
      [error instanceof z.ZodError ? z.prettifyError(error) : String(error)],
    );
  }
}

/**
 * Returns the entries for findings: one that exists keeps its reason, its last day and its author.
 *
 * @param today `2026-11-29`
 * @param isKept whether an entry without a finding stays
 */
export function entriesFor(
  findings: readonly Finding[],
  { entries }: BaselineFile,
  { today, isKept }: { today: string; isKept: (key: string) => boolean },
): BaselineEntry[] {
  const before = new Map(entries.map((entry) => [entry.key, entry]));
  const found = new Map(
    findings.map(({ key, code }): [string, BaselineEntry] => {
      const known = before.get(key);
      return [key, { ...known, key, code, since: known?.since ?? today }];
    }),
  );
  const kept = entries.filter(({ key }) => !found.has(key) && isKept(key));
  return [...found.values(), ...kept];
}

/** Writes a baseline, sorted by key with one finding a line. @throws usage error when it cannot be written */
export function writeBaseline(file: string, name: string, entries: readonly BaselineEntry[]): void {
  try {
    writeFileSync(file, textOf(entries));
  } catch (error) {
    throw usageError(
      'VERIFY.BASELINE',
      `Cannot write the baseline ${name}.`,
      'Specify a file in an existing, writable folder.',
      [String(error)],
    );
  }
}

function textOf(entries: readonly BaselineEntry[]): string {
  const sorted = entries.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const lines = sorted.map(
    ({ key, code = codeIn(key), reason, until, by, since }) =>
      `    ${escapeControls(JSON.stringify({ key, code, reason, until, by, since }))}`,
  );
  const list = lines.length > 0 ? `[\n${lines.join(',\n')}\n  ]` : '[]';
  return `{\n  "version": 1,\n  "findings": ${list}\n}\n`;
}

function codeIn(key: string): string {
  return key.split(':', 1)[0] ?? key;
}

/** Returns whether the last day of an entry is over. */
export function isExpired({ until }: BaselineEntry, today: string): boolean {
  return until !== undefined && until < today;
}

/** Returns the line of an entry in its file, from 1. */
export function lineOfEntry(file: string, key: string): number {
  const text = escapeControls(JSON.stringify(key));
  const at = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
  return Math.max(at, 0) + 1;
}
