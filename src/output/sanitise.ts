/** C0 and C1 controls except newline and tab, and the bidirectional overrides. */
const controls =
  // oxlint-disable-next-line no-control-regex -- the controls are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Whole control sequences (ECMA-48, 5.4) that end in a letter: without its escape, a colour would
 * leave `[31m` behind. The other endings are rare, and the punctuation of JSON is among them.
 */
const sequences =
  // oxlint-disable-next-line no-control-regex -- the controls are what is looked for
  /(?:\u001b\[|\u009b)[0-?]*[A-Za-z]/g;

/**
 * Takes out what could drive a terminal: names and titles in the database are written by
 * strangers. Our own colours are added afterwards. In quotes of SQL the characters are escaped, so
 * that a statement that is pasted means the same object.
 */
export function stripControls(text: string): string {
  return stripped(text, controls);
}

/** The same for SQL, which keeps the carriage returns at the ends of lines: they are part of a function's body. */
export function sqlText(text: string): string {
  return stripped(text, controlsWithinLines);
}

/** The same for a name, which is one line: it must not forge the line that comes after it. */
export function oneLine(text: string): string {
  if (printable.test(text)) return text;
  return stripped(text, controlsOrBreaks)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\t', ' ');
}

/** The same for sentences, which go on in lines that are indented. */
export function indentedLines(text: string): string {
  return stripped(text, controlsOrForgedLines).replaceAll(/\n(?! {4})/g, String.raw`\n`);
}

/** Text of which nothing is removed; most of it is. */
const printable = /^[ -~]*$/;
const controlsWithinLines = new RegExp(String.raw`(?!\r\n)${controls.source}`, 'g');
const controlsOrBreaks = new RegExp(`${controls.source}|[\\n\\t]`, 'g');
const controlsOrForgedLines = new RegExp(`${controls.source}|\\n(?! {4})`, 'g');

function stripped(text: string, hidden: RegExp): string {
  const exact = text.search(hidden) < 0 ? text : escapeInQuotes(text, hidden);
  return exact
    .replace(sequences, '')
    .replace(hidden === controlsWithinLines ? hidden : controls, '');
}

/** Quotes of SQL: a name, a string with or without escapes, and a string in dollars. */
const quotes =
  /(?:[uU]&)?"(?:[^"]|"")+"|\b[eE]'(?:[^'\\]|\\[^]|'')*'|(?:\b[uU]&)?'(?:[^']|'')*'|\$(\w*)\$[^]*?\$\1\$/g;

/**
 * Writes names and strings of SQL that contain characters of `hidden` with escapes (server manual,
 * "Lexical Structure"): `U&"t\\0001"` is the same name.
 */
function escapeInQuotes(text: string, hidden: RegExp): string {
  return text.replace(quotes, (quoted: string, tag: string | undefined) => {
    if (quoted.search(hidden) < 0) return quoted;
    const hex = (control: string) => control.charCodeAt(0).toString(16).padStart(4, '0');
    const escaped = (content: string, mark: string) =>
      content.replace(hidden, (control) => `\\${mark}${hex(control)}`);
    if (/^u&/i.test(quoted)) return escaped(quoted, '');
    if (/^e'/i.test(quoted)) return escaped(quoted, 'u');
    const plain = quoted.replaceAll('\\', String.raw`\\`);
    if (quoted.startsWith('"')) return `U&${escaped(plain, '')}`;
    if (quoted.startsWith("'")) return `E${escaped(plain, 'u')}`;
    const delimiter = `$${tag ?? ''}$`.length;
    const content = plain.slice(delimiter, -delimiter).replaceAll("'", "''");
    return `E'${escaped(content, 'u')}'`;
  });
}

/** The same, kept readable in JSON, whose strings are the only place where they can stand. */
export function escapeControls(json: string): string {
  return json.replace(
    controls,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * A password in anything that looks like a URL, up to the last `@` of the word; not our own PASSWORD.
 * A single quote ends no word: encodeURIComponent leaves it as it is.
 */
const passwordInUrl = /(:\/\/?[^:@/\s"]*):(?!PASSWORD@)[^\s"]*@/g;
const passwordParameter = /([?&]password=)[^&\s'"]*/gi;

/**
 * Replaces every secret in the text; longest first, so that no part of one stays behind. Only as
 * a whole word: a password `1234` is not a part of every hash.
 */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets
    .toSorted((a, b) => b.length - a.length)
    .reduce((redacted, secret) => redacted.replace(standing(secret), '****'), text)
    .replace(passwordInUrl, '$1:****@')
    .replace(passwordParameter, '$1****');
}

function standing(secret: string): RegExp {
  const literal = secret.replaceAll(/[^A-Za-z0-9]/g, String.raw`\$&`);
  return new RegExp(`(?<![A-Za-z0-9])${literal}(?![A-Za-z0-9])`, 'g');
}
