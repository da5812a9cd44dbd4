import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import { usageError } from '../errors.ts';
import type { Finding } from '../report.ts';

/** A file of known findings: their keys count, the messages are for whoever reviews it. */
const shape = z.object({
  findings: z.array(z.object({ key: z.string(), message: z.string().optional() })),
});

/**
 * The keys of a file of known findings.
 *
 * @throws usage error when it is not there or is no such file
 */
export function readBaseline(cwd: string, file: string): string[] {
  try {
    const { findings } = shape.parse(JSON.parse(readFileSync(resolve(cwd, file), 'utf8')));
    return findings.map(({ key }) => key);
  } catch (error) {
    throw usageError(
      'VERIFY.BASELINE',
      `${file} can not be read as a file of known findings.`,
      `Write one: dbops verify --write-baseline ${file}`,
      [error instanceof z.ZodError ? z.prettifyError(error) : String(error)],
    );
  }
}

/** @throws usage error when the file can't be written */
export function writeBaseline(cwd: string, file: string, findings: readonly Finding[]): void {
  const known = findings
    .map(({ key, message }) => ({ key, message }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  try {
    writeFileSync(resolve(cwd, file), `${JSON.stringify({ findings: known }, undefined, 2)}\n`);
  } catch (error) {
    throw usageError(
      'VERIFY.BASELINE',
      `${file} can not be written.`,
      'Name a file in a folder that is there and that you may write to.',
      [String(error)],
    );
  }
}
