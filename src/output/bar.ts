import type { Cell } from '../report.ts';

const cells = 10;
const parts = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Returns a percentage as a bar with the number after it: `████░░░░░░  40.0`. More than 100 fills the bar. */
export function percentBar(value: Cell): string {
  if (typeof value !== 'string') return '–';
  const share = Math.min(Math.max(Number(value) / 100, 0), 1);
  const eighths = Math.floor(share * cells * 8);
  const filled = '█'.repeat(Math.floor(eighths / 8)) + (parts[eighths % 8] ?? '');
  return `${filled.padEnd(cells, '░')}  ${value.padStart(5)}`;
}
