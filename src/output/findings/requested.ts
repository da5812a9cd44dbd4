/** The formats of `--report`, in the order of the documentation. */
export const reportFormats = ['junit', 'sarif', 'gitlab', 'rdjson', 'markdown', 'json'] as const;

export type ReportFormat = (typeof reportFormats)[number];

/** A file that `--report` names; `-` is stdout. */
export interface RequestedReport {
  format: ReportFormat;
  file: string;
}

/** Names of files that only one format has. */
const byName: readonly [name: RegExp, format: ReportFormat][] = [
  [/\.sarif(?:\.json)?$/i, 'sarif'],
  [/\.xml$/i, 'junit'],
  [/\.rdjson$|rdjson\.json$/i, 'rdjson'],
  [/code-?quality[^/\\]*\.json$/i, 'gitlab'],
  [/\.(?:md|markdown)$/i, 'markdown'],
];

/** Returns the format and the file of `FORMAT=FILE`, or of the name of a file that shows its format. */
export function fileOfReport(value: string): RequestedReport | { problem: string } {
  const [, word = '', file = ''] = /^(\w+)=(.*)$/s.exec(value) ?? [];
  const format = reportFormats.find((each) => each === word);
  if (format && file) return { format, file };
  if (word)
    return {
      problem: format
        ? `${word}= names no file`
        : `${word} is not a format: use ${reportFormats.join(', ')}`,
    };
  const found = byName.find(([name]) => name.test(value));
  if (found) return { format: found[1], file: value };
  return {
    problem: `${value} does not show its format: write FORMAT=${value}, such as json=${value}`,
  };
}

/** The options of a command that looks for findings, which `reportFlags` of `src/report-flags.ts` parse. */
export const reportOptions: [notation: string, description: string, repeats?: true][] = [
  [
    '--report <format=file>',
    'also write the findings for a CI system: junit, sarif, gitlab, rdjson, markdown or json; the file - is stdout; repeatable',
    true,
  ],
  ['--no-annotations', 'in GitHub Actions, write neither annotations nor a step summary'],
];
