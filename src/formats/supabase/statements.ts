/**
 * Splits a file into statements exactly as the Supabase CLI does, whose hand-written lexer differs
 * from the grammar: `schema_migrations` records its result (supabase, `apps/cli-go/pkg/parser/state.go`, and its TypeScript since 3.0).
 *
 * @param sql without its BOM
 * @returns trimmed statements without semicolons, with their comments; empty ones are omitted
 */
export function splitAsSupabase(sql: string): string[] {
  let start = 0;
  return [...endsOf(sql), sql.length].flatMap((end) => {
    const statement = sql.slice(start, end).replace(/;+$/, '').trim();
    start = end;
    return statement || [];
  });
}

/** Where a semicolon does not end a statement: in parentheses, or in the body of a function. */
type OpenBlock = '(' | 'atomic';

/** Returns the end of each statement, after its semicolon. */
function endsOf(sql: string): number[] {
  const ends: number[] = [];
  const blocks: OpenBlock[] = [];
  for (let at = 0; ;) {
    piece.lastIndex = at;
    const found = piece.exec(sql);
    if (!found) return ends;
    at = endOf(found, sql);
    const [text] = found;
    const block = blocks.at(-1);
    // The lexer does not count parentheses: the first closing one ends the block.
    if (text === '(' && block !== '(') blocks.push('(');
    else if (text === ')' && block === '(') blocks.pop();
    else if (text === ';' && !block) ends.push(at);
    const begins = text.toLowerCase() === atomic;
    if (begins) blocks.push(atomic);
    const end = begins || (text === ';' && block === atomic) ? endOfBody(sql, at) : undefined;
    if (end === undefined) continue;
    blocks.pop();
    at = end;
  }
}

const atomic = 'atomic';
const white = String.raw`[ \t\n\r\f\v]`;
const word = String.raw`[\w$\u0080-\uFFFF]`;

/** Tokens of the lexer; of a comment or a literal, the start only. */
const piece = new RegExp(
  [
    String.raw`--|/\*|["();]`,
    String.raw`\\[^)]`, // a backslash escapes the next character, except a parenthesis
    `(?<escaped>'(?<=(?<!${word})e'))|'`,
    String.raw`(?<!${word})\$(?:(?!\$)${word})*\$`,
    `atomic(?<=(?<!${word})begin${white}+atomic)`,
  ].join('|'),
  'gi',
);

/** Returns the end of a token: of the whole comment or literal. */
function endOf({ 0: text, index, groups }: RegExpExecArray, sql: string): number {
  const end = index + text.length;
  if (text === '--') return endOfLine(sql, end);
  if (text === '/*') return endOfComment(sql, end);
  if (groups?.['escaped'] !== undefined) return endOfEscaped(sql, end);
  // The closing tag may share its dollar sign with the opening one.
  if (/^["'$]/.test(text)) return after(sql.indexOf(text, index + 1), text.length, sql);
  return end;
}

/** Returns the end of the file when the token is not closed. */
function after(index: number, length: number, sql: string): number {
  return index < 0 ? sql.length : index + length;
}

function endOfLine(sql: string, from: number): number {
  return endOfMatch(/[\n\r]/g, sql, from) ?? sql.length;
}

function endOfComment(sql: string, from: number): number {
  const delimiters = /\/\*|\*\//g;
  delimiters.lastIndex = from;
  for (let depth = 1; depth > 0;) {
    const found = delimiters.exec(sql);
    if (!found) return sql.length;
    depth += found[0] === '/*' ? 1 : -1;
  }
  return delimiters.lastIndex;
}

/** Returns the end of `E'…'`, in which a backslash escapes a quote, and which may continue on a new line. */
function endOfEscaped(sql: string, from: number): number {
  const parts = /\\[^]|''|'/g;
  parts.lastIndex = from;
  for (let found = parts.exec(sql); found; found = parts.exec(sql)) {
    if (found[0] !== "'") continue;
    const next = endOfMatch(continuation, sql, parts.lastIndex);
    if (next === undefined) return parts.lastIndex;
    parts.lastIndex = next;
  }
  return sql.length;
}

const comment = String.raw`--[^\n\r]*[\n\r]`;
const continuation = new RegExp(
  String.raw`[ \t\f\v]*(?:[\n\r]|${comment})(?:${white}|${comment})*'`,
  'y',
);

/** Returns the position after `END`, if it follows: it ends the body of a function. */
function endOfBody(sql: string, from: number): number | undefined {
  let at = from;
  for (;;) {
    at = endOfMatch(whites, sql, at) ?? at;
    if (sql.startsWith('--', at)) at = endOfLine(sql, at);
    else if (sql.startsWith('/*', at)) at = endOfComment(sql, at + 2);
    else return endOfMatch(end, sql, at);
  }
}

const whites = new RegExp(`${white}+`, 'y');
const end = new RegExp(`(?<!${word})end(?!${word})`, 'iy');

function endOfMatch(pattern: RegExp, sql: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(sql) ? pattern.lastIndex : undefined;
}
