import { parse } from './statements.ts';

export type StatementText = Awaited<ReturnType<typeof textOf>>;

/** Returns access to the text of a statement by tokens. Positions are in bytes, as in the parser. */
export async function textOf(sql: string) {
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const bytes = Buffer.from(sql);
  const tokens = scanSync(sql).tokens;
  const slice = (from: number, to?: number) => bytes.subarray(from, to).toString().trim();
  const isWord = (at: number, ...words: string[]) =>
    words.includes(tokens[at]?.text.toLowerCase() ?? '');
  /** Returns the token after a name, which may have a schema. */
  const skipName = (at: number) => (isWord(at + 1, '.') ? at + 3 : at + 1);
  return {
    slice,
    /** Returns the start and end of each command of ALTER TABLE. */
    commands() {
      let at = 2;
      if (isWord(at, 'if')) at += 2;
      if (isWord(at, 'only')) at += 1;
      at = skipName(at);
      if (isWord(at, '*')) at += 1;
      const prefix = slice(0, tokens[at - 1]?.end);
      const commands: { start: number; end: number }[] = [];
      let depth = 0;
      let start = tokens[at]?.start ?? bytes.length;
      for (const token of tokens.slice(at)) {
        if (token.text === '(' || token.text === '[') depth += 1;
        if (token.text === ')' || token.text === ']') depth -= 1;
        if (depth > 0 || token.text !== ',') continue;
        commands.push({ start, end: token.start });
        start = token.end;
      }
      const last = tokens.at(-1)?.text === ';' ? (tokens.at(-1)?.start ?? 0) : bytes.length;
      return { prefix, commands: [...commands, { start, end: last }] };
    },
    /** Returns the position after `ADD [COLUMN] name`. */
    afterName(start: number) {
      const first = tokens.findIndex((token) => token.start >= start);
      const name = isWord(first + 1, 'column') ? first + 2 : first + 1;
      return tokens[name]?.end ?? start;
    },
    insertAfter(word: string, addition: string) {
      const end = tokens[tokens.findIndex((_, at) => isWord(at, word))]?.end ?? 0;
      return bytes.subarray(0, end).toString() + addition + bytes.subarray(end).toString();
    },
    /** Returns the start and end of the first such word from a position on, outside parentheses. */
    find(word: string, from: number, to: number) {
      let depth = 0;
      for (const [at, token] of tokens.entries()) {
        if (token.start < from || token.end > to) continue;
        if (token.text === '(' || token.text === '[') depth += 1;
        if (token.text === ')' || token.text === ']') depth -= 1;
        if (depth === 0 && isWord(at, word)) return { start: token.start, end: token.end };
      }
      return undefined;
    },
    /** Returns the text in the outer parentheses. */
    inParentheses(part: string): string {
      const from = part.indexOf('(');
      return part.slice(from + 1, part.lastIndexOf(')')).trim();
    },
  };
}

const leading = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)+/;

/** Returns a statement without the comments before it. */
export function withoutLeadingComments(sql: string): string {
  return sql.replace(leading, '');
}

/** Returns the white space and the comments before a statement. */
export function commentsBefore(sql: string): string {
  return leading.exec(sql)?.[0] ?? '';
}

/** Returns a statement with a space in place of each comment. */
export async function withoutComments(sql: string): Promise<string> {
  if (!/--|\/\*/.test(sql)) return sql;
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const bytes = Buffer.from(sql);
  let text = '';
  let end = 0;
  for (const token of scanSync(sql).tokens.filter(isComment)) {
    text += `${bytes.subarray(end, token.start).toString()} `;
    end = token.end;
  }
  return (text + bytes.subarray(end).toString()).trimEnd();
}

/** Returns a statement without the comments after its last token. */
export async function withoutTrailingComments(sql: string): Promise<string> {
  if (!/--|\/\*/.test(sql)) return sql;
  const { scanSync } = await import('libpg-query'); // its module is loaded since parse()
  const last = scanSync(sql).tokens.findLast((token) => !isComment(token));
  return last ? Buffer.from(sql).subarray(0, last.end).toString() : sql;
}

function isComment({ tokenName }: { tokenName: string }): boolean {
  return tokenName === 'SQL_COMMENT' || tokenName === 'C_COMMENT';
}

/** Returns the names and keywords of a statement, as the server reads them, and the words in its strings. */
export async function wordsOf(sql: string): Promise<Set<string>> {
  await parse('SELECT 1'); // loads the module
  const { scanSync } = await import('libpg-query');
  const words = new Set<string>();
  for (const { text } of scanSync(sql).tokens)
    if (text.startsWith('"')) words.add(text.slice(1, -1).replaceAll('""', '"'));
    else if (/^[\p{L}_]/u.test(text) && !text.includes("'")) words.add(text.toLowerCase());
    else for (const [word] of text.matchAll(/[\p{L}_][\p{L}\p{N}_$]*/gu)) words.add(word);
  return words;
}
