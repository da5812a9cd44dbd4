import { stripVTControlCharacters } from 'node:util';

/** Columns that a text takes on a terminal. */
export type TextMeasure = (text: string) => number;

/** Letters that may take two columns: all but those of Europe, and the signs that dbops prints. */
const wide =
  // oxlint-disable-next-line no-control-regex -- a range that begins with the controls
  /[^\u0000-\u02ff\u2010-\u2027\u2190-\u21ff\u2713\u2717]/gu;

/**
 * Returns the columns that a text takes at most. Prose needs no more, and the Unicode tables that an
 * exact measure needs take longer to load than most commands run.
 */
function columnsAtMost(text: string): number {
  const plain = stripVTControlCharacters(text);
  return plain.length + (plain.match(wide)?.length ?? 0);
}

/**
 * A word with the white space behind it. A name or a literal of SQL is one word: with a line break in
 * it, it would be another one.
 */
const word = /(?:"[^"]{1,63}"|(?<=[\s(,=])'[^']{1,200}'(?=[\s;),]|$)|\S)+\s*|^\s+/g;

/**
 * Returns lines of at most `width` columns, broken between words. A word that is wider than a line
 * is cut between letters only with `cutsWords`, and otherwise keeps a line of its own.
 */
export function wrapWords(
  text: string,
  width: number,
  measure: TextMeasure,
  cutsWords = false,
): string[] {
  if (measure(text) <= width) return [text];
  const words = text.match(word) ?? [];
  const lines = [''];
  for (const piece of cutsWords ? words.flatMap((each) => pieces(each, width, measure)) : words) {
    const line = lines.at(-1) ?? '';
    if (line.trim() && measure(line + piece.trimEnd()) > width) lines.push(piece);
    else lines[lines.length - 1] = line + piece;
  }
  return lines.map((line) => line.trimEnd());
}

function pieces(whole: string, width: number, measure: TextMeasure): string[] {
  if (measure(whole.trimEnd()) <= width) return [whole];
  // It takes longer to create than most commands run.
  return [...new Intl.Segmenter().segment(whole)].map(({ segment }) => segment);
}

/** A line of source with its number, the caret under one, or the target, which is always one line. */
const source = /^\s*(?:\d+ \| |\^)|^target {2}/;

/** A command at the end of a line, which a person pastes. */
const command = /^(.*?[:,] )((?:dbops|npx|npm|export) (?:(?![,;.] )[^)])*)$/;

/**
 * Returns the text with lines of at most `width` columns. Continuation lines are indented like the
 * text of their first line. Source lines and commands stay in one piece, so that they can be pasted.
 */
export function wrapText(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => (source.test(line) ? [line] : wrapLine(line, width)))
    .join('\n');
}

function wrapLine(line: string, width: number): string[] {
  if (columnsAtMost(line) <= width) return [line];
  const { length } = /^\s*(?:[✓✗–→] )?/.exec(line)?.[0] ?? '';
  const [, before, pasted] = command.exec(line) ?? [];
  const indent = ' '.repeat(Math.max(length, 2));
  const prose = before?.trimEnd() ?? line;
  const [first = '', ...rest] = wrapWords(prose, width, columnsAtMost);
  const further = wrapWords(rest.join(' '), width - indent.length, columnsAtMost).filter(Boolean);
  const lines = [first, ...further.map((each) => indent + each)];
  if (!pasted) return lines;
  const last = `${lines.at(-1) ?? ''} ${pasted}`;
  return columnsAtMost(last) <= width ? [...lines.slice(0, -1), last] : [...lines, indent + pasted];
}
