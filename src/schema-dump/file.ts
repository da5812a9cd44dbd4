import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageError } from '../errors.ts';
import { readText } from '../text-file.ts';

/** Returns the text of a schema file; undefined when it does not exist. */
export function readSchemaFile(file: string): string | undefined {
  return existsSync(file) ? readText(file) : undefined;
}

/**
 * Writes a schema file where its text differs.
 *
 * @returns whether it was written
 * @throws usage error when it cannot be written
 */
export function writeSchemaFile(file: string, text: string): boolean {
  try {
    if (readSchemaFile(file) === text) return false;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return true;
  } catch (error) {
    throw usageError(
      'SCHEMA.FILE',
      `Cannot write ${file}.`,
      'Specify a file in a writable folder.',
      [String(error)],
    );
  }
}
