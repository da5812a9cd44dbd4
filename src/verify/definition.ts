import type { ObjectIdentity } from '../catalog/snapshot.ts';
import type { Session } from '../db/session.ts';
import type { Severity } from '../report.ts';
import type { Thresholds } from './declaration.ts';

/** The groups of the catalogue: checks of every database, whatever its application. */
export const catalogueGroups = ['integrity', 'indexes', 'tables', 'security', 'server'] as const;
export type CatalogueGroup = (typeof catalogueGroups)[number];

/** `smoke` writes, in transactions that are rolled back, so it runs only where it is named. */
export const checkGroups = ['schema', ...catalogueGroups, 'data', 'smoke'] as const;
export type CheckGroup = (typeof checkGroups)[number];

/** The words of groups on the command line; `health` is the whole catalogue. */
export const groupWords: readonly string[] = [...checkGroups, 'health'];

/** What a check reads. The transaction is READ ONLY, under the path of dbops. */
export interface CheckInput {
  session: Session;
  /** The database is a replay of the folder: it has no rows, no statistics and no roles of its own. */
  isReplay: boolean;
  thresholds: Thresholds;
  /** Schemas that an API serves to roles of its users; absent: unknown. */
  exposedSchemas?: readonly string[];
  /** Roles that the application logs in as; absent: unknown. */
  applicationRoles?: readonly string[];
  /** Further servers with the same data, whose statistics count too. */
  replicas: readonly Session[];
}

/** One thing that a check found. */
export interface Problem {
  /** What it concerns; outside schemas `schema` and `parent` are empty. */
  object: ObjectIdentity;
  /** Distinguishes problems of one object, which share the key otherwise. */
  part?: string;
  /** Where it differs from that of the check. */
  severity?: Severity;
  message: string;
  /** What to do, as a sentence. With `fix` it ends without punctuation; `: ` and the SQL follow. */
  help: string;
  /** SQL that corrects it, each statement ended by a semicolon, if it does so without a decision. */
  fix?: string;
  /** The check could not look at this: the finding is `not-checked`, with severity `info`. */
  isNotChecked?: true;
}

/** A check of every database. A new one is a file in `checks/` and a line in `checks/index.ts`. */
export interface Check {
  /** Also the code of its findings. */
  name: string;
  group: CatalogueGroup;
  /** The severity of its findings, unless one says otherwise. */
  severity: Severity;
  /** Whether the catalog alone decides: then it also checks a replay of the folder. */
  isStatic: boolean;
  /** What it asserts. */
  summary: string;
  /** What happens where it does not hold. */
  harm: string;
  /** How to correct it. */
  cure: string;
  /** SQL that it reports; none where the state of a server or of rows decides. */
  example?: string;
  /** What it does not see, and what it leaves out deliberately. */
  limits: string;
  /** @throws NotChecked where the question cannot be answered */
  find(input: CheckInput): Promise<Problem[]>;
}

/** A check cannot be answered here; that is a finding of its own, never silence. */
export class NotChecked extends Error {
  /** What would make it answerable. */
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = 'NotChecked';
    this.help = help;
  }
}
