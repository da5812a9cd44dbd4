import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Holds the phrases, and the words to use instead. */
const glossary = 'docs/glossary.md';

/** The first argument of `it`, `describe` and `test`, also of their `.each(…)`. */
const title =
  /(?:\b(?:it|test|describe)(?:\.\w+)*\(|\)\()\s*(?<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`)\s*,/g;

interface Text {
  file: string;
  line: number;
  content: string;
}

describe('the language of dbops', () => {
  const phrases = readPhrases();

  it('has a glossary with phrases to avoid', () => {
    expect(phrases).toContain('can not');
    expect(phrases.length).toBeGreaterThan(100);
  });

  it('finds a phrase that a comment, a string or a paragraph breaks into two lines', () => {
    const find = (content: string) =>
      findPhrases([{ file: 'a.ts', line: 7, content }], ['can not']);
    expect(find('x();\n/**\n * It can\n * not run.\n */')).toEqual(['a.ts:9: can not']);
    expect(find('// It Can\n// not run.')).toEqual(['a.ts:7: can not']);
    expect(find('It can\nnot run.')).toEqual(['a.ts:7: can not']);
    expect(find('It cannot run. Toucan not found.')).toEqual([]);
  });

  it('takes a test title from it, describe and each', () => {
    const source = "describe('a', () => it.each([1])('b', () => call('no title')));\ntest(\n  'c',";
    const titles = readTitles('a.test.ts', source);
    expect(titles.map(({ line, content }) => [line, content])).toEqual([
      [1, "'a'"],
      [1, "'b'"],
      [3, "'c'"],
    ]);
  });

  it('avoids the phrases of the glossary in src', () => {
    expect(findPhrases(readAll('src/**/*.ts'), phrases)).toEqual([]);
  });

  it('avoids them in the documentation', () => {
    const pages = readAll('{README.md,docs/*.md}').filter(({ file }) => file !== glossary);
    expect(findPhrases(pages, phrases)).toEqual([]);
  });

  it('avoids them in test titles', () => {
    const titles = readAll('test/**/*.test.ts')
      .filter(({ file }) => file !== 'test/language.test.ts')
      .flatMap(({ file, content }) => readTitles(file, content));
    expect(findPhrases(titles, phrases)).toEqual([]);
  });
});

/** Returns the phrases in code style in the column "Avoid" of every table. */
function readPhrases(): string[] {
  const rows = readFileSync(glossary, 'utf8').split('\n');
  return rows.flatMap((row) => {
    const avoided = row.startsWith('|') ? (row.split('|').at(-2) ?? '') : '';
    return [...avoided.matchAll(/`([^`]+)`/g)].flatMap(([, phrase]) => phrase ?? []);
  });
}

function readAll(pattern: string): Text[] {
  const files = globSync(pattern).toSorted();
  return files.map((file) => ({ file, line: 1, content: readFileSync(file, 'utf8') }));
}

function readTitles(file: string, source: string): Text[] {
  return [...source.matchAll(title)].map((match) => {
    const content = match.groups?.['text'] ?? '';
    return { file, line: lineAt(source, match.index + match[0].indexOf(content)), content };
  });
}

/** Returns `file:line: phrase` for each occurrence, whatever its case. */
function findPhrases(texts: readonly Text[], phrases: readonly string[]): string[] {
  const patterns = phrases.map((phrase) => ({ phrase, pattern: patternOf(phrase) }));
  return texts.flatMap(({ file, line, content }) =>
    patterns.flatMap(({ phrase, pattern }) =>
      [...content.matchAll(pattern)].map(
        ({ index }) => `${file}:${line - 1 + lineAt(content, index)}: ${phrase}`,
      ),
    ),
  );
}

/** Matches a phrase as whole words, also over the end of a line of a comment. */
function patternOf(phrase: string): RegExp {
  const words = phrase
    .split(' ')
    .map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(String.raw`(?<!\w)${words.join(String.raw`\s+(?:(?:\*|//)\s+)?`)}(?!\w)`, 'gi');
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
