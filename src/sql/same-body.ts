/** Languages in which white space between tokens has no meaning. */
const freeForm = new Set(['sql', 'plpgsql']);

/** Literals, quoted names and comments, and the white space between tokens (server manual, "Lexical Structure"). */
const parts =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$).*?\1|\/\*.*?\*\/|(--[^\r\n]*)\s*|(\s+)/gis;

/**
 * Returns whether two function bodies differ at most in the white space between their tokens.
 * What is in a literal, a quoted name or a comment counts.
 *
 * @param language of the function; other languages than SQL and PL/pgSQL give white space a meaning
 */
export function isSameBody(one: string, other: string, language: string): boolean {
  if (one === other) return true;
  return freeForm.has(language) && withSingleSpaces(one) === withSingleSpaces(other);
}

/** In `E'…'` a backslash escapes a quote, and comments can be nested: such a body stays as it is. */
function withSingleSpaces(body: string): string {
  if (/\be'|\/\*[^*]*\/\*/i.test(body)) return body;
  return body
    .trim()
    .replaceAll(parts, (part: string, _tag: string, comment?: string, space?: string) => {
      if (space !== undefined) return ' ';
      return comment === undefined ? part : `${comment.trimEnd()}\n`;
    });
}
