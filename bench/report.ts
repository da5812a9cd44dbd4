import { type Limit, type Measurement, median } from './measure.ts';

/** A size or a number that has a limit. */
export interface Quantity {
  name: string;
  value: number;
  /** As it is written behind the value. */
  unit: string;
  limit: number;
}

/** A contest with what was measured. */
export interface Result {
  title: string;
  floor?: string;
  note?: string;
  measurements: Measurement[];
  quantities?: Quantity[];
}

/** Results of one run of the bench, and where it was made. */
export interface Run {
  machine: string[];
  results: Result[];
}

/** The figures as Markdown; several runs stand side by side. */
export function toMarkdown(runs: readonly Run[], command: string): string {
  const [first] = runs;
  if (!first) return '';
  const machine = runs.flatMap((run, index) =>
    index === 0 ? run.machine : differences(run, first, index),
  );
  return [
    [`Made with \`${command}\``, ...machine].map((line) => `- ${line}`).join('\n'),
    toLimits(runs),
    ...first.results.map((result, index) =>
      toSection(
        result,
        runs.flatMap(({ results }) => results[index] ?? []),
      ),
    ),
  ].join('\n\n');
}

/**
 * Returns every limit as a ratio of what was measured: to a floor, to another tool, or to the limit itself
 * where that is a time or a size.
 */
function toLimits(runs: readonly Run[]): string {
  const rows = runs.flatMap(({ results }) => results.flatMap(limitsIn));
  const names = [...new Set(rows.map(({ name }) => name))];
  const lines = names.map((name) => {
    const ofRuns = rows.filter((row) => row.name === name);
    const isHeld = ofRuns.every(({ ratio, most }) => ratio <= most);
    const ratios = ofRuns.map(({ ratio }) => ratioText(ratio)).join(' | ');
    return `| ${name} | ${ratios} | ≤ ${ofRuns[0]?.most} | ${isHeld ? 'held' : '**not held**'} |`;
  });
  const heads = runs.map((_, index) => (runs.length > 1 ? `run ${index + 1}` : 'ratio'));
  return [
    '### Limits',
    '',
    `| measured ÷ floor, tool or limit | ${heads.join(' | ')} | limit | |`,
    `|---|${'---:|'.repeat(heads.length)}---|---|`,
    ...lines,
  ].join('\n');
}

interface LimitRow {
  name: string;
  ratio: number;
  /** The greatest ratio that is allowed. */
  most: number;
}

function limitsIn(result: Result): LimitRow[] {
  const { measurements, quantities = [], title, floor } = result;
  const ofTimes = measurements.flatMap((measurement) =>
    (measurement.limits ?? []).map((limit): LimitRow => {
      const name = `${title}: ${measurement.name}`;
      if ('ratio' in limit)
        return {
          name: `${name} ÷ ${limit.of ?? floor}`,
          ratio: ratioOf(measurement, result, limit.of),
          most: limit.ratio,
        };
      const ratio = medianOf(measurement) / (limit.seconds * 1_000);
      return { name: `${name} ÷ ${limit.seconds} s`, ratio, most: 1 };
    }),
  );
  const ofQuantities = quantities.map(({ name, value, unit, limit }) => ({
    name: `${title}: ${name} ÷ ${limit}${unit}`,
    ratio: value / limit,
    most: 1,
  }));
  return [...ofTimes, ...ofQuantities];
}

/** Lines of a later run that the first run does not have. */
function differences(run: Run, first: Run, index: number): string[] {
  const other = run.machine.filter((line) => !first.machine.includes(line));
  return other.map((line) => `run ${index + 1}: ${line}`);
}

function toSection(result: Result, runs: readonly Result[]): string {
  const { title, floor, note, measurements, quantities = [] } = result;
  const several = runs.length > 1;
  const heads = runs.flatMap((_, index) => {
    const run = several ? `run ${index + 1}: ` : '';
    return [`${run}median (min – max)`, ...(floor ? [`÷ ${floor}`] : [])];
  });
  const rounds = Math.max(...measurements.map(({ samples }) => samples.length));
  return [
    `### ${title}`,
    '',
    ...(note ? [note, ''] : []),
    `| ${rounds} rounds | ${heads.join(' | ')} | limit |`,
    `|---|${'---:|'.repeat(heads.length)}---|`,
    ...measurements.map((measurement) => toRow(measurement, runs)),
    ...(quantities.length > 0 ? ['', quantities.map(quantityText).join(', ')] : []),
  ].join('\n');
}

function quantityText({ name, value, unit, limit }: Quantity): string {
  const verdict = value <= limit ? 'held' : '**not held**';
  return `${name}: ${value}${unit} (≤ ${limit}${unit} ${verdict})`;
}

function toRow({ name, limits = [] }: Measurement, runs: readonly Result[]): string {
  const cells = runs.flatMap((result) => {
    const measurement = result.measurements.find((each) => each.name === name);
    return [timeCell(measurement), ...(result.floor ? [ratioCell(measurement, result)] : [])];
  });
  return `| ${name} | ${cells.join(' | ')} | ${limits.map((limit) => limitCell(name, limit, runs)).join('; ')} |`;
}

function timeCell(measurement: Measurement | undefined): string {
  if (!measurement || measurement.failure !== undefined) return '**failed**';
  const { samples } = measurement;
  const [low, high] = [Math.min(...samples), Math.max(...samples)];
  return `${duration(median(samples))} (${duration(low)} – ${duration(high)})`;
}

function duration(milliseconds: number): string {
  if (milliseconds >= 1_000) return `${(milliseconds / 1_000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
}

function ratioCell(measurement: Measurement | undefined, result: Result): string {
  return ratioText(ratioOf(measurement, result));
}

function ratioText(ratio: number): string {
  return Number.isNaN(ratio) ? '–' : ratio.toFixed(2);
}

/** The ratio of the medians; NaN when either side is missing. */
function ratioOf(
  measurement: Measurement | undefined,
  { measurements, floor }: Result,
  of = floor,
): number {
  const base = measurements.find(({ name }) => name === of);
  return medianOf(measurement) / medianOf(base);
}

/** Milliseconds; NaN for who failed. */
function medianOf(measurement: Measurement | undefined): number {
  return measurement && measurement.failure === undefined
    ? median(measurement.samples)
    : Number.NaN;
}

function limitCell(name: string, limit: Limit, runs: readonly Result[]): string {
  const held = runs.every((result) => {
    const measurement = result.measurements.find((each) => each.name === name);
    return 'ratio' in limit
      ? ratioOf(measurement, result, limit.of) <= limit.ratio
      : medianOf(measurement) <= limit.seconds * 1_000;
  });
  const times = 'ratio' in limit && limit.of ? ` × ${limit.of}` : '';
  const text = 'ratio' in limit ? `≤ ${limit.ratio}${times}` : `≤ ${limit.seconds} s`;
  return held ? `${text} held` : `${text} **not held**`;
}
