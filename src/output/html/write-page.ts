import { writeFileSync } from 'node:fs';
import { text, type Report } from '../../report.ts';
import { toHtml } from './page.ts';

/**
 * Writes a report as a page.
 *
 * @param page its path, the path as it was given, and the words of the command
 * @returns the report, which also names the file
 */
export function writePage(
  report: Report,
  { file, name, words }: { file: string; name: string; words: string },
): Report {
  const time = new Date().toISOString().slice(0, 16).replace('T', ' ');
  writeFileSync(file, toHtml(report, `dbops ${words}, ${time} UTC`));
  return { ...report, blocks: [...report.blocks, text(`✓ ${name} written`, 'good')] };
}
