import type { Chart, Tone } from './chart.ts';

export type { Tone } from './chart.ts';
import { exitCodes, type DbopsError, type ExitCode } from './errors.ts';

/** Everything a JSON document may hold; a bigint is written with all its digits. */
export type JsonValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The keys of a JSON document beside `command`, `ok`, `target` and `error`. */
export type ReportData = { readonly [key: string]: JsonValue };

export type Severity = 'error' | 'warning' | 'info';

/** One thing that is wrong: its code, the consequence and the fix. */
export type Finding = {
  /** Also the name of the check that made it, such as `missing-index`. */
  code: string;
  severity: Severity;
  message: string;
  help: string;
  /**
   * The object; if known, the migration that created or last changed it, its file from the root of the
   * repository, and the lines of the statement, from 1.
   */
  where: { object: string; migration?: string; file?: string; line?: number; endLine?: number };
  /** Stable across runs: what a baseline of known findings would list. */
  key: string;
  /** Of a difference of the schema, where the server writes DDL for the object. */
  definitions?: { expected?: string; live?: string };
  /** SQL alone that corrects it; each statement ends with a semicolon. */
  fix?: string;
};

/** A finding that does not count: it is known, or allowed. */
export interface WaivedFinding {
  finding: Finding;
  /** Such as `known until 2027-01-31: replaced in May`. */
  reason: string;
}

/** A check that a command can run, for CI systems. */
export interface CheckDescription {
  /** Also the code of its findings. */
  name: string;
  group: string;
  /** What it asserts. */
  summary: string;
  /** What happens where it does not hold; how to correct it. */
  harm?: string;
  cure?: string;
  /** What the codes of its findings begin with; absent: the code is its name. */
  prefixes?: readonly string[];
}

/** What a command checked and found, for the files of `--report` and for annotations. */
export interface Inspection {
  /** Those that count, as far as they are listed. */
  findings: readonly Finding[];
  waived: readonly WaivedFinding[];
  /** The checks that ran. */
  checks: readonly CheckDescription[];
  /** The number of findings that count and are not listed, by check. */
  omitted: Readonly<Record<string, number>>;
  /** The least severity that fails. */
  failOn: Severity;
}

export type Cell = JsonValue;

export interface Column {
  key: string;
  label: string;
  align?: 'left' | 'right';
  /** Shown on a terminal in place of the raw value. */
  format?: (value: Cell, row: Row) => string;
  /** Shown instead on a terminal that is wide enough for the whole table. */
  wide?: (value: Cell, row: Row) => string;
  tone?: (value: Cell, row: Row) => Tone | undefined;
}

export type Row = Record<string, Cell>;

export interface Table {
  kind: 'table';
  title?: string;
  columns: Column[];
  rows: Row[];
  /** Definitions and remarks that are printed beneath. */
  notes?: string[];
  /** Drawn above the table on a page. */
  chart?: Chart;
}

export type Block =
  | Table
  | { kind: 'text'; text: string; tone?: Tone }
  | { kind: 'findings'; findings: Finding[] }
  | { kind: 'code'; text: string };

/**
 * The result of a command. `data` has the keys of its JSON document (beside `command`, `ok` and
 * `target`), `blocks` the same for people. A command that stopped midway gives the reason in
 * `error`, and still reports what it did.
 */
export interface Report<Data extends ReportData = ReportData> {
  exitCode: ExitCode;
  data: Data;
  blocks: Block[];
  error?: DbopsError;
  /** What was checked and found, by a command that looks for findings. */
  inspection?: Inspection;
  /** The command has printed its result while it ran, of which `data` and `blocks` hold no rows. */
  isPrinted?: boolean;
}

/** A report of success. */
export function done<Data extends ReportData>(data: Data, ...blocks: Block[]): Report<Data> {
  return { exitCode: exitCodes.done, data, blocks };
}

export function text(content: string, tone?: Tone): Block {
  return tone ? { kind: 'text', text: content, tone } : { kind: 'text', text: content };
}
