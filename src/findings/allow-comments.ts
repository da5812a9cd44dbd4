import { replacePieces } from '../sql/statements.ts';

/** `-- dbops: allow CHECK [on OBJECT] because …`, of one check; a comment may name several. */
export interface AllowComment {
  check: string;
  /** The object whose findings it allows, with or without its schema; absent: any. */
  object?: string;
  /** Absent where the comment gives none: then it allows nothing. */
  reason?: string;
  /** The path of the file. */
  file: string;
  /** From 1. */
  line: number;
  /** 0-based, in UTF-16 units of the file. */
  offset: number;
}

const comment = /(?:--|\/\/)[ \t]*dbops:[ \t]*allow[ \t]+([^\n\r]+)/g;

/** Returns the comments of an SQL file or of a module that allow findings. */
export function allowCommentsOf(
  text: string,
  { file, isModule }: { file: string; isModule: boolean },
): AllowComment[] {
  if (!mayAllow(text)) return [];
  const code = isModule ? text : withoutQuotes(text);
  return [...code.matchAll(comment)].flatMap(({ 1: words = '', index: offset }) => {
    const [what = '', reason] = words.split(/\s+because\s+/, 2);
    const [names = '', object] = what.split(/\s+on\s+/, 2);
    const line = text.slice(0, offset).split('\n').length;
    const checks = names.split(/[\s,]+/).filter((each) => each !== '' && each !== 'because');
    const given = reason?.trim();
    return checks.map((check) => ({
      check,
      ...(object !== undefined && { object: object.trim().replaceAll('"', '') }),
      ...(given && { reason: given }),
      file,
      line,
      offset,
    }));
  });
}

/** Returns whether a comment is about the object of a finding. */
export function isAbout({ object }: AllowComment, found: string): boolean {
  return object === undefined || found === object || found.endsWith(`.${object}`);
}

/** Returns whether a file may have such a comment. */
export function mayAllow(text: string): boolean {
  return /dbops:[ \t]*allow\b/.test(text);
}

/** Blanks strings, bodies of functions and block comments, in which the words are no comment of their own. */
function withoutQuotes(sql: string): string {
  return replacePieces(sql, (piece, kind) =>
    kind === 'quoted' || kind === 'block comment' ? piece.replaceAll(/[^\n]/g, ' ') : piece,
  );
}
